// Python's tokens, as far as expressions need them. For literal_eval (python_literal.cpp) only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::python {

struct Token {
  enum class Kind { kName, kNumber, kString, kOperator, kNewline, kEnd };

  Kind kind = Kind::kEnd;
  std::string_view text;  // as written; points into the source
  int line = 1;
  int level = 0;           // brackets open around the token
  Value value = {};        // of a number or a string
  bool complex = false;    // a number with "j": `value` is its imaginary part
  bool formatted = false;  // an f-string: `value` is not evaluated

  bool is(std::string_view op) const { return kind == Kind::kOperator && text == op; }
  bool is_word(std::string_view word) const { return kind == Kind::kName && text == word; }
};

// The message as Python's str(SyntaxError) shows it: "invalid syntax (<unknown>, line 1)".
Error syntax_error(std::string_view message, int line);

// All tokens, the last one kEnd. `source` must outlive them. Fails with type() "SyntaxError" or "IndentationError".
// An unclosed bracket is no error here: see unclosed_bracket().
Result<std::vector<Token>> tokenize(std::string_view source);

// The innermost bracket that is never closed, or null.
const Token* unclosed_bracket(const std::vector<Token>& tokens);

}  // namespace squall::python
