// Evaluates what is constant in a template once, when it is compiled, as Jinja's compiler does.
#pragma once

#include <string>

#include "expr/jinja/ast.hpp"
#include "expr/jinja/environment.hpp"

namespace squall::expr::jinja {

// A constant output longer than this is made anew by each render instead of being kept.
inline constexpr size_t kFoldedBytesMax = 4096;

// The text of a template that is nothing else; null for any other.
const std::string* only_text(const Body& body);

// Replaces outputs of constants by their text, and joins neighbouring texts. What fails is left to fail when, and if,
// it is rendered.
void fold_constants(Body& body, Environment environment);

}  // namespace squall::expr::jinja
