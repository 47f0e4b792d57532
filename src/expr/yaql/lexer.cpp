#include "expr/yaql/lexer.hpp"

#include <array>
#include <optional>

#include "base/strings.hpp"
#include "expr/python/errors.hpp"
#include "expr/python/numbers.hpp"
#include "expr/python/text.hpp"
#include "expr/yaql/escapes.hpp"
#include "value/python.hpp"

namespace squall::expr::yaql {

namespace {

// Longest first. "[" and "{" open lists and maps; "=>" names an argument.
constexpr std::array<std::u32string_view, 16> kSymbols = {U"=>", U"?.", U"->", U"=~", U"!~", U"!=", U">=", U"<=",
                                                          U".",  U"+",  U"-",  U"*",  U"/",  U">",  U"<",  U"="};
constexpr std::u32string_view kLiterals = U"()],}";
// CPython refuses to convert longer texts (sys.int_info.default_max_str_digits).
constexpr size_t kDigitsMax = 4300;

bool is_digit(char32_t c) { return py::decimal_value(c) >= 0; }
bool is_word_start(char32_t c) { return py::is_word(c) && !is_digit(c); }
bool is_word_operator(std::string_view word) {
  return word == "mod" || word == "in" || word == "not" || word == "and" || word == "or";
}

}  // namespace

Lexer::Lexer(std::string_view text) : text_(py::decode(text)) {}

SourcePosition Lexer::where(size_t position) const {
  SourcePosition where;
  where.line = 1;
  where.column = 1;
  for (size_t i = 0; i < position && i < text_.size(); ++i) {
    ++where.column;
    if (text_[i] != U'\n') continue;
    ++where.line;
    where.column = 1;
  }
  return where;
}

// \b of a regular expression, where a word character follows.
bool Lexer::boundary_before() const { return at_ == 0 || !py::is_word(text_[at_ - 1]); }

Result<Token> Lexer::next() {
  while (at_ < text_.size() &&
         (text_[at_] == U' ' || text_[at_] == U'\t' || text_[at_] == U'\r' || text_[at_] == U'\n'))
    ++at_;
  Token token;
  token.position = at_;
  if (at_ >= text_.size()) return token;
  const char32_t c = text_[at_];
  if (c == U'$') return variable();
  if (is_digit(c) && boundary_before()) {
    SQ_TRY(token, number());
    if (token.kind != TokenKind::kEnd) return token;
  } else if (is_word_start(c) && boundary_before()) {
    token = word();
    if (token.kind != TokenKind::kEnd) return token;
  } else if (c == U'\'' || c == U'"' || c == U'`') {
    if (quoted(c, token)) return token;
  } else if (symbol(token)) {
    return token;
  }
  Error error(ErrorCode::kInvalid, "Lexical error: illegal character '" + py::encode(std::u32string_view(&c, 1)) +
                                       "' at position " + std::to_string(at_));
  return fail(error.with_type("YaqlLexicalException").at(where(at_)));
}

// Digits, or digits with one point inside; nothing when a word character follows at once.
Result<Token> Lexer::number() {
  const auto digits_end = [&](size_t from) {
    while (is_digit(at(from))) ++from;
    return from;
  };
  const auto ends_here = [&](size_t end) { return end >= text_.size() || !py::is_word(text_[end]); };
  Token token;
  token.position = at_;
  size_t end = digits_end(at_);
  bool is_float = false;
  if (at(end) == U'.' && is_digit(at(end + 1))) {
    const size_t fraction_end = digits_end(end + 1);
    if (ends_here(fraction_end)) {
      end = fraction_end;
      is_float = true;
    }
  }
  if (!ends_here(end)) return token;
  const std::string digits = py::encode(std::u32string_view(text_).substr(at_, end - at_));
  if (is_float) {
    SQ_TRY(const double value, py::parse_float(digits));
    token.value = Value(value);
  } else {
    if (end - at_ > kDigitsMax) {
      return py::value_error("Exceeds the limit (" + std::to_string(kDigitsMax) +
                             " digits) for integer string conversion: value has " + std::to_string(end - at_) +
                             " digits; use sys.set_int_max_str_digits() to increase the limit");
    }
    SQ_TRY(token.value, py::parse_integer(digits));
  }
  token.kind = TokenKind::kConstant;
  token.text = python::str(token.value);
  at_ = end;
  return token;
}

Token Lexer::word() {
  Token token;
  token.position = at_;
  size_t end = at_;
  while (end < text_.size() && py::is_word(text_[end])) ++end;
  token.text = py::encode(std::u32string_view(text_).substr(at_, end - at_));
  if (at(end) == U'(') {
    token.kind = TokenKind::kFunction;
    at_ = end + 1;
    return token;
  }
  if (token.text.starts_with("__")) return token;  // no bare word begins so
  at_ = end;
  token.kind = TokenKind::kConstant;
  if (token.text == "true" || token.text == "false") {
    token.value = Value(token.text == "true");
    token.text = token.text == "true" ? "True" : "False";
  } else if (token.text == "null") {
    token.text = "None";
  } else if (is_word_operator(token.text)) {
    token.kind = TokenKind::kOperator;
  } else {
    token.kind = TokenKind::kKeyword;
    token.value = Value(token.text);
  }
  return token;
}

Token Lexer::variable() {
  Token token;
  token.kind = TokenKind::kVariable;
  token.position = at_;
  size_t end = at_ + 1;
  while (end < text_.size() && py::is_word(text_[end])) ++end;
  token.text = py::encode(std::u32string_view(text_).substr(at_, end - at_));
  at_ = end;
  return token;
}

// False when the quote is never closed, or a line ends right after a backslash.
bool Lexer::quoted(char32_t quote, Token& token) {
  size_t end = at_ + 1;
  while (end < text_.size() && text_[end] != quote) {
    if (text_[end] == U'\\') {
      ++end;
      if (end >= text_.size() || text_[end] == U'\n') return false;
    }
    ++end;
  }
  if (end >= text_.size()) return false;
  const std::u32string_view inside = std::u32string_view(text_).substr(at_ + 1, end - at_ - 1);
  token.kind = TokenKind::kConstant;
  token.text = quote == U'`' ? replace_all(py::encode(inside), "\\`", "`") : decode_escapes(inside);
  token.value = Value(token.text);
  at_ = end + 1;
  return true;
}

bool Lexer::symbol(Token& token) {
  for (const std::u32string_view symbol : kSymbols) {
    if (std::u32string_view(text_).substr(at_, symbol.size()) != symbol) continue;
    token.kind = symbol == U"=>" ? TokenKind::kMapping : TokenKind::kOperator;
    token.text = py::encode(symbol);
    at_ += symbol.size();
    return true;
  }
  const char32_t c = text_[at_];
  if (c == U'[') token.kind = TokenKind::kBracket;
  if (c == U'{') token.kind = TokenKind::kBrace;
  if (kLiterals.find(c) != std::u32string_view::npos) token.kind = TokenKind::kLiteral;
  if (token.kind == TokenKind::kEnd) return false;
  token.text = py::encode(std::u32string_view(&c, 1));
  ++at_;
  return true;
}

}  // namespace squall::expr::yaql
