// Python's `re` patterns, rewritten for PCRE2 10.42. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "text/regex.hpp"

namespace squall::regex {

// Groups inside groups. CPython ends in a RecursionError at some depth; PCRE2 has a limit of its own.
inline constexpr size_t kNestingMax = 250;

struct Translation {
  std::string code;       // for UTF, UCP, DOTALL, MULTILINE and ALT_CIRCUMFLEX
  bool caseless = false;  // the whole pattern starts caseless
  size_t groups = 0;      // without group 0
  std::vector<std::pair<std::string, size_t>> names;
};

// Accepts and refuses what CPython 3.11 does, with its messages; type() is "re.error", "ValueError" or "OverflowError".
// Named characters (\N{EM DASH}) are not known: that is an error of code kInvalid that says so.
Result<Translation> translate(std::string_view pattern, RegexFlags flags);

}  // namespace squall::regex
