#include "rules/criteria.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/strings.hpp"
#include "rules/criteria_compile.hpp"
#include "value/python.hpp"

namespace squall::rules {
namespace {

using Compiled = CompiledCriteria::Compiled;

tl::unexpected<Error> python_error(const char* type, std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type(type));
}

// What the criteria at one level look at: the payload, or inside `search` one item.
struct View {
  const Inputs& in;
  Value context;                     // {"trigger": payload} or {"item": item}
  std::optional<expr::Scope> scope;  // of templates, made when the first one needs it

  const expr::Scope& template_scope() {
    if (!scope) {
      scope.emplace(Value::dict({{"trigger", in.payload}, {"st2kv", in.st2kv}, {"system", in.st2kv["system"]}}));
      scope->push(context);
    }
    return *scope;
  }
};

// The text of a datastore key: "system.a.b" asks for the key "a.b".
Result<Value> datastore_value(const Value& system, const std::vector<std::string>& parts) {
  Value at = system;
  for (const std::string& part : parts) {
    if (at.kind() == Kind::kObject) {
      const auto* lazy = dynamic_cast<const expr::LazyObject*>(at.as_object().get());
      if (lazy == nullptr) return Value();
      SQ_TRY(at, lazy->get(part));
    } else {
      at = Value(at[part]);
    }
  }
  if (at.kind() != Kind::kObject) return at;
  const auto* lazy = dynamic_cast<const expr::LazyObject*>(at.as_object().get());
  if (lazy == nullptr) return Value();
  SQ_TRY(std::string text, lazy->text());
  return Value(std::move(text));
}

// The first match of the path, null when there is none.
Result<Value> payload_value(const Compiled& criterion, const View& view) {
  if (!criterion.path) return datastore_value(view.in.st2kv["system"], criterion.key_parts);
  SQ_TRY(std::vector<JsonPathMatch> found, criterion.path->find(view.context));
  return found.empty() ? Value() : std::move(found.front().value);
}

CriterionOutcome check(const Compiled& criterion, View& view);

// What any() and all() over items and children make of the answers.
struct SearchCondition {
  bool all_items;
  bool all_children;
};

Result<SearchCondition> search_condition(const Value& condition) {
  const std::string name = python::str(condition);
  if (name == "any") return SearchCondition{false, true};
  if (name == "all") return SearchCondition{true, true};
  if (name == "any2any") return SearchCondition{false, false};
  if (name == "all2any") return SearchCondition{true, false};
  return python_error("UnrecognizedConditionError",
                      fmt::format("The '{}' condition is not recognized for type search, 'any', 'all', 'any2any' and "
                                  "'all2any' are allowed",
                                  name));
}

// What Python iterates over: list members, characters; a dict counts as a list of one.
Result<List> items_of(const Value& value) {
  if (value.is_dict()) return List{value};
  if (value.is_list() || value.kind() == Kind::kTuple || value.kind() == Kind::kSet) return value.as_list();
  if (!value.is_string()) {
    return python_error("TypeError", fmt::format("'{}' object is not iterable", value.type_name()));
  }
  List characters;
  const std::string_view text = value.as_string();
  for (size_t offset = 0; offset < text.size();) {
    const size_t begin = offset;
    next_code_point(text, offset);
    characters.emplace_back(text.substr(begin, offset - begin));
  }
  return characters;
}

// The answer for one item; errors of children are kept for later.
bool item_matches(const std::vector<Compiled>& children, const SearchCondition& condition, const Value& item,
                  const Inputs& in, CriterionOutcome& outcome) {
  View view{in, Value::dict({{"item", item}}), std::nullopt};
  bool result = condition.all_children;
  for (const Compiled& child : children) {
    CriterionOutcome answer = check(child, view);
    if (answer.error && !outcome.error) {
      outcome.error = answer.error;
      outcome.error_in_operator = answer.error_in_operator;
    }
    result = condition.all_children ? result && answer.matched : result || answer.matched;
  }
  return result;
}

Result<bool> search(const Compiled& criterion, const Inputs& in, CriterionOutcome& outcome) {
  std::vector<Compiled> rendered;  // when the children came out of a template
  if (!criterion.children) {
    if (!outcome.pattern.is_dict()) {
      return python_error("AttributeError",
                          fmt::format("'{}' object has no attribute 'items'", outcome.pattern.type_name()));
    }
    SQ_TRY(rendered,
           compile_criteria(outcome.pattern, fmt::format("criteria[\"{}\"].pattern", criterion.source.key), 1));
  }
  const std::vector<Compiled>& children = criterion.children ? *criterion.children : rendered;
  SQ_TRY(const SearchCondition condition, search_condition(criterion.source.condition));
  SQ_TRY(const List items, items_of(outcome.value));
  bool result = condition.all_items;
  for (const Value& item : items) {
    const bool matched = item_matches(children, condition, item, in, outcome);
    result = condition.all_items ? result && matched : result || matched;
  }
  if (result) outcome.error.reset();
  return result;
}

Result<bool> apply(const Compiled& criterion, const Inputs& in, CriterionOutcome& outcome) {
  if (criterion.source.operator_name == "search") return search(criterion, in, outcome);
  if (criterion.regex) return matches(*criterion.regex_mode, *criterion.regex, outcome.value);
  return evaluate_operator(criterion.source.operator_name, outcome.value, outcome.pattern, in.now);
}

CriterionOutcome check(const Compiled& criterion, View& view) {
  const Criterion& source = criterion.source;
  CriterionOutcome outcome{.key = source.key, .operator_name = source.operator_name, .pattern = source.pattern};
  outcome.evaluated = true;
  Result<Value> pattern = criterion.pattern.constant() ? Result<Value>(criterion.pattern.value())
                                                       : criterion.pattern.render(view.template_scope());
  if (!pattern) {
    outcome.error = pattern.error().with_context(
        fmt::format("Failed to render pattern value \"{}\" for key \"{}\"", python::str(source.pattern), source.key));
    return outcome;
  }
  outcome.pattern = *std::move(pattern);
  Result<Value> value = payload_value(criterion, view);
  if (!value) {
    outcome.error = value.error().with_context("Failed transforming criteria key " + source.key);
    return outcome;
  }
  outcome.value = *std::move(value);
  const Result<bool> matched = apply(criterion, view.in, outcome);
  if (matched) {
    outcome.matched = *matched;
  } else {
    outcome.error = matched.error();
    outcome.error_in_operator = true;
  }
  return outcome;
}

CriterionOutcome not_evaluated(const Compiled& criterion) {
  return {.key = criterion.source.key,
          .operator_name = criterion.source.operator_name,
          .pattern = criterion.source.pattern};
}

}  // namespace

