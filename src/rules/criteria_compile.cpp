#include "rules/criteria_compile.hpp"

#include <fmt/core.h>

#include "base/strings.hpp"

namespace squall::rules {
namespace {

using Compiled = CompiledCriteria::Compiled;

// ["a", "b"] -> "['a', 'b']", as Python shows it.
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += fmt::format("{}'{}'", text.empty() ? "" : ", ", name);
  return fmt::format("[{}]", text);
}

class CriterionCompiler {
 public:
  CriterionCompiler(std::string key, std::string where, size_t nested)
      : key_(std::move(key)), where_(std::move(where)), nested_(nested) {}

  Result<Compiled> run(const Value& spec) {
    if (!spec.is_dict()) return error(fmt::format("For field: {}, expected an object with type and pattern", key_));
    const Value& type = spec["type"];
    if (type.is_null()) return error("Operator not specified for field: " + key_);
    if (!type.is_string() || !is_operator(type.as_string())) return unknown_operator(type);
    Compiled compiled{.source = {key_, type.string(), spec["pattern"], spec["condition"]},
                      .path = std::nullopt,
                      .key_parts = {},
                      .pattern = Pattern(spec["pattern"]),
                      .regex_mode = regex_mode(type.as_string()),
                      .regex = std::nullopt,
                      .children = std::nullopt};
    if (spec["pattern"].is_null() && nested_ == 0) {
      return error(fmt::format("For field: {}, no pattern specified for operator {}", key_, type.as_string()));
    }
    SQ_CHECK(place(compiled));
    SQ_CHECK(regex(compiled));
    if (type == Value("search")) SQ_CHECK(children(compiled));
    return compiled;
  }

 private:
  tl::unexpected<Error> error(std::string message) const {
    return fail(Error(ErrorCode::kInvalid, std::move(message)).at({.file = where_}));
  }

  tl::unexpected<Error> unknown_operator(const Value& type) const {
    const std::string name = type.is_string() ? type.string() : std::string(type.type_name());
    std::string message = fmt::format("For field: {}, operator {} not in list of allowed operators: {}", key_, name,
                                      listed(operator_names()));
    if (const std::string close = closest_operator(name); !close.empty()) {
      message += fmt::format(". Did you mean '{}'?", close);
    }
    return error(std::move(message));
  }

  // Text after '#' only tells criteria with the same path apart.
  Status place(Compiled& compiled) const {
    const std::string text = key_.substr(0, key_.find('#'));
    for (const std::string_view scope : {"system.", "st2kv.system."}) {
      if (!text.starts_with(scope)) continue;
      compiled.key_parts = split(text.substr(scope.size()), '.');
      return {};
    }
    Result<JsonPath> path = JsonPath::parse(text);
    if (!path) {
      return error(fmt::format("For field: {}, the key is not a JSONPath: {}", key_, path.error().message()));
    }
    compiled.path = *std::move(path);
    return {};
  }

  Status regex(Compiled& compiled) const {
    if (!compiled.regex_mode || !compiled.pattern.constant() || !compiled.pattern.value().is_string()) return {};
    Result<Regex> regex = compile_pattern(*compiled.regex_mode, compiled.pattern.value());
    if (!regex) {
      return error(fmt::format("For field: {}, the pattern of operator {} is not a regular expression: {}", key_,
                               compiled.source.operator_name, regex.error().message()));
    }
    compiled.regex = *std::move(regex);
    return {};
  }

  Status children(Compiled& compiled) const {
    if (!compiled.pattern.constant() || compiled.pattern.value().is_null()) return {};
    if (!compiled.pattern.value().is_dict()) {
      return error(fmt::format("For field: {}, the pattern of search is an object of criteria", key_));
    }
    SQ_TRY(compiled.children, compile_criteria(compiled.pattern.value(), where_ + ".pattern", nested_ + 1));
    return {};
  }

  std::string key_;
  std::string where_;
  size_t nested_;
};

}  // namespace

Result<std::vector<Compiled>> compile_criteria(const Value& criteria, const std::string& where, size_t nested) {
  std::vector<Compiled> compiled;
  if (criteria.is_null()) return compiled;
  if (!criteria.is_dict()) {
    return fail(Error(ErrorCode::kInvalid, "Criteria should be a dict.").at({.file = where}));
  }
  if (nested > kSearchNestingMax) {
    return fail(Error(ErrorCode::kLimit, fmt::format("search inside search goes deeper than {}", kSearchNestingMax))
                    .at({.file = where}));
  }
  for (const auto& [key, spec] : criteria.as_dict()) {
    SQ_TRY(Compiled criterion, CriterionCompiler(key, fmt::format("{}[\"{}\"]", where, key), nested).run(spec));
    compiled.push_back(std::move(criterion));
  }
  return compiled;
}

Result<std::vector<Criterion>> parse_criteria(const Value& criteria) {
  SQ_TRY(std::vector<Compiled> compiled, compile_criteria(criteria, "criteria", 0));
  std::vector<Criterion> parsed;
  for (Compiled& criterion : compiled) parsed.push_back(std::move(criterion.source));
  return parsed;
}

}  // namespace squall::rules
