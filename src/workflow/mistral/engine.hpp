// The state of a Mistral run and the machine that changes it. Internal: run.hpp is the way in.
//
// The state is three tables (workflow, task and action executions) that only ever grow, timers, and a queue of jobs.
// An event changes the tables and queues jobs; the jobs are worked off before apply() returns, so between events the
// queue holds something only when an event had more than kStepsPerEventMax of them.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.hpp"
#include "expr/host_function.hpp"
#include "expr/mistral_text.hpp"
#include "workflow/mistral/run.hpp"
#include "workflow/mistral/spec.hpp"

namespace squall::workflow::mistral {

enum class State { kIdle, kWaiting, kRunning, kDelayed, kPaused, kSuccess, kCancelled, kError, kSkipped };
std::string_view state_name(State state);
// SUCCESS, ERROR, CANCELLED, SKIPPED.
bool is_completed(State state);
bool is_valid_transition(State from, State to);

inline constexpr size_t kNone = static_cast<size_t>(-1);

// Which task led here, and through which clause.
struct Trigger {
  size_t task = kNone;
  std::string event;  // "on-success", ...
};

// An action execution, or the place of a sub-workflow among its task's executions.
struct ActionExecution {
  int64_t number = 0;  // 0 for sub-workflows
  std::string id;
  size_t task = kNone;
  size_t index = 0;  // item of with-items
  std::string name;
  State state = State::kRunning;
  bool accepted = false;   // counts for the task's result
  bool abandoned = false;  // its end is of no interest any more
  Value input, result;
  std::vector<const ActionSpec*> wrappers;  // ad-hoc actions around it, outermost first
  size_t workflow = kNone;                  // the sub-workflow
};

struct TaskExecution {
  std::string id;
  const TaskSpec* spec = nullptr;
  size_t workflow = kNone;
  State state = State::kIdle;
  Value state_info;  // text or null
  Value in_context;  // dict
  Value published;   // dict
  std::vector<Trigger> triggered_by;
  std::vector<Trigger> next;  // event and, in `task`, the index among the workflow's task specs
  bool next_known = false;
  bool processed = false, error_handled = false;
  std::vector<size_t> actions;
  // What policies remember.
  int64_t retry_number = 0;
  int64_t timeout_timer = 0;
  bool waited_before = false, waited_after = false, retry_pending = false, due_while_paused = false;
  bool failed_by_tasks = false;  // a join that never ran
  // Items of with-items.
  Value item_values;  // {name: list}, while the task runs
  int64_t concurrency = 0;
  size_t items_total = 0, items_done = 0, items_running = 0, next_item = 0;
  std::deque<size_t> items_again;
  bool items_prepared = false, item_cancelled = false;
  std::unordered_set<std::string> arrived;  // at a join: tasks of this pass
  Value input_override;                     // of a rerun, once
  Timestamp created_at{}, updated_at{};

  bool has_next_tasks() const { return !next.empty(); }
};

// A command of the workflow controller: what to do after a task.
struct Step {
  enum class Kind { kRunTask, kRunExisting, kRerun, kSkip, kNoop, kFail, kSucceed, kPause };
  Kind kind = Kind::kRunTask;
  size_t spec = kNone;  // index of the task's spec
  size_t task = kNone;  // an existing execution
  Value context;        // of a new one
  std::vector<Trigger> triggered_by;
  Value message;
  bool reset = false;
};

struct WorkflowExecution {
  std::string id;
  const Definition* definition = nullptr;
  State state = State::kIdle;
  Value state_info;
  Value input, params, context, output;
  size_t parent_action = kNone;  // the place it has among a task's executions
  size_t parent_task = kNone;
  size_t root = 0, depth = 0;
  std::vector<size_t> tasks;
  std::unordered_map<std::string, std::vector<size_t>> tasks_by_name;
  std::vector<size_t> waiting_joins;
  size_t incomplete = 0;      // tasks that have not ended
  std::vector<Step> backlog;  // what a pause held up
  Timestamp created_at{}, updated_at{};