CompiledCriteria::CompiledCriteria() : CompiledCriteria(std::vector<Compiled>()) {}
CompiledCriteria::CompiledCriteria(std::vector<Compiled> criteria)
    : criteria_(std::make_shared<const std::vector<Compiled>>(std::move(criteria))) {}

Result<CompiledCriteria> CompiledCriteria::compile(const Value& criteria) {
  SQ_TRY(std::vector<Compiled> compiled, compile_criteria(criteria, "criteria", 0));
  return CompiledCriteria(std::move(compiled));
}

bool CompiledCriteria::empty() const { return criteria_->empty(); }

Verdict CompiledCriteria::evaluate(const Inputs& in, bool explain) const {
  Verdict verdict;
  verdict.matched = true;
  if (!criteria_->empty() && !in.payload.truthy()) {
    verdict.matched = false;
    if (explain) {
      for (const Compiled& criterion : *criteria_) verdict.outcomes.push_back(not_evaluated(criterion));
    }
    return verdict;
  }
  View view{in, Value::dict({{"trigger", in.payload}}), std::nullopt};
  for (const Compiled& criterion : *criteria_) {
    CriterionOutcome outcome = check(criterion, view);
    if (!outcome.matched && verdict.matched) {
      verdict.matched = false;
      verdict.error = outcome.error;
      verdict.error_in_operator = outcome.error_in_operator;
    }
    verdict.outcomes.push_back(std::move(outcome));
    if (!verdict.matched && !explain) break;
  }
  return verdict;
}

std::string failure_reason(const Verdict& verdict, std::string_view rule_ref, std::string_view trigger_instance_id) {
  std::string reason =
      fmt::format("Failed to match rule \"{}\" against trigger instance \"{}\": ", rule_ref, trigger_instance_id);
  if (verdict.error_in_operator)
    reason += fmt::format("There might be a problem with the criteria in rule {}: ", rule_ref);
  if (verdict.error) reason += verdict.error->message();
  return reason;
}

}  // namespace squall::rules
