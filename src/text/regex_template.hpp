// Replacement templates of Python's re.sub: "\1", "\g<name>", "\n". Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace squall::regex {

// A literal text, then the text of a group; the group of the last part may be absent.
struct TemplatePart {
  static constexpr size_t kNoGroup = static_cast<size_t>(-1);
  std::string literal;
  size_t group = kNoGroup;
};

// type() of an error is "re.error", or "IndexError" for an unknown group name, as in CPython 3.11.
Result<std::vector<TemplatePart>> parse_template(std::string_view text, size_t group_count,
                                                 const std::vector<std::pair<std::string, size_t>>& names);

}  // namespace squall::regex
