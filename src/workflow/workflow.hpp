// The interface that all workflow cores share: Orquesta, Mistral, action chains of the next kind. Pure: no clock, no
// randomness, no I/O, no threads. A driver (engine/) feeds events in and carries out the commands that come back.
//
//   state', commands = decide(spec, state, event)
//
// The state of a run is the fold of its events: the driver appends one small row for each event (Event::to_value) in
// the same transaction as what follows from its commands. After a restart it applies the rows again to a fresh run and
// drops the commands, which were carried out or persisted when the row was. Replayed rows give the same state, hash for
// hash: the time and the numbers of an expression come from the event, and what a host function answered is kept with
// it.
//
// A run is used by one thread at a time. Values are shared, never copied: a step costs what it changes, not what the
// workflow holds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "expr/host_function.hpp"
#include "value/value.hpp"

namespace squall::workflow {

// --- Events: driver -> core
// ---------------------------------------------------------------------------------------------------------------

// The run begins. Always the first event, and only once.
struct Start {
  Value inputs;   // dict: what the caller gave, unrendered
  Value context;  // dict: what expressions see besides the inputs, e.g. {"st2": {...}, "parent": {...}}
};

// An action that a RunAction asked for changed its status: "requested", "scheduled", "delayed", "running", "pending"
// (an inquiry that waits for its answer), "pausing", "paused", "resuming", "canceling", and at last "succeeded",
// "failed", "timeout", "abandoned" or "canceled". Only the changes that the driver wants to tell: going straight to the
// last one is fine.
struct ActionChanged {
  int64_t number = 0;
  std::string status;
  Value result;  // of a final status
};

// A RunAction that could not even be requested: no such action, input of the wrong type. The task fails without its
// transitions being followed, and so does the workflow. `message` is what its error log says,
// "InvalidActionReferencedException: Unable to find action \"a.b\".".
struct ActionRefused {
  int64_t number = 0;
  std::string message;
};

struct TimerDue {
  int64_t number = 0;
};

// Nothing happened, but what waited (Event::more) goes on: for a driver whose last event of several was refused.
struct Proceed {};

struct PauseRequest {};
struct ResumeRequest {
  Value env;  // dict: new members of Mistral's environment; null: none
};
struct CancelRequest {
  // How the run ends: "canceled"; for Mistral, whose workflows can be stopped in any end state, "failed" or
  // "succeeded".
  std::string status = "canceled";
  Value message;  // text: why, for its record; or null
};

// One task to run again; all its routes when none is named.
struct RerunTask {
  std::string task;
  std::optional<int64_t> route;
  bool reset_items = false;  // all items of a with-items task, not only those that failed
  Value input;               // dict: replaces members of the action's rendered input, this once; null: nothing
  bool skip = false;         // Mistral: do not run it, take it for SKIPPED and go on from there
};

// Run a completed workflow again from these tasks; from all that ended it badly when none is named.
struct RerunRequest {
  std::vector<RerunTask> tasks;
  Value inputs;  // dict: new values of workflow inputs (variables) that the tasks run again see; null: none
  Value env;     // dict: new members of Mistral's environment; null: none
};

// Instead of a Start: goes on from a state that document() showed, or that the language's own engine stored. Actions
// that were under way then are not known any more; a completed workflow can be run again.
struct Restore {
  Value document;
};

struct Event {
  using What = std::variant<Start, ActionChanged, ActionRefused, TimerDue, PauseRequest, ResumeRequest, CancelRequest,
                            RerunRequest, Restore, Proceed>;

  What what;
  Timestamp at{};     // now() of the expressions
  uint64_t seed = 0;  // random(), ids of task executions
  // The next event follows in the same transaction: what can be started now waits for that one. So a pause that came
  // together with the end of an action keeps the next action from beginning.
  bool more = false;
  // What host functions answered while the event was applied (Applied::answers), in order. Nothing while it is applied
  // for the first time; on a replay nothing outside is asked again. It may hold decrypted key-values: a driver keeps it
  // as it keeps secret parameters.
  std::optional<List> answers;

  // A small dict, {"event": "action", "number": 3, ...}, for the journal, and back.
  Value to_value() const;
  static Result<Event> from_value(const Value& row);
};

// --- Commands: core -> driver
// ---------------------------------------------------------------------------------------------------------------

// Start an action. Whether it is a workflow itself is the driver's to find out.
struct RunAction {
  int64_t number = 0;             // names the action in events and commands of this run; counts up, never reused
  std::string task;               // name of the task, for display
  int64_t route = 0;              // 0 in languages without routes
  std::string task_execution_id;  // 24 hex digits; the same for all items of one run of a task
  std::optional<int64_t> item;    // of a with-items task
  // Reference, rendered. Empty: the task has no action, and the driver answers "succeeded" at once.
  std::string action;
  Value input;           // rendered: a dict, null when the task gives none; anything else is the driver's to refuse
  int64_t delay_ms = 0;  // not before this time has passed
};

// Send TimerDue after the delay. Timers share the numbers of actions.
struct StartTimer {
  int64_t number = 0;
  int64_t delay_ms = 0;
};
// The run has no use for the timer any more; sending it all the same does no harm.
struct CancelTimer {
  int64_t number = 0;
};

// Ask an action to stop, pause or go on. What becomes of it comes back as ActionChanged. StackStorm passes these on to
// actions that are workflows, and cancels a plain action only while it has not begun.
struct CancelAction {
  int64_t number = 0;
};
struct PauseAction {
  int64_t number = 0;
};
struct ResumeAction {
  int64_t number = 0;
};

// The run's own status changed to "running", "pausing", "paused", "resuming" or "canceling".
struct StatusChanged {
  std::string status;
};

// The run ended. It comes once more when a late result added an error or an output, and after every rerun.
struct Finish {
  std::string status;  // "succeeded", "failed", "canceled", ...
  Value output;        // dict, or null
  Value errors;        // list, empty when there is none
};

using Command =
    std::variant<RunAction, StartTimer, CancelTimer, CancelAction, PauseAction, ResumeAction, StatusChanged, Finish>;

// For tests, traces and `squall workflow run`: {"command": "run", "number": 1, ...}.
Value to_value(const Command& command);

// --- A run
// ---------------------------------------------------------------------------------------------------------------

// What the host brings along.
struct Environment {
  // st2kv() and the like. Each is asked at most once per call, and never on a replay.
  std::vector<std::shared_ptr<const expr::HostFunction>> functions;
};

struct Applied {
  std::vector<Command> commands;
  List answers;  // for the row of this event (Event::answers)
};

// One run of a workflow.
class WorkflowRun {
 public:
  virtual ~WorkflowRun() = default;

  // An error means that the event was refused: nothing has changed, and it must not be journaled. type() says why where
  // the language has a word for it ("InvalidWorkflowStatusTransition"); code kNotFound or kConflict for an action that
  // nobody asked for or that has ended already. What goes wrong inside the workflow is no error here but its outcome.
  virtual Result<Applied> apply(const Event& event) = 0;

  virtual std::string status() const = 0;
  virtual Value output() const = 0;  // null until there is one
  virtual Value errors() const = 0;  // list
  // Over everything that decides what the run will do.
  virtual uint64_t hash() const = 0;
  // The state as the language's own engine would show it. Costs as much as the state is large.
  virtual Value document() const = 0;
  // Task executions in the order they began: {id, task, route, status, start_timestamp, end_timestamp, result, items?}.
  virtual Value task_records() const = 0;
  // Numbers of the actions that have not ended, in ascending order: what a driver must have under way after a replay.
  virtual std::vector<int64_t> open_actions() const = 0;
};

}  // namespace squall::workflow
