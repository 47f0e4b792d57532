#include "expr/jinja/lexer.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/strings.hpp"
#include "expr/python/text.hpp"
#include "value/number_text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

Error syntax_error(std::string message, Place place) {
  return Error(ErrorCode::kInvalid, std::move(message), SourcePosition{"", place.line, place.column})
      .with_type("TemplateSyntaxError");
}

std::string_view describe(TokenKind kind) {
  static constexpr std::array<std::string_view, 37> kNames = {
      "end of template",
      "template data / text",
      "begin of print statement",
      "end of print statement",
      "begin of statement block",
      "end of statement block",
      "name",
      "string",
      "integer",
      "float",
      "+",
      "-",
      "/",
      "//",
      "*",
      "%",
      "**",
      "~",
      "[",
      "]",
      "(",
      ")",
      "{",
      "}",
      "==",
      "!=",
      ">",
      ">=",
      "<",
      "<=",
      "=",
      ".",
      ":",
      "|",
      ",",
      ";",
      "unreadable text",
  };
  return kNames[static_cast<size_t>(kind)];
}

std::string describe(const Token& token) {
  return token.is(TokenKind::kName) ? token.text : std::string(describe(token.kind));
}

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// \r\n and \r become \n; one trailing newline is dropped (keep_trailing_newline is off).
std::string normalize_source(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out.push_back(source[i]);
      continue;
    }
    out.push_back('\n');
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

int hex_digit_value(char c) { return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10; }

// The escapes of Python's "unicode-escape" codec. `body` is what stands between the quotes.
class StringEscapes {
 public:
  explicit StringEscapes(std::string_view body) : body_(body) {}

  // Empty on success, else Python's words for the mistake.
  std::string_view decode(std::string& out) {
    while (at_ < body_.size()) {
      const char c = body_[at_++];
      if (c != '\\' || at_ == body_.size()) {
        out.push_back(c);
        continue;
      }
      if (const std::string_view mistake = escape(out); !mistake.empty()) return mistake;
    }
    return {};
  }

 private:
  std::string_view escape(std::string& out) {
    static constexpr std::string_view kShort = "\\'\"abfnrtv";
    static constexpr std::string_view kMeaning = "\\'\"\a\b\f\n\r\t\v";
    const char c = body_[at_++];
    if (c == '\n') return {};
    if (const size_t found = kShort.find(c); found != std::string_view::npos) {
      out.push_back(kMeaning[found]);
      return {};
    }
    if (c >= '0' && c <= '7') {
      char32_t code = static_cast<char32_t>(c - '0');
      for (int i = 0; i < 2 && at_ < body_.size() && body_[at_] >= '0' && body_[at_] <= '7'; ++i) {
        code = code * 8 + static_cast<char32_t>(body_[at_++] - '0');
      }
      append_utf8(out, code);
      return {};
    }
    if (c == 'x') return hex(out, 2, "truncated \\xXX escape");
    if (c == 'u') return hex(out, 4, "truncated \\uXXXX escape");
    if (c == 'U') return hex(out, 8, "truncated \\UXXXXXXXX escape");
    if (c == 'N') return "unknown Unicode character name";
    out.push_back('\\');
    out.push_back(c);
    return {};
  }

  std::string_view hex(std::string& out, int digits, std::string_view truncated) {
    char32_t code = 0;
    for (int i = 0; i < digits; ++i) {
      if (at_ == body_.size() || !is_hex_digit(body_[at_])) return truncated;
      code = code * 16 + static_cast<char32_t>(hex_digit_value(body_[at_++]));
    }
    if (code > 0x10ffff) return "illegal Unicode character";
    append_utf8(out, code);
    return {};
  }

