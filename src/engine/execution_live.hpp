// What the driver keeps in memory of an unfinished execution. Internal to the execution_*.cpp files.
#pragma once

#include <algorithm>

#include "engine/execution_driver.hpp"
#include "engine/results.hpp"
#include "model/execution.hpp"

namespace squall::engine {

struct ExecutionDriver::Live {
  std::string id;
  Value document;    // as stored
  Value parameters;  // unmasked
  Value wait_state;
  StopSource stop;
  runners::Runner* runner = nullptr;  // null for chains
  bool dispatched = false;            // an attempt is under way
  bool holds_process_slot = false;
  bool admitted = false;  // its concurrency policies let it start
  Executor::TimerId timer = 0;
  std::optional<Timestamp> due;                 // read back by recovery: when it waits no longer
  std::optional<Error> unloadable;              // found by recovery: its chain cannot go on
  Value runner_parameters, action_parameters;   // final, set when it is activated
  std::map<int64_t, std::string> actions;       // number in the workflow's run -> execution of the task
  std::map<int64_t, Executor::TimerId> timers;  // of the workflow's run; 0: set, but not armed yet
  std::unique_ptr<workflow::WorkflowRun> flow;
  // Of a run that has not begun yet.
  workflow::Start flow_start;
  Value definition;
  int64_t journaled = 0;  // events of this execution in the journal
  std::deque<workflow::Event::What> inbox;
  bool feeding = false;
  int64_t number = 0;  // of this task in the run of the workflow above; 0: none
  Value skip_notify;   // names of the chain's tasks that do not notify
  std::unique_ptr<workflow::Chain> chain;
  std::unique_ptr<workflow::ChainRun> run;
  std::string child;    // id of the chain's current task, empty between tasks
  bool halted = false;  // the workflow is paused because a task is, not because somebody asked for it
  bool pause_asked = false;

  std::string_view status() const { return document["status"].string_or(""); }
  std::string action_ref() const { return document["action"]["ref"].string(); }
  std::string parent() const { return document["parent"].string(); }
  std::string runner_name() const { return document["runner"]["name"].string(); }
  bool is_chain() const { return runner_name() == "action-chain"; }
  bool is_flow() const { return model::is_journaled_runner(runner_name()); }
  bool is_workflow() const { return model::is_workflow_runner(runner_name()); }
};

// True when a list of texts has this one.
inline bool has_text(const Value& list, std::string_view text) {
  if (!list.is_list()) return false;
  const List& all = list.as_list();
  return std::any_of(all.begin(), all.end(), [&](const Value& one) { return one.string_or("") == text; });
}

inline size_t nesting_of(const Value& context) {
  size_t depth = 0;
  for (const Value* at = &context["parent"]; at->is_dict(); at = &(*at)["parent"]) ++depth;
  return depth;
}

// The `parent` of a task's context.
inline Value parent_context(const std::string& id, const Value& context) {
  Value parent = Value::dict({{"execution_id", id}});
  for (const auto& [key, value] : context.as_dict()) {
    if (key != "workflow_execution") parent.set(key, value);
  }
  return parent;
}

// How a task's execution stands, for its chain.
inline workflow::TaskEnd task_end(const Value& child) {
  return {child["status"].string(),
          child["result"],
          child["id"].string(),
          child["liveaction"]["id"].string(),
          child["start_timestamp"].string(),
          child["end_timestamp"].string()};
}

// The document with its end, as it can be stored. A result that no record can hold (see value/json_form.hpp) makes the
// execution fail with the reason, whatever `end` says.
Value finished_document(const Value& document, std::string_view end, const Value& result, Timestamp now);

}  // namespace squall::engine
