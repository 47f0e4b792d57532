// Shell globs over whole texts, as Python's fnmatch.fnmatchcase.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace squall {

// `*`, `?`, `[abc]`, `[a-z]`, `[!a]`; case-sensitive, the whole text must match, '.' and '/' are ordinary.
bool wildcard_match(std::string_view pattern, std::string_view text);

}  // namespace squall
