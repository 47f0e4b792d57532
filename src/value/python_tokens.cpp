#include "value/python_tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/strings.hpp"
#include "value/number_text.hpp"
#include "value/unicode_text.hpp"

namespace squall::python {

Error syntax_error(std::string_view message, int line) {
  return Error(ErrorCode::kInvalid, fmt::format("{} (<unknown>, line {})", message, line)).with_type("SyntaxError");
}

namespace {

constexpr int kBracketsMax = 200;  // MAXLEVEL of CPython's tokenizer

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word_byte(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Turns the inside of a quoted literal into its value.
class StringDecoder {
 public:
  StringDecoder(std::string_view body, bool bytes, int line) : body_(body), bytes_(bytes), line_(line) {}

  Result<std::string> decode() {
    while (at_ < body_.size()) {
      if (body_[at_] != '\\') {
        if (bytes_ && static_cast<unsigned char>(body_[at_]) >= 0x80) {
          return fail(syntax_error("bytes can only contain ASCII literal characters", line_));
        }
        out_ += body_[at_++];
        continue;
      }
      SQ_CHECK(escape());
    }
    return std::move(out_);
  }

 private:
  Status escape() {
    const size_t start = at_++;
    const char c = at_ < body_.size() ? body_[at_++] : '\\';
    constexpr std::string_view kNames = "\\'\"abfnrtv";
    constexpr std::string_view kValues = "\\'\"\a\b\f\n\r\t\v";
    if (c == '\n') return {};
    if (const size_t named = kNames.find(c); named != std::string_view::npos) {
      out_ += kValues[named];
      return {};
    }
    if (c >= '0' && c <= '7') return octal();
    if (c == 'x') return hexadecimal(start, 2);
    if (!bytes_ && c == 'u') return hexadecimal(start, 4);
    if (!bytes_ && c == 'U') return hexadecimal(start, 8);
    if (!bytes_ && c == 'N') {
      return unicode_error(start, std::min(body_.find('}', at_), body_.size() - 1), "unknown Unicode character name");
    }
    out_ += '\\';
    out_ += c;
    return {};
  }

  Status octal() {
    unsigned value = 0;
    --at_;
    for (int i = 0; i < 3 && at_ < body_.size() && body_[at_] >= '0' && body_[at_] <= '7'; ++i) {
      value = value * 8 + static_cast<unsigned>(body_[at_++] - '0');
    }
    put(value & (bytes_ ? 0xffu : ~0u));
    return {};
  }

  Status hexadecimal(size_t start, int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const int digit = at_ < body_.size() ? hex_value(body_[at_]) : -1;
      if (digit >= 0) {
        value = value * 16 + static_cast<char32_t>(digit);
        continue;
      }
      if (bytes_) {
        return fail(syntax_error(fmt::format("(value error) invalid \\x escape at position {}", start), line_));
      }
      return unicode_error(start, at_ - 1,
                           digits == 2   ? "truncated \\xXX escape"
                           : digits == 4 ? "truncated \\uXXXX escape"
                                         : "truncated \\UXXXXXXXX escape");
    }
    if (value > 0x10ffff) return unicode_error(start, at_ - 1, "illegal Unicode character");
    put(value);
    return {};
  }

  Status unicode_error(size_t start, size_t end, std::string_view reason) {
    return fail(
        syntax_error(fmt::format("(unicode error) 'unicodeescape' codec can't decode bytes in position {}-{}: {}",
                                 position(start), position(end), reason),
                     line_));
  }

  // CPython widens each character outside ASCII to ten bytes ("\\U0000e9") before it decodes.
  size_t position(size_t at) const {
    const std::string_view before = body_.substr(0, at);
    const auto wide = static_cast<size_t>(std::count_if(
        before.begin(), before.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0xc0; }));
    const auto tails = static_cast<size_t>(std::count_if(
        before.begin(), before.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }));
    return at - tails + 9 * wide;
  }

  void put(char32_t c) {
    if (bytes_) {
      out_ += static_cast<char>(c);
    } else {
      append_utf8(out_, c);
    }
  }

