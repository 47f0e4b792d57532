#include "expr/text_scan.hpp"

#include "expr/python/text.hpp"

namespace squall::expr {

std::vector<std::string> find_delimited(std::string_view text, std::string_view open, std::string_view close) {
  std::vector<std::string> found;
  for (size_t at = text.find(open); at != std::string_view::npos;) {
    const size_t inside = at + open.size();
    const size_t end = text.find(close, inside);
    if (end == std::string_view::npos) break;
    const size_t newline = text.find('\n', inside);
    if (newline < end) {
      // Nothing that begins before the end of this line can match.
      at = text.find(open, newline);
      continue;
    }
    found.emplace_back(text.substr(at, end + close.size() - at));
    at = text.find(open, end + close.size());
  }
  return found;
}

std::string_view without_delimiters(std::string_view expression, std::string_view delimiters) {
  const size_t first = expression.find_first_not_of(delimiters);
  if (first == std::string_view::npos) return {};
  return py::strip(expression.substr(first, expression.find_last_not_of(delimiters) - first + 1));
}

}  // namespace squall::expr
