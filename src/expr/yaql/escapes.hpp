// Backslash escapes of YAQL's quoted texts.
#pragma once

#include <string>
#include <string_view>

namespace squall::expr::yaql {

// Python's escapes (\n, \x41, \u2603, \101, \N{...}); an unknown one stays as it is.
std::string decode_escapes(std::u32string_view text);

}  // namespace squall::expr::yaql