  std::string_view body_;
  bool bytes_;
  int line_;
  size_t at_ = 0;
  std::string out_;
};

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> run() {
    while (true) {
      SQ_TRY(const bool more, skip_blanks());
      if (!more) break;
      SQ_CHECK(next_token());
    }
    tokens_.push_back({Token::Kind::kEnd, {}, line_, static_cast<int>(open_.size())});
    return std::move(tokens_);
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }

  // Skips blanks, comments and joined lines. False at the end.
  Result<bool> skip_blanks() {
    for (; at_ < source_.size(); ++at_) {
      const char c = source_[at_];
      if (c == '#') {
        while (at_ + 1 < source_.size() && source_[at_ + 1] != '\n') ++at_;
      } else if (c == '\n') {
        if (open_.empty() && !tokens_.empty() && tokens_.back().kind != Token::Kind::kNewline) {
          tokens_.push_back({Token::Kind::kNewline, source_.substr(at_, 1), line_, 0});
        }
        ++line_;
        line_start_ = at_ + 1;
      } else if (c == '\\') {
        if (peek(1) != '\n') {
          return fail(syntax_error("unexpected character after line continuation character", line_));
        }
        ++at_;
        ++line_;
      } else if (c != ' ' && c != '\t' && c != '\f' && c != '\r') {
        if (tokens_.empty() && line_ > 1 && at_ > line_start_) {
          return fail(syntax_error("unexpected indent", line_).with_type("IndentationError"));
        }
        return true;
      }
    }
    return false;
  }

  Status next_token() {
    const char c = peek();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (is_word_byte(c)) return word();
    if (c == '\'' || c == '"') return string(0);
    return operation();
  }

  void add(Token::Kind kind, size_t start) {
    tokens_.push_back({kind, source_.substr(start, at_ - start), line_, static_cast<int>(open_.size())});
  }

  Status word() {
    const size_t start = at_;
    while (at_ < source_.size() && is_word_byte(source_[at_])) ++at_;
    const std::string_view text = source_.substr(start, at_ - start);
    if (peek() == '\'' || peek() == '"') {
      const std::string prefix = to_lower(text);
      for (const std::string_view known : {"r", "u", "b", "f", "br", "rb", "fr", "rf"}) {
        if (prefix != known) continue;
        at_ = start;
        return string(prefix.size());
      }
    }
    for (size_t i = 0; i < text.size();) {
      const char32_t c = next_code_point(text, i);
      if (is_identifier_continue(c)) continue;
      std::string shown;
      append_utf8(shown, c);
      return fail(syntax_error(is_printable(c)
                                   ? fmt::format("invalid character '{}' (U+{:04X})", shown, static_cast<uint32_t>(c))
                                   : fmt::format("invalid non-printable character U+{:04X}", static_cast<uint32_t>(c)),
                               line_));
    }
    size_t first = 0;
    const char32_t c = next_code_point(text, first);
    if (!is_identifier_start(c)) {
      return fail(syntax_error(
          fmt::format("invalid character '{}' (U+{:04X})", text.substr(0, first), static_cast<uint32_t>(c)), line_));
    }
    add(Token::Kind::kName, start);
    return {};
  }

  Status string(size_t prefix_size) {
    const size_t start = at_;
    const int first_line = line_;
    const std::string prefix = to_lower(source_.substr(at_, prefix_size));
    const auto has = [&](char c) { return prefix.find(c) != std::string::npos; };
    at_ += prefix_size;
    const char quote = peek();
    const bool triple = peek(1) == quote && peek(2) == quote;
    const std::string closing(triple ? 3 : 1, quote);
    at_ += closing.size();
    const size_t body = at_;
    while (source_.substr(at_, closing.size()) != closing) {
      if (at_ >= source_.size() || (!triple && source_[at_] == '\n')) {
        return fail(syntax_error(
            fmt::format("unterminated {}string literal (detected at line {})", triple ? "triple-quoted " : "", line_),
            first_line));
      }
      if (source_[at_] == '\\' && at_ + 1 < source_.size()) ++at_;
      if (source_[at_] == '\n') ++line_;
      ++at_;
    }
    const std::string_view inside = source_.substr(body, at_ - body);
    at_ += closing.size();
    Token token{Token::Kind::kString, source_.substr(start, at_ - start), first_line, static_cast<int>(open_.size())};
    token.formatted = has('f');
    if (!token.formatted) {
      SQ_TRY(std::string decoded, decode(inside, has('r'), has('b'), first_line));
      token.value = has('b') ? Value::bytes(std::move(decoded)) : Value(std::move(decoded));
    }
    tokens_.push_back(std::move(token));
    return {};
  }

  static Result<std::string> decode(std::string_view inside, bool raw, bool bytes, int line) {
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    if (raw && (!bytes || std::all_of(inside.begin(), inside.end(), is_ascii))) return std::string(inside);
    return StringDecoder(inside, bytes, line).decode();
  }

  // Digits with single underscores between them go to `digits`; an error when an underscore stands elsewhere.
  bool take_digits(std::string& digits, int base) {
    const auto is_base_digit = [base](char c) { return hex_value(c) >= 0 && hex_value(c) < base; };
    if (!is_base_digit(peek())) return false;
    while (true) {
      while (is_base_digit(peek())) digits += source_[at_++];
      if (peek() != '_') return true;
      ++at_;
      if (!is_base_digit(peek())) return false;
    }
  }

  Status number() {
    const size_t start = at_;
    if (peek() == '0') {
      const char mark = static_cast<char>(peek(1) | 0x20);
      if (mark == 'x') return based(start, 16, "hexadecimal");
      if (mark == 'o') return based(start, 8, "octal");
      if (mark == 'b') return based(start, 2, "binary");
    }
    const auto invalid = [&] { return fail(syntax_error("invalid decimal literal", line_)); };
    std::string digits;
    bool real = false;
    if (peek() != '.' && !take_digits(digits, 10)) return invalid();
    if (peek() == '.') {
      real = true;
      digits += source_[at_++];
      if (is_digit(peek()) && !take_digits(digits, 10)) return invalid();
    }
    if (peek() == 'e' || peek() == 'E') {
      const bool sign = peek(1) == '+' || peek(1) == '-';
      if (is_digit(peek(sign ? 2 : 1))) {
        real = true;
        digits += 'e';
        ++at_;
        if (sign) digits += source_[at_++];
        if (!take_digits(digits, 10)) return invalid();
      }
    }
    const bool complex = peek() == 'j' || peek() == 'J';
    if (complex) ++at_;
    if (is_word_byte(peek()) && !keyword_follows()) return invalid();
    add(Token::Kind::kNumber, start);
    tokens_.back().complex = complex;
    return real || complex ? set_real(digits) : set_integer(digits);
  }

  // "1if x" is allowed: a keyword may follow a number without a blank.
  bool keyword_follows() const {
    for (const std::string_view word : {"and", "else", "for", "if", "in", "is", "not", "or"}) {
      if (source_.substr(at_, word.size()) == word && !is_word_byte(peek(word.size()))) return true;
    }
    return false;
  }

  Status set_real(const std::string& digits) {
    double value = 0;
    const std::string text = digits.front() == '.' ? "0" + digits : digits;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    // Too large is infinity, too small is zero, as in Python.
    if (error == std::errc::result_out_of_range) value = std::strtod(text.c_str(), nullptr);
    tokens_.back().value = Value(value);
    return {};
  }

  Status set_integer(const std::string& digits) {
    if (digits.front() == '0' && digits.find_first_not_of('0') != std::string::npos) {
      return fail(syntax_error(
          "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers", line_));
    }
    return set_integer(digits, 10);
  }

  Status set_integer(const std::string& digits, int base) {
    Result<Value> value = integer_from_digits(digits, base, false);
    if (!value) return fail(syntax_error(value.error().message(), line_));
    tokens_.back().value = std::move(*value);
    return {};
  }

  Status based(size_t start, int base, std::string_view name) {
    at_ += 2;
    if (peek() == '_') ++at_;
    std::string digits;
    const bool good = take_digits(digits, base);
    if (is_digit(peek())) {
      return fail(syntax_error(fmt::format("invalid digit '{}' in {} literal", peek(), name), line_));
    }
    if (!good || (is_word_byte(peek()) && !keyword_follows())) {
      return fail(syntax_error(fmt::format("invalid {} literal", name), line_));
    }
    add(Token::Kind::kNumber, start);
    return set_integer(digits, base);
  }

  Status operation() {
    const size_t start = at_;
    const char c = peek();
    if (c == '(' || c == '[' || c == '{') {
      if (open_.size() >= kBracketsMax) return fail(syntax_error("too many nested parentheses", line_));
      ++at_;
      add(Token::Kind::kOperator, start);
      open_.push_back({c, line_});
      return {};
    }
    if (c == ')' || c == ']' || c == '}') return close(c);
    for (const std::string_view op : {"...", "**=", "//=", ">>=", "<<=", "**", "//", "<<", ">>", "<=", ">=", "==",
                                      "!=",  ":=",  "->",  "+=",  "-=",  "*=", "/=", "%=", "&=", "|=", "^=", "@="}) {
      if (source_.substr(at_, op.size()) != op) continue;
      at_ += op.size();
      add(Token::Kind::kOperator, start);
      return {};
    }
    // A character that starts no token becomes an operator that no rule knows: the parser says "invalid syntax".
    ++at_;
    add(Token::Kind::kOperator, start);
    return {};
  }

  Status close(char c) {
    if (open_.empty()) return fail(syntax_error(fmt::format("unmatched '{}'", c), line_));
    const auto [bracket, line] = open_.back();
    const char expected = bracket == '(' ? ')' : bracket == '[' ? ']' : '}';
    if (c != expected) {
      const std::string where = line == line_ ? "" : fmt::format(" on line {}", line);
      return fail(syntax_error(
          fmt::format("closing parenthesis '{}' does not match opening parenthesis '{}'{}", c, bracket, where), line_));
    }
    open_.pop_back();
    const size_t start = at_++;
    add(Token::Kind::kOperator, start);
    return {};
  }

  struct Bracket {
    char bracket;
    int line;
  };

  std::string_view source_;
  size_t at_ = 0;
  size_t line_start_ = 0;
  int line_ = 1;
  std::vector<Bracket> open_;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) { return Tokenizer(source).run(); }

const Token* unclosed_bracket(const std::vector<Token>& tokens) {
  int level = tokens.back().level;
  if (level == 0) return nullptr;
  for (size_t i = tokens.size(); i-- > 0;) {
    const Token& token = tokens[i];
    if (token.level == level - 1 && (token.is("(") || token.is("[") || token.is("{"))) return &token;
  }
  return nullptr;
}

}  // namespace squall::python
