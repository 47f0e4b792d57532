// Tokens of YAQL.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::expr::yaql {

enum class TokenKind : uint8_t {
  kEnd,
  kConstant,  // number, quoted text, true, false, null
  kKeyword,   // a bare word
  kVariable,  // $name
  kFunction,  // name(
  kOperator,  // + mod and ... but not "=>"
  kMapping,   // =>
  kBracket,   // [
  kBrace,     // {
  kLiteral,   // ( ) ] , }
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;     // as errors show it: the name, the operator, the unquoted text
  Value value;          // kConstant, kKeyword
  size_t position = 0;  // in code points from 0

  bool is(TokenKind wanted, std::string_view wanted_text) const { return kind == wanted && text == wanted_text; }
};

// Reads one token at a time: a mistake in the grammar is told before a wrong character after it. The text must outlive
// the lexer.
class Lexer {
 public:
  explicit Lexer(std::string_view text);
  // "YaqlLexicalException" with line and column; "ValueError" for a number of too many digits.
  Result<Token> next();
  // The line and column of a code point.
  SourcePosition where(size_t position) const;

 private:
  Result<Token> number();
  Token word();
  Token variable();
  bool quoted(char32_t quote, Token& token);
  bool symbol(Token& token);
  char32_t at(size_t index) const { return index < text_.size() ? text_[index] : U'\0'; }
  bool boundary_before() const;

  std::u32string text_;
  size_t at_ = 0;
};

}  // namespace squall::expr::yaql
