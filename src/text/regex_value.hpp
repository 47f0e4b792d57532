// Patterns and texts that come as Values of any kind, with Python's TypeErrors.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "text/regex.hpp"
#include "value/value.hpp"

namespace squall {

// re.compile(pattern), cached. type() is "TypeError" when it is no text, "re.error" when it is a bad pattern.
Result<Regex> compile_regex(const Value& pattern, RegexFlags flags = {});

// The text to search in; "TypeError" for anything else. Lives as long as `text`.
Result<std::string_view> regex_subject(const Value& text);

}  // namespace squall
