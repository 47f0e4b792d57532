#include "text/unicode.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "value/unicode_text.hpp"

namespace squall {

bool is_python_identifier(std::u32string_view name) {
  return !name.empty() && is_identifier_start(name.front()) &&
         std::all_of(name.begin(), name.end(), is_identifier_continue);
}

std::u32string decode_utf8(std::string_view utf8) {
  std::u32string code_points;
  code_points.reserve(utf8.size());
  for (size_t offset = 0; offset < utf8.size();) code_points.push_back(next_code_point(utf8, offset));
  return code_points;
}

std::string encode_utf8(std::u32string_view code_points) {
  std::string utf8;
  utf8.reserve(code_points.size());
  for (const char32_t ch : code_points) append_utf8(utf8, ch);
  return utf8;
}

}  // namespace squall
