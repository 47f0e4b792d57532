// How yaql turns Python's names into its own.
#pragma once

#include <string>
#include <string_view>

namespace squall::expr::yaql {

// key_selector -> keySelector: every "_x" but the first character's.
std::string camel_case(std::string_view name);
// What def('my_func_', ...) is called by: myFunc.
std::string function_name(std::string_view name);

}  // namespace squall::expr::yaql
