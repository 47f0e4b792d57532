// What Orquesta's functions mean, apart from the language that calls them (orquesta.md section 10).
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::expr {

// The state of tasks as a host keeps it, for WorkflowScope::state: asked instead of copied.
class TaskStates : public Object {
 public:
  std::string_view type_name() const override { return "dict"; }
  // Of the newest run in this place, "null" as long as it has none; nothing when there was no run.
  virtual std::optional<std::string> status_in(std::string_view task, int64_t route) const = 0;
  // The longest earlier route that this one came from.
  virtual std::optional<int64_t> parent_route(int64_t route) const = 0;
};

// What they read; see WorkflowScope.
struct WorkflowView {
  Value variables;
  Value state;
  Value current_task;
  Value current_item;
};

// ctx(): all variables but the private ones.
Value public_variables(const Value& variables);
// ctx(name); `name` is nothing for a key that is no text, `shown` is its str(). "VariableUndefinedError" and
// "VariableInaccessibleError".
Result<Value> workflow_variable(const Value& variables, const std::optional<std::string>& name,
                                const std::string& shown);
// item(name). "ExpressionEvaluationException".
Result<Value> workflow_item(const Value& current, const std::optional<std::string>& name, const std::string& shown);

// task_status(task, route): the status of the newest run, "null" when there is none. A null route is that of the
// current task. A task that did not run on this route may have run before the routes split.
Result<Value> task_status(const WorkflowView& view, const std::string& task, const Value& route);
// Of the current task; "ExpressionEvaluationException" when there is none.
Result<Value> task_succeeded(const WorkflowView& view);
Result<Value> task_failed(const WorkflowView& view);
Result<Value> task_completed(const WorkflowView& view);
Result<Value> task_result(const WorkflowView& view);

}  // namespace squall::expr
