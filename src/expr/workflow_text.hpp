// Expressions inside workflow documents: text that mixes literals with `<% YAQL %>` or with `{{ Jinja }}`, as Orquesta
// evaluates it (orquesta.md section 10, recorded in tests/conformance/yaql_orquesta.json and jinja_orquesta.json).
//
// One text is evaluated by one language: Jinja when it has any Jinja expression, else YAQL. A text that is one single
// expression keeps the type of the result; otherwise every result is spliced in as Python's str(). A result that is
// text is evaluated again by the same language.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "expr/host_function.hpp"
#include "value/value.hpp"

namespace squall::expr {

// A text result that is an expression again is followed this many times: `x: <% ctx(x) %>` would go on for ever.
inline constexpr size_t kReevaluationsMax = 50;

// What the expressions of one task, transition or output see. Cheap to copy.
//
// `variables` is a dict: ctx(). Names that begin with "__" are private: ctx(name) refuses them, ctx() leaves them out.
// The other three are what Orquesta keeps under private names and answer task_status(), succeeded(), failed(),
// completed(), result() and item(); each may be null, and then a member "__state", "__current_task" or
// "__current_item" of `variables` counts instead.
struct WorkflowScope {
  Value variables;
  // {tasks: {"<task>__r<route>": index}, sequence: [{id, route, status}], routes: [[...]]}, or a TaskStates
  // (workflow_functions.hpp).
  Value state;
  Value current_task;  // {id, route, result}
  Value current_item;
  std::vector<std::shared_ptr<const HostFunction>> functions;  // st2kv, task, ... of the host
  const Clock* clock = nullptr;                                // for now(); the system's clock when there is none
  Random* random = nullptr;  // for random(); a generator of its own when there is none
};

// Evaluates text, or all texts in lists and dicts (values and keys). Everything else stays as it is.
//
// type() of an error: "YaqlEvaluationException" or "JinjaEvaluationException" with Orquesta's message, which names the
// expression; "TypeError" when a dict's key is an expression whose result cannot be a key. Limits keep code kLimit.
Result<Value> evaluate_workflow_value(const Value& value, const WorkflowScope& scope);

// True when Orquesta would find an expression in the text. An expression that spans lines is none.
bool has_workflow_expression(std::string_view text);

// What validation found wrong with one text.
struct ExpressionProblem {
  std::string language;    // "yaql", "jinja", or empty when a text mixes the two
  std::string expression;  // with its delimiters
  std::string message;
};
// Syntax errors of all texts in the value, as Orquesta's inspection reports them.
std::vector<ExpressionProblem> validate_workflow_value(const Value& value);

// A use of a context variable: ctx().x, ctx(x), ctx('x'), ctx("x"). Like Orquesta, it is found by the look of the text.
struct VariableReference {
  std::string language;    // "yaql" or "jinja"
  std::string expression;  // the whole text that has the reference
  std::string name;
  bool operator==(const VariableReference&) const = default;
};
// Sorted by name; every triple once.
std::vector<VariableReference> workflow_variables(const Value& value);

}  // namespace squall::expr