  const WorkflowSpec& spec() const { return *definition->spec; }
};

struct Job {
  enum class Kind {
    kRunTask,
    kContinueTask,
    kActionDone,
    kActionUpdate,
    kWorkflowDone,
    kWorkflowUpdate,
    kRefresh,
    kCheck
  };
  Kind kind;
  size_t index = kNone;  // of a workflow, task or action
  State state = State::kRunning;
  Value value;
  bool first = false, reset = false;
};

struct Timer {
  enum class Kind { kContinueTask, kCompleteTask, kTimeout, kRefreshJoin, kActionDone, kQueue };
  Kind kind;
  size_t index = kNone;
  State state = State::kRunning;
  Value value;  // state info, seconds or result
};

// Policies with their expressions evaluated and their types checked.
struct Delays {
  bool pause_before = false;
  int64_t wait_before = 0, wait_after = 0, timeout = 0, concurrency = 0, retry_count = 0, retry_delay = 0;
};

class Engine final : public WorkflowRun {
 public:
  Engine(std::shared_ptr<const Library> library, const Definition* definition, Environment environment);

  Result<Applied> apply(const Event& event) override;
  std::string status() const override;
  Value output() const override;
  Value errors() const override;
  uint64_t hash() const override;
  Value document() const override;
  Value task_records() const override;
  std::vector<int64_t> open_actions() const override;

 private:
  class EventClock final : public Clock {
   public:
    Timestamp now() const override { return at; }
    Duration monotonic() const override { return at.time_since_epoch(); }
    Timestamp at{};
  };
  // Where an expression stands.
  struct Place {
    size_t workflow = kNone;
    size_t task = kNone;
  };

  // engine.cpp: events, jobs, workflows
  Status handle(const Start& event);
  Status handle(const ActionChanged& event);
  Status handle(const ActionRefused& event);
  Status handle(const TimerDue& event);
  Status handle(const PauseRequest& event);
  Status handle(const ResumeRequest& event);
  Status handle(const CancelRequest& event);
  Status handle(const RerunRequest& event);
  Status handle(const Restore& event);
  Status handle(const Proceed&) { return {}; }  // what waited goes on by itself
  void abandon_actions(size_t task);
  void pump();
  void work(const Job& job);
  void queue(Job job) { jobs_.push_back(std::move(job)); }
  Result<size_t> start_workflow(const Definition& definition, Value input, Value params, size_t parent_task,
                                size_t item, bool allow_unexpected);
  Result<Value> evaluated_environment(const Value& params);
  void set_workflow_state(WorkflowExecution& workflow, State state, Value info);
  void check_and_complete(size_t workflow);
  Status succeed_workflow(size_t workflow, const Value& context, Value message);
  void fail_workflow(size_t workflow, const Value& context, Value message);
  void force_fail(size_t task, const std::string& message);
  void tell_parent(const WorkflowExecution& workflow);
  Result<Value> final_context(size_t workflow);
  Value final_context_or_empty(size_t workflow);
  std::string failure_message(const WorkflowExecution& workflow) const;
  std::string new_id();
  void start_timer(int64_t delay_seconds, Timer timer);
  int64_t start_timer_ms(int64_t delay_ms, Timer timer);

  // engine_tasks.cpp
  size_t create_task(size_t workflow, size_t spec, State state, Value context, std::vector<Trigger> triggered_by);
  void set_task_state(size_t task, State state, Value info);
  Status run_task(size_t task, bool first, bool reset);
  Status continue_task(size_t task);
  Status complete_task(size_t task, State state, Value info);
  Status publish(size_t task);
  Status on_action_done(size_t action);
  Value task_result(const TaskExecution& task) const;
  Value action_result(const ActionExecution& action) const;
  State action_state(const ActionExecution& action) const;
  void update_task(size_t task, State state);
  void guard(size_t task, std::string_view what, const Status& status, std::string_view action = {});

