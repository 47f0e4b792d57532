// `squall expr`: evaluates an expression where it stands, without a server.
#pragma once

#include <string>

namespace squall::cli {

struct ExprArguments {
  std::string text;         // "-": from standard input
  std::string context;      // a file; "-": from standard input
  std::string environment;  // stackstorm, orquesta, mistral; empty: by the look of the text
  bool batch = false;
};

// Prints the result: text as it is, everything else as JSON. An error shows the text and where in it the mistake is.
// Exit code: 0; 1 when the expression fails; 2 when the arguments are wrong.
//
// With `batch`: every line of standard input is {"env": ..., "text": ..., "context": {...}} (env also "yaql", where the
// text has no delimiters and the context is `$`), every line of the output {"value": ...} or {"error": {"type",
// "message", "line", "column"}}. With "repeat": n the answer is {"seconds": ...} of one evaluation. What JSON cannot
// hold is {"$type": ..., "repr": ...}.
int evaluate_expression(const ExprArguments& arguments);

}  // namespace squall::cli
