// UTF-8 to code points and back, and Python's identifiers.
#pragma once

#include <string>
#include <string_view>

namespace squall {

// str.isidentifier() of Python. Pure.
bool is_python_identifier(std::u32string_view name);

// A bad byte becomes U+FFFD.
std::u32string decode_utf8(std::string_view utf8);
std::string encode_utf8(std::u32string_view code_points);

}  // namespace squall
