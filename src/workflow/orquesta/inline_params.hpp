// Parameters inside a text, "core.echo message=<% ctx(x) %> n=1", and the same grammar in `publish` (orquesta.md 1.3).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "value/value.hpp"

namespace squall::workflow::orquesta {

// In the order of the text; a name may come more than once. Empty when there are none.
std::vector<std::pair<std::string, Value>> parse_inline_params(std::string_view text);

}  // namespace squall::workflow::orquesta