  std::string_view body_;
  size_t at_ = 0;
};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalize_source(source)) {}

  Tokens run(bool in_variable) {
    const Status status = read(in_variable);
    if (status) {
      emit(TokenKind::kEof, at_);
      return {std::move(tokens_), std::nullopt};
    }
    Token& last = tokens_.emplace_back();
    last.kind = TokenKind::kError;
    last.place = {status.error().where().line, status.error().where().column};
    return {std::move(tokens_), status.error()};
  }

 private:
  Status read(bool in_variable) {
    if (in_variable) SQ_CHECK(code(TokenKind::kVariableEnd));
    while (at_ < source_.size()) SQ_CHECK(root());
    return {};
  }

  std::string_view rest() const { return std::string_view(source_).substr(at_); }
  bool next_is(std::string_view text) const { return rest().starts_with(text); }

  Place place_at(size_t offset) {
    if (offset < line_offset_) {
      line_ = 1;
      line_offset_ = columns_ = 0;
    }
    const std::string_view passed = std::string_view(source_).substr(line_offset_, offset - line_offset_);
    line_ += static_cast<int>(std::count(passed.begin(), passed.end(), '\n'));
    if (const size_t newline = passed.rfind('\n'); newline != std::string_view::npos) {
      columns_ = utf8_length(passed.substr(newline + 1));
    } else {
      columns_ += utf8_length(passed);
    }
    line_offset_ = offset;
    return {line_, static_cast<int>(columns_) + 1};
  }

  Token& emit(TokenKind kind, size_t offset) {
    Token& token = tokens_.emplace_back();
    token.kind = kind;
    token.place = place_at(offset);
    return token;
  }

  tl::unexpected<Error> fail_at(std::string message, size_t offset) {
    return fail(syntax_error(std::move(message), place_at(offset)));
  }

  size_t skip_space(size_t offset) const {
    while (offset < source_.size()) {
      size_t next = offset;
      if (!py::is_space(next_code_point(source_, next))) break;
      offset = next;
    }
    return offset;
  }

  // Moves on to `offset`; remembers whether that is the start of a line, for lstrip_blocks.
  void advance(size_t offset) {
    if (offset > at_) line_starting_ = source_[offset - 1] == '\n';
    at_ = offset;
  }

  // Emits the text before a tag, stripped as the tag's sign asks. `strippable`: lstrip_blocks applies (not to "{{").
  void emit_text(size_t tag, char sign, bool strippable) {
    std::string_view text = std::string_view(source_).substr(at_, tag - at_);
    if (sign == '-') {
      text = py::rstrip(text);
    } else if (sign != '+' && strippable) {
      const size_t newline = text.rfind('\n');
      const size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
      if ((line_start > 0 || line_starting_) && py::strip(text.substr(line_start)).empty()) {
        text = text.substr(0, line_start);
      }
    }
    if (!text.empty()) emit(TokenKind::kData, at_).text = std::string(text);
  }

  // The sign after an opening delimiter at `tag`.
  char sign_at(size_t tag) const {
    const char c = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    return c == '-' || c == '+' ? c : '\0';
  }

  size_t find_tag(size_t from) const {
    for (size_t brace = source_.find('{', from); brace != std::string::npos; brace = source_.find('{', brace + 1)) {
      const char next = brace + 1 < source_.size() ? source_[brace + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return brace;
    }
    return std::string::npos;
  }

  Status root() {
    const size_t tag = find_tag(at_);
    if (tag == std::string::npos) {
      emit(TokenKind::kData, at_).text = std::string(rest());
      advance(source_.size());
      return {};
    }
    const char sign = sign_at(tag);
    const char kind = source_[tag + 1];
    emit_text(tag, sign, kind != '{');
    const size_t inside = tag + (sign == '\0' ? 2 : 3);
    if (kind == '#') return comment(inside);
    if (kind == '%') {
      if (const size_t end = keyword_tag(inside, "raw", false); end != 0) return raw(end);
      emit(TokenKind::kBlockBegin, tag);
      advance(inside);
      return code(TokenKind::kBlockEnd);
    }
    emit(TokenKind::kVariableBegin, tag);
    advance(inside);
    return code(TokenKind::kVariableEnd);
  }

  // The offset behind "raw %}" or "endraw %}" that starts at `offset`, or 0.
  size_t keyword_tag(size_t offset, std::string_view keyword, bool trim_newline) const {
    offset = skip_space(offset);
    if (std::string_view(source_).substr(offset, keyword.size()) != keyword) return 0;
    return block_end(skip_space(offset + keyword.size()), trim_newline, trim_newline);
  }

  // The offset behind a "%}" with its sign at `offset`, or 0.
  size_t block_end(size_t offset, bool plus_allowed, bool trim_newline) const {
    const std::string_view at = std::string_view(source_).substr(offset);
    if (at.starts_with("-%}")) return skip_space(offset + 3);
    if (plus_allowed && at.starts_with("+%}")) return offset + 3;
    if (!at.starts_with("%}")) return 0;
    return offset + (trim_newline && at.size() > 2 && at[2] == '\n' ? 3 : 2);
  }

  Status comment(size_t inside) {
    const size_t start = at_;
    const size_t end = source_.find("#}", inside);
    if (end == std::string::npos) return fail_at("Missing end of comment tag", start);
    const char sign = end > inside ? source_[end - 1] : '\0';
    size_t after = end + 2;
    if (sign == '-') {
      after = skip_space(after);
    } else if (sign != '+' && after < source_.size() && source_[after] == '\n') {
      ++after;
    }
    advance(after);
    return {};
  }

  Status raw(size_t inside) {
    advance(inside);
    for (size_t tag = source_.find("{%", inside); tag != std::string::npos; tag = source_.find("{%", tag + 1)) {
      const char sign = sign_at(tag);
      const size_t end = keyword_tag(tag + (sign == '\0' ? 2 : 3), "endraw", true);
      if (end == 0) continue;
      emit_text(tag, sign, true);
      advance(end);
      return {};
    }
    return fail_at("Missing end of raw directive", inside);
  }

  // Everything between an opening delimiter and its end.
  Status code(TokenKind end) {
    std::string open;  // the closing brackets that are waited for
    while (true) {
      advance(skip_space(at_));
      if (at_ == source_.size()) return {};  // the parser says what is missing
      if (open.empty()) {
        const size_t after = end == TokenKind::kBlockEnd ? block_end(at_, true, true) : variable_end(at_);
        if (after != 0) {
          emit(end, at_);
          advance(after);
          return {};
        }
      }
      SQ_CHECK(token(open));
    }
  }

  size_t variable_end(size_t offset) const {
    const std::string_view at = std::string_view(source_).substr(offset);
    if (at.starts_with("-}}")) return skip_space(offset + 3);
    return at.starts_with("}}") ? offset + 2 : 0;
  }

  Status token(std::string& open) {
    if (is_digit(source_[at_])) return number();
    size_t end = at_;
    while (end < source_.size()) {
      size_t next = end;
      if (!py::is_word(next_code_point(source_, next))) break;
      end = next;
    }
    if (end > at_) {
      emit(TokenKind::kName, at_).text = source_.substr(at_, end - at_);
      advance(end);
      return {};
    }
    if (source_[at_] == '\'' || source_[at_] == '"') return string();
    return operator_token(open);
  }

  // The offset behind digits with single underscores between them.
  size_t digits_end(size_t offset) const {
    while (offset < source_.size() && is_digit(source_[offset])) {
      ++offset;
      if (offset + 1 < source_.size() && source_[offset] == '_' && is_digit(source_[offset + 1])) ++offset;
    }
    return offset;
  }

  // The offset behind a float at the current position, or 0 when it is none.
  size_t float_end() const {
    if (at_ > 0 && source_[at_ - 1] == '.') return 0;
    size_t end = digits_end(at_);
    bool is_float = false;
    if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) {
      end = digits_end(end + 1);
      is_float = true;
    }
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      size_t exponent = end + 1;
      if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) ++exponent;
      if (exponent < source_.size() && is_digit(source_[exponent])) return digits_end(exponent);
    }
    return is_float ? end : 0;
  }

  Status number() {
    if (const size_t end = float_end(); end != 0) {
      std::string text = replace_all(source_.substr(at_, end - at_), "_", "");
      emit(TokenKind::kFloat, at_).number = Value(std::strtod(text.c_str(), nullptr));
      advance(end);
      return {};
    }
    int base = 10;
    size_t begin = at_;
    size_t end = at_;
    const char prefix =
        source_[at_] == '0' && at_ + 1 < source_.size() ? static_cast<char>(source_[at_ + 1] | 0x20) : 0;
    for (const auto& [letter, its_base] : {std::pair('b', 2), std::pair('o', 8), std::pair('x', 16)}) {
      if (prefix != letter) continue;
      const size_t after = digits_in_base(at_ + 2, its_base);
      if (after == at_ + 2) continue;
      base = its_base;
      begin = at_ + 2;
      end = after;
    }
    if (base == 10) {
      // A decimal does not start with 0, except 0, 00, 0_0 and so on.
      end = source_[at_] == '0' ? digits_in_base(at_, 1) : digits_end(at_);
    }
    const std::string digits = replace_all(std::string_view(source_).substr(begin, end - begin), "_", "");
    auto value = integer_from_digits(digits, base, false);
    if (!value) {
      const Place place = place_at(at_);
      return fail(value.error().at({"", place.line, place.column}));
    }
    emit(TokenKind::kInteger, at_).number = *std::move(value);
    advance(end);
    return {};
  }

  // The offset behind `(_?digit)*`; base 1 stands for nothing but zeros.
  size_t digits_in_base(size_t offset, int base) const {
    const auto is_in_base = [&](size_t i) {
      return i < source_.size() && is_hex_digit(source_[i]) && hex_digit_value(source_[i]) < base;
    };
    while (true) {
      if (is_in_base(offset)) {
        ++offset;
      } else if (offset < source_.size() && source_[offset] == '_' && is_in_base(offset + 1)) {
        offset += 2;
      } else {
        return offset;
      }
    }
  }

  Status string() {
    const char quote = source_[at_];
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) return unexpected_char();
    std::string text;
    StringEscapes escapes(std::string_view(source_).substr(at_ + 1, end - at_ - 1));
    if (const std::string_view mistake = escapes.decode(text); !mistake.empty()) {
      return fail_at(std::string(mistake), at_);
    }
    emit(TokenKind::kString, at_).text = std::move(text);
    advance(end + 1);
    return {};
  }

  Status operator_token(std::string& open) {
    // Two characters first, so that "//" is not two divisions.
    static constexpr TokenKind kTwo[] = {TokenKind::kFloorDiv, TokenKind::kPow,  TokenKind::kEq,
                                         TokenKind::kNe,       TokenKind::kGtEq, TokenKind::kLtEq};
    for (const TokenKind kind : kTwo) {
      if (!next_is(describe(kind))) continue;
      emit(kind, at_);
      advance(at_ + 2);
      return {};
    }
    const char c = source_[at_];
    for (size_t k = static_cast<size_t>(TokenKind::kAdd); k <= static_cast<size_t>(TokenKind::kSemicolon); ++k) {
      const auto kind = static_cast<TokenKind>(k);
      if (describe(kind).size() != 1 || describe(kind).front() != c) continue;
      SQ_CHECK(balance(c, open));
      emit(kind, at_);
      advance(at_ + 1);
      return {};
    }
    return unexpected_char();
  }

  Status balance(char c, std::string& open) {
    if (c == '(') open.push_back(')');
    if (c == '[') open.push_back(']');
    if (c == '{') open.push_back('}');
    if (c != ')' && c != ']' && c != '}') return {};
    if (open.empty()) return fail_at(std::string("unexpected '") + c + "'", at_);
    const char expected = open.back();
    open.pop_back();
    if (expected == c) return {};
    return fail_at(std::string("unexpected '") + c + "', expected '" + expected + "'", at_);
  }

  Status unexpected_char() {
    size_t next = at_;
    next_code_point(source_, next);
    const std::string shown = python::repr(Value(std::string_view(source_).substr(at_, next - at_)));
    const size_t position = utf8_length(std::string_view(source_).substr(0, at_));
    return fail_at("unexpected char " + shown + " at " + std::to_string(position), at_);
  }

  std::string source_;
  size_t at_ = 0;
  int line_ = 1;
  size_t line_offset_ = 0;  // the last place asked for
  size_t columns_ = 0;      // characters before it in its line
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) {
  Tokens all = tokenize_lazily(source);
  if (all.mistake) return fail(*std::move(all.mistake));
  return std::move(all.tokens);
}

Tokens tokenize_lazily(std::string_view source, bool in_variable) { return Lexer(source).run(in_variable); }

}  // namespace squall::expr::jinja
