// Jinja2's parser: tokens to a tree.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "expr/jinja/ast.hpp"

namespace squall::expr::jinja {

// Errors are of type "TemplateSyntaxError" and know the line.
Result<Body> parse(std::string_view source);

}  // namespace squall::expr::jinja
