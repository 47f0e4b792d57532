// Rule criteria: does a trigger's payload match? (stackstorm-features.md section I.) Pure: the time comes with the
// inputs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "rules/operators.hpp"
#include "value/value.hpp"

namespace squall::rules {

inline constexpr size_t kSearchNestingMax = 20;  // `search` inside `search`

// One entry of a rule's `criteria`.
struct Criterion {
  std::string key;  // JSONPath with an optional "#label" behind
  std::string operator_name;
  Value pattern;
  Value condition;  // of `search`
};

// Checks what a rule may be registered with: every criterion has an operator that is known and a pattern that is not
// null (even exists and nexists), its key is a JSONPath and a constant pattern of a regex operator is a regular
// expression; the same for the children of `search`, where a pattern may be missing. Null means no criteria. Errors are
// kInvalid, carry StackStorm's message and where().file like `criteria["trigger.x"]`.
Result<std::vector<Criterion>> parse_criteria(const Value& criteria);

struct Inputs {
  Value payload;  // seen as `trigger`
  Value st2kv;    // the namespace of templates: a dict with "system" (and "user") of lazy objects or dicts; may be null
  Timestamp now;
};

struct CriterionOutcome {
  std::string key;
  std::string operator_name;
  Value pattern;  // rendered; as written when rendering failed
  Value value;    // what the payload has at the key; null when it has nothing
  bool matched = false;
  std::optional<Error> error;      // why it could not be decided; never together with matched
  bool error_in_operator = false;  // else in the pattern's template or in the path
  bool evaluated = false;
};

struct Verdict {
  bool matched = false;
  // Set when the first criterion that did not match failed with an error: StackStorm stores a failed enforcement then.
  std::optional<Error> error;
  bool error_in_operator = false;
  std::vector<CriterionOutcome> outcomes;
};

// Criteria ready for evaluation: paths, templates and constant regular expressions are compiled. Immutable, cheap to
// copy, thread-safe.
class CompiledCriteria {
 public:
  // No criteria: everything matches.
  CompiledCriteria();
  // Fails where parse_criteria() does.
  static Result<CompiledCriteria> compile(const Value& criteria);

  // All criteria must match, in their order. An empty payload matches no criteria. Evaluation ends at the first that
  // does not match; with `explain` all are evaluated and told.
  //
  // `search` asks its children of each item. A child that fails counts as not matching, so that one odd item does not
  // hide the others; when the whole search does not match, the first such error is its error.
  Verdict evaluate(const Inputs& in, bool explain = false) const;

  bool empty() const;
  struct Compiled;  // of one criterion; criteria.cpp only

 private:
  explicit CompiledCriteria(std::vector<Compiled> criteria);
  std::shared_ptr<const std::vector<Compiled>> criteria_;  // shared by all copies of a rule
};

// The failure_reason of the enforcement that StackStorm stores for a verdict with an error.
std::string failure_reason(const Verdict& verdict, std::string_view rule_ref, std::string_view trigger_instance_id);

}  // namespace squall::rules
