// The comparison operators of rule criteria (stackstorm-features.md I-7 to I-17). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "text/regex.hpp"
#include "value/value.hpp"

namespace squall::rules {

// All names in StackStorm's order, short and long forms, "search" last.
const std::vector<std::string>& operator_names();
// Exact and case-sensitive, as rules are registered.
bool is_operator(std::string_view name);
// The known name that looks most like `name`; empty when none does.
std::string closest_operator(std::string_view name);

// Applies an operator to the value that the payload has and the criterion's pattern. The name may be in any case, as in
// StackStorm. Errors have the class of Python's exception as type() ("TypeError", "AttributeError", "re.error",
// "ParserError", ...) and its message; type() is "Exception" for an unknown name. "search" has children and is not
// evaluated here: see CompiledCriteria.
Result<bool> evaluate_operator(std::string_view name, const Value& payload_value, const Value& pattern, Timestamp now);

// The operators whose pattern is a regular expression: `regex`, `iregex` and `matchregex`.
enum class RegexMode { kSearch, kSearchIgnoreCase, kMatchDotAll };
std::optional<RegexMode> regex_mode(std::string_view name);
// So that a constant pattern is compiled once.
Result<Regex> compile_pattern(RegexMode mode, const Value& pattern);
Result<bool> matches(RegexMode mode, const Regex& regex, const Value& payload_value);

}  // namespace squall::rules