  // engine_routes.cpp: what comes next
  Result<std::vector<Step>> next_steps(size_t task);
  Result<std::vector<Step>> start_steps(size_t workflow);
  Result<std::vector<Step>> resume_steps(size_t workflow);
  Result<std::vector<Step>> satisfied_steps(size_t workflow);
  Status remember_next(size_t task, const std::vector<Step>& steps);
  Status dispatch(size_t workflow, const std::vector<Step>& steps);
  Status process(size_t workflow, const std::vector<Step>& steps);
  void arrive_at_join(size_t workflow, const Step& step);
  Status refresh_join(size_t task);
  void refresh_joins(size_t workflow);
  void refresh_joins_after(size_t task);
  bool has_enough_arrivals(size_t join) const;
  struct Induced {
    State state;
    std::string event;
  };
  Result<Induced> induced_state(const WorkflowExecution& workflow, size_t source, size_t join);
  bool possible_route(const WorkflowExecution& workflow, size_t spec, std::unordered_set<size_t>& visited);
  Value upstream_context(const std::vector<size_t>& sources) const;
  Value outbound_context(const TaskExecution& task) const;
  void update_inbound_context(size_t task);
  Result<size_t> reverse_target(const WorkflowExecution& workflow) const;

  // engine_policies.cpp
  Result<Delays> delays(size_t task, bool before_start);
  Status before_start(size_t task);
  Status after_complete(size_t task);
  Status retry(size_t task, const Delays& delays);

  // engine_actions.cpp
  Status schedule_actions(size_t task);
  Status schedule_items(size_t task);
  Status prepare_items(size_t task);
  Status schedule_one(size_t task, size_t item, const Value& item_values);
  Status start_action(size_t task, size_t item, const std::string& name, Value input);
  Status start_sub_workflow(size_t task, size_t item, const std::string& name, Value input);
  void finish_action(size_t action, State state, Value result);
  void invalidate_results(size_t task);
  void reset_items(size_t task);

  // engine_control.cpp
  Status pause_workflow(size_t workflow, const Value& message);
  Status resume_workflow(size_t workflow, const Value& env);
  Status stop_workflow(size_t workflow, State state, const Value& message);
  Status continue_workflow(size_t workflow, std::vector<Step> steps);
  Status rerun_task(size_t task, bool reset, bool skip);
  void wake_ancestors(size_t workflow);
  Result<size_t> find_task_to_rerun(const std::string& name) const;
  template <typename Visit>
  void for_each_sub_workflow(size_t workflow, const Visit& visit);

  // engine_functions.cpp: expressions
  void make_functions();
  Value view(const Place& place, const Value& extra = Value(), const Value* context = nullptr) const;
  Result<Value> evaluate(const Value& value, const Place& place, const Value& extra = Value(),
                         const Value* context = nullptr);
  Result<Value> evaluate_with(const Value& value, const Value& data, const Place& place);
  Value environment_of(const WorkflowExecution& workflow) const;
  Value task_model(size_t task) const;
  Value workflow_model(const WorkflowExecution& workflow) const;
  void collect_tasks(size_t workflow, bool recursive, const std::string& state, bool flat, List& found) const;
  Result<Value> ask(const expr::HostFunction& function, const List& arguments);

  // engine_dump.cpp
  Value dump() const;
  Value workflow_document(const WorkflowExecution& workflow) const;

  std::shared_ptr<const Library> library_;
  const Definition* definition_;
  Environment environment_;
  std::vector<std::shared_ptr<const expr::HostFunction>> functions_;

  // Deques, because references into them outlive what is added.
  std::deque<WorkflowExecution> workflows_;
  std::deque<TaskExecution> tasks_;
  std::deque<ActionExecution> actions_;
  std::unordered_map<int64_t, size_t> open_;  // number -> action
  std::map<int64_t, Timer> timers_;
  std::deque<Job> jobs_;
  bool queue_timer_ = false;
  int64_t last_number_ = 0;

  // While an event is applied.
  EventClock clock_;
  uint64_t seed_ = 0, ids_made_ = 0;
  std::vector<Command> commands_;
  List answers_;
  const List* given_answers_ = nullptr;
  size_t answers_used_ = 0;
  Place place_;
  Value starting_env_;  // as given, while it is evaluated
  bool told_end_ = false;
};

}  // namespace squall::workflow::mistral
