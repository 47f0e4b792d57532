// The compiled form of criteria; for criteria.cpp and criteria_compile.cpp only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/criteria.hpp"
#include "rules/pattern.hpp"
#include "text/jsonpath.hpp"
#include "text/regex.hpp"

namespace squall::rules {

struct CompiledCriteria::Compiled {
  Criterion source;
  // The value's place: a JSONPath, or the name of a datastore key ("system.a.b" -> {"a", "b"}).
  std::optional<JsonPath> path;
  std::vector<std::string> key_parts;
  Pattern pattern;
  std::optional<RegexMode> regex_mode;
  std::optional<Regex> regex;                     // of a constant pattern
  std::optional<std::vector<Compiled>> children;  // of `search`, unless its pattern is a template
};

// `where` is the path of the criteria in the rule, for errors; `nested` inside `search`.
Result<std::vector<CompiledCriteria::Compiled>> compile_criteria(const Value& criteria, const std::string& where,
                                                                 size_t nested);

}  // namespace squall::rules
