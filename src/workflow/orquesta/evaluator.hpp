// Expressions of a run: time and chance come from the event, what host functions answer is kept for a replay.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "expr/host_function.hpp"
#include "expr/workflow_text.hpp"
#include "value/value.hpp"
#include "workflow/workflow.hpp"

namespace squall::workflow::orquesta {

// What one expression sees.
struct TaskScope {
  Value variables;
  Value task;  // {id, route, result}; null outside a task
  Value item;
};

// What functions about tasks ask. Implemented by the run.
class TaskLookup {
 public:
  virtual ~TaskLookup() = default;
  virtual std::optional<std::string> status_in(std::string_view task, int64_t route) const = 0;
  virtual std::optional<int64_t> parent_route(int64_t route) const = 0;
  // task(task, route); null arguments are those of the current task.
  virtual Result<Value> task_function(const Value& task, const Value& route, const TaskScope* scope) const = 0;
};

class Evaluator {
 public:
  // `lookup` must outlive the evaluator.
  Evaluator(const TaskLookup& lookup, const Environment& environment);
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  // Before the first expression of an event.
  void begin(const Event& event);
  // What host functions answered since.
  List take_answers();
  // A number that depends on the event and on how many came before it.
  uint64_t next_number();

  // Texts without an expression stay as they are, at no cost.
  Result<Value> evaluate(const Value& value, const TaskScope& scope);

 private:
  class Host;
  class StateObject;
  std::shared_ptr<Host> host_;
  std::shared_ptr<StateObject> state_;
  expr::WorkflowScope base_;
};

}  // namespace squall::workflow::orquesta
