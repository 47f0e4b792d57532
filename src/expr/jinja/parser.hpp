// Jinja2's parser: tokens to a tree.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "expr/jinja/ast.hpp"
#include "expr/jinja/environment.hpp"

namespace squall::expr::jinja {

// Errors are of type "TemplateSyntaxError" and know the line.
Result<Body> parse(std::string_view source, Environment environment = Environment::kStackStorm);
// One expression without delimiters; `whole`: nothing may follow it.
Result<ExprPtr> parse_expression(std::string_view source, Environment environment, bool whole = true);

}  // namespace squall::expr::jinja
