// Formats of action aliases: what a chat command says (stackstorm-features.md section L, recorded in
// tests/conformance/alias_formats.json).
#pragma once

#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall {

// The parameters that a command gives to a format such as "run {{cmd}} on {{host=localhost}}", by name; null for a
// group that took no part. The format is a regular expression apart from its braces. The error is of type
// "ParseException" with StackStorm's message when the command does not fit, or "re.error" when the format is no regular
// expression.
Result<Value> extract_alias_parameters(std::string_view format, std::string_view command);

// The same for a format that may match several times; a list, which is empty when it matches nowhere.
Result<Value> extract_all_alias_parameters(std::string_view format, std::string_view command);

}  // namespace squall
