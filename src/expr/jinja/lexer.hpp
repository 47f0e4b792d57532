// Jinja2's lexer with StackStorm's settings: default delimiters, trim_blocks, lstrip_blocks, no line statements.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::expr::jinja {

enum class TokenKind : uint8_t {
  kEof,
  kData,  // template text
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kAdd,
  kSub,
  kDiv,
  kFloorDiv,
  kMul,
  kMod,
  kPow,
  kTilde,
  kLBracket,
  kRBracket,
  kLParen,
  kRParen,
  kLBrace,
  kRBrace,
  kEq,
  kNe,
  kGt,
  kGtEq,
  kLt,
  kLtEq,
  kAssign,
  kDot,
  kColon,
  kPipe,
  kComma,
  kSemicolon,
  kError,  // here the text cannot be read: Tokens::mistake says why
};

// Where something stands in a template, from 1. Columns count characters; no message of Jinja's has them.
struct Place {
  int line = 1;
  int column = 0;  // 0: unknown
};

struct Token {
  TokenKind kind = TokenKind::kEof;
  Place place;
  std::string text;  // kData, kName, and kString after its escapes were read
  Value number;      // kInteger, kFloat

  bool is(TokenKind k) const { return kind == k; }
  bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
};

// What a message calls a kind of token: "+", "end of print statement", "name".
std::string_view describe(TokenKind kind);
// What a message calls this token: a name by itself, everything else by its kind.
std::string describe(const Token& token);

// All tokens of a template, ending in kEof. Comments and the marks of raw blocks are gone. Errors are of type
// "TemplateSyntaxError" and know the line.
Result<std::vector<Token>> tokenize(std::string_view source);

// Jinja reads token by token: what the parser finds wrong before an unreadable place is told first.
struct Tokens {
  std::vector<Token> tokens;     // ends in kEof or kError
  std::optional<Error> mistake;  // with kError
};
// `in_variable`: as if the text stood inside {{ }}.
Tokens tokenize_lazily(std::string_view source, bool in_variable = false);

// A TemplateSyntaxError at a place.
Error syntax_error(std::string message, Place place);

}  // namespace squall::expr::jinja
