#include "expr/yaql/names.hpp"

#include "expr/python/text.hpp"

namespace squall::expr::yaql {

std::string camel_case(std::string_view name) {
  const std::u32string wide = py::decode(name);
  std::string out;
  for (size_t i = 0; i < wide.size(); ++i) {
    const bool joint = wide[i] == U'_' && i > 0 && i + 1 < wide.size() && py::is_word(wide[i + 1]);
    if (joint) ++i;
    const std::string character = py::encode(std::u32string_view(wide).substr(i, 1));
    out += joint ? py::upper(character) : character;
  }
  return out;
}

std::string function_name(std::string_view name) {
  if (name.empty()) return {};
  while (name.ends_with('_')) name.remove_suffix(1);
  if (name.empty()) return {};
  const std::u32string wide = py::decode(name);
  if (py::is_alpha(wide[0])) return camel_case(name);
  // "#property#my_name": the mark in front is kept.
  const size_t finish = wide.find(wide[0], 1);
  if (finish == std::u32string::npos || finish <= 1) return std::string(name);
  const std::u32string_view all = wide;
  return py::encode(all.substr(0, finish + 1)) + function_name(py::encode(all.substr(finish + 1)));
}

}  // namespace squall::expr::yaql
