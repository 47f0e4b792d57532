// Events, jobs, and the life of a workflow execution.
#include "workflow/mistral/engine.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "crypto/hash.hpp"
#include "value/python.hpp"

namespace squall::workflow::mistral {

namespace {

tl::unexpected<Error> refused(ErrorCode code, std::string_view type, std::string message) {
  return fail(Error(code, std::move(message)).with_type(std::string(type)));
}

std::string quoted_names(const std::vector<std::string>& names) {
  List items;
  for (const std::string& name : names) items.emplace_back(name);
  return python::repr(Value(std::move(items)));
}

// At most so many bytes, whole characters, and a mark where something is missing.
std::string cut(std::string text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

// StackStorm's word for a workflow's state.
std::string_view status_name(State state) {
  switch (state) {
    case State::kPaused: return "paused";
    case State::kSuccess: return "succeeded";
    case State::kError: return "failed";
    case State::kCancelled: return "canceled";
    default: return "running";
  }
}

}  // namespace

std::string_view state_name(State state) {
  constexpr std::string_view kNames[] = {"IDLE",    "WAITING",   "RUNNING", "DELAYED", "PAUSED",
                                         "SUCCESS", "CANCELLED", "ERROR",   "SKIPPED"};
  return kNames[static_cast<size_t>(state)];
}

bool is_completed(State state) { return state >= State::kSuccess; }

bool is_valid_transition(State from, State to) {
  if (from == to) return true;
  switch (from) {
    case State::kIdle: return to == State::kRunning || to == State::kError || to == State::kCancelled;
    case State::kWaiting: return to == State::kRunning;
    case State::kRunning:
      return to == State::kPaused || to == State::kDelayed || to == State::kSuccess || to == State::kError ||
             to == State::kCancelled;
    case State::kDelayed: return to == State::kRunning || to == State::kError || to == State::kCancelled;
    case State::kPaused: return to == State::kRunning || to == State::kError || to == State::kCancelled;
    case State::kCancelled: return to == State::kRunning;
    case State::kError: return to == State::kRunning || to == State::kSkipped;
    case State::kSuccess:
    case State::kSkipped: return false;
  }
  return false;
}

Engine::Engine(std::shared_ptr<const Library> library, const Definition* definition, Environment environment)
    : library_(std::move(library)), definition_(definition), environment_(std::move(environment)) {
  make_functions();
}

Result<std::unique_ptr<WorkflowRun>> make_run(std::shared_ptr<const Library> library, std::string_view workflow,
                                              Environment environment) {
  const Definition* definition = library->find_workflow(workflow);
  if (definition == nullptr) {
    return refused(ErrorCode::kNotFound, "DBEntityNotFoundError",
                   "Workflow not found [workflow_identifier=" + std::string(workflow) + "]");
  }
  return std::unique_ptr<WorkflowRun>(std::make_unique<Engine>(std::move(library), definition, std::move(environment)));
}

// ---- Events

Result<Applied> Engine::apply(const Event& event) {
  clock_.at = event.at;
  seed_ = event.seed;
  ids_made_ = 0;
  commands_.clear();
  answers_.clear();
  given_answers_ = event.answers ? &*event.answers : nullptr;
  answers_used_ = 0;
  const bool is_start = std::holds_alternative<Start>(event.what);
  if (is_start != workflows_.empty()) {
    return fail(ErrorCode::kConflict, is_start ? "the workflow has begun already" : "the workflow has not begun yet");
  }
  const bool was_completed = !is_start && is_completed(workflows_[0].state);
  const Status status = std::visit([&](const auto& what) { return handle(what); }, event.what);
  if (!status) return fail(status.error());
  if (!event.more) pump();
  const WorkflowExecution& root = workflows_[0];
  if (is_completed(root.state) && (!was_completed || !told_end_)) {
    told_end_ = true;
    commands_.emplace_back(Finish{std::string(status_name(root.state)), root.output, errors()});
  }
  Applied applied;
  applied.commands = std::exchange(commands_, {});
  applied.answers = std::exchange(answers_, {});
  return applied;
}

Status Engine::handle(const Start& event) {
  const Value params = event.context["params"].is_dict() ? event.context["params"] : Value::empty_dict();
  const auto started = start_workflow(*definition_, event.inputs.is_dict() ? event.inputs : Value::empty_dict(), params,
                                      kNone, 0, false);
  if (!started) {
    workflows_.clear();
    jobs_.clear();
    return fail(started.error());
  }
  return {};
}

Status Engine::handle(const ActionChanged& event) {
  const auto found = open_.find(event.number);
  if (found == open_.end()) {
    const bool known = event.number > 0 && event.number <= last_number_;
    return fail(known ? ErrorCode::kConflict : ErrorCode::kNotFound,
                "action " + std::to_string(event.number) + (known ? " has ended already" : " was never asked for"));
  }
  const std::string& status = event.status;
  if (status == "succeeded" || status == "failed" || status == "timeout" || status == "abandoned" ||
      status == "canceled") {
    const State state = status == "succeeded"  ? State::kSuccess
                        : status == "canceled" ? State::kCancelled
                                               : State::kError;
    Job job{Job::Kind::kActionDone, found->second, state, event.result};
    open_.erase(found);
    queue(std::move(job));
  } else if (status == "paused" || status == "pending") {
    queue({Job::Kind::kActionUpdate, found->second, State::kPaused, Value()});
  } else if (status == "running" || status == "resuming") {
    queue({Job::Kind::kActionUpdate, found->second, State::kRunning, Value()});
  }
  return {};
}

Status Engine::handle(const ActionRefused& event) {
  const auto found = open_.find(event.number);
  if (found == open_.end()) {
    return fail(ErrorCode::kNotFound, "action " + std::to_string(event.number) + " is not under way");
  }
  const size_t action = found->second;
  open_.erase(found);
  const size_t task = actions_[action].task;
  actions_[action].state = State::kError;
  std::erase(tasks_[task].actions, action);  // it never was
  guard(task, "Failed to run task", fail(ErrorCode::kInvalid, event.message));
  return {};
}

Status Engine::handle(const TimerDue& event) {
  const auto found = timers_.find(event.number);
  if (found == timers_.end()) return {};  // of no use any more
  const Timer timer = found->second;
  timers_.erase(found);
  switch (timer.kind) {
    case Timer::Kind::kQueue: queue_timer_ = false; break;
    case Timer::Kind::kContinueTask: queue({Job::Kind::kContinueTask, timer.index, State::kRunning, Value()}); break;
    case Timer::Kind::kRefreshJoin:
      tasks_[timer.index].retry_pending = false;
      queue({Job::Kind::kRefresh, timer.index, State::kRunning, Value()});
      break;
    case Timer::Kind::kActionDone: queue({Job::Kind::kActionDone, timer.index, timer.state, timer.value}); break;
    case Timer::Kind::kCompleteTask:
      if (tasks_[timer.index].state != State::kDelayed) break;
      guard(timer.index, "Failed to complete task", complete_task(timer.index, timer.state, timer.value));
      break;
    case Timer::Kind::kTimeout: {
      if (is_completed(tasks_[timer.index].state)) break;
      abandon_actions(timer.index);
      guard(timer.index, "Failed to complete task",
            complete_task(timer.index, State::kError,
                          Value("Task timed out [timeout(s)=" + python::str(timer.value) + "].")));
      break;
    }
  }
  return {};
}

// What the task has under way is of no use any more; late results of it will be refused.
void Engine::abandon_actions(size_t task) {
  for (const size_t index : tasks_[task].actions) {
    ActionExecution& action = actions_[index];
    if (is_completed(action_state(action))) continue;
    if (action.workflow != kNone) {
      action.abandoned = true;
      (void)stop_workflow(action.workflow, State::kCancelled, Value("The task that runs it timed out."));
      continue;
    }
    action.state = State::kCancelled;
    if (open_.erase(action.number) != 0) commands_.emplace_back(CancelAction{action.number});
  }
  tasks_[task].items_running = 0;
}

Status Engine::handle(const Restore&) {
  return fail(ErrorCode::kInvalid, "a Mistral workflow cannot be restored from a document; replay its journal");
}

void Engine::pump() {
  for (size_t steps = 0; !jobs_.empty(); ++steps) {
    if (steps == kStepsPerEventMax) {
      if (!queue_timer_) {
        queue_timer_ = true;
        start_timer_ms(0, {Timer::Kind::kQueue});
      }
      return;
    }
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    work(job);
  }
}

void Engine::work(const Job& job) {
  switch (job.kind) {
    case Job::Kind::kRunTask: guard(job.index, "Failed to run task", run_task(job.index, job.first, job.reset)); return;
    case Job::Kind::kContinueTask: guard(job.index, "Failed to run task", continue_task(job.index)); return;
    case Job::Kind::kRefresh: guard(job.index, "Failed to run task", refresh_join(job.index)); return;
    case Job::Kind::kCheck: check_and_complete(job.index); return;
    case Job::Kind::kActionDone: finish_action(job.index, job.state, job.value); return;
    case Job::Kind::kActionUpdate: {
      ActionExecution& action = actions_[job.index];
      if (is_completed(action.state)) return;
      action.state = job.state;
      const size_t workflow = tasks_[action.task].workflow;
      update_task(action.task, job.state);
      const Status status =
          job.state == State::kPaused ? pause_workflow(workflow, Value()) : resume_workflow(workflow, Value());
      guard(action.task, "Failed to handle action update", status, action.name);
      return;
    }
    case Job::Kind::kWorkflowUpdate: {
      const WorkflowExecution& child = workflows_[job.index];
      if (child.state != job.state) return;  // it has moved on meanwhile
      const size_t task = child.parent_task;
      const std::string name = child.definition->name;
      const size_t parent = tasks_[task].workflow;
      update_task(task, job.state);
      Status status;
      if (job.state == State::kPaused) {
        status = pause_workflow(parent, Value());
      } else {
        for (const size_t sibling : workflows_[parent].tasks) {
          if (tasks_[sibling].state == State::kPaused) return;
        }
        status = resume_workflow(parent, Value());
      }
      guard(task, "Failed to handle action update", status, name);
      return;
    }
    case Job::Kind::kWorkflowDone: {
      const WorkflowExecution& child = workflows_[job.index];
      if (!is_completed(child.state)) return;  // run again meanwhile
      const ActionExecution& place = actions_[child.parent_action];
      if (place.abandoned) return;
      guard(place.task, "Failed to handle action completion", on_action_done(child.parent_action),
            child.definition->name);
      return;
    }
  }
}

// Errors of the workflow's own text (a bad expression, an unknown name) fail the task and the workflow, whatever its
// on-error clauses say.
void Engine::guard(size_t task, std::string_view what, const Status& status, std::string_view action) {
  if (status) return;
  const TaskExecution& execution = tasks_[task];
  std::string message = std::string(what) + " [error=" + status.error().message() +
                        ", wf=" + workflows_[execution.workflow].definition->name + ", task=" + execution.spec->name;
  if (!action.empty()) message += ", action=" + std::string(action);
  force_fail(task, message + "]");
}

void Engine::force_fail(size_t task, const std::string& message) {
  set_task_state(task, State::kError, Value(message));
  const size_t workflow = tasks_[task].workflow;
  fail_workflow(workflow, final_context_or_empty(workflow), Value(message));
}

// ---- Workflow executions

std::string Engine::new_id() {
  const std::string digits = crypto::sha256_hex(std::to_string(seed_) + "/" + std::to_string(ids_made_++) + "/" +
                                                std::to_string(clock_.at.time_since_epoch().count()));
  return digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-4" + digits.substr(13, 3) + "-a" + digits.substr(17, 3) +
         "-" + digits.substr(20, 12);
}

int64_t Engine::start_timer_ms(int64_t delay_ms, Timer timer) {
  const int64_t number = ++last_number_;
  timers_.emplace(number, std::move(timer));
  commands_.emplace_back(StartTimer{number, delay_ms});
  return number;
}

void Engine::start_timer(int64_t delay_seconds, Timer timer) { start_timer_ms(delay_seconds * 1000, std::move(timer)); }

Result<Value> Engine::evaluated_environment(const Value& params) {
  const Value& given = params["env"];
  Value variables = given;
  if (given.is_null() || (given.is_dict() && given.empty())) return Value::empty_dict();
  if (given.is_string()) {
    const Value* stored = library_->find_environment(given.as_string());
    if (stored == nullptr) {
      return refused(ErrorCode::kInvalid, "InputException", "Environment is not found: " + given.string());
    }
    variables = *stored;
  } else if (!given.is_dict()) {
    return refused(ErrorCode::kInvalid, "InputException",
                   "Unexpected value type for environment [env=" + python::str(given) + ", type=<class '" +
                       std::string(given.type_name()) + "'>]");
  }
  if (params.contains("evaluate_env") && !params["evaluate_env"].truthy()) return variables;
  starting_env_ = variables;
  auto evaluated = evaluate_with(variables, Value::dict({{"__env", variables}}), Place{});
  starting_env_ = Value();
  return evaluated;
}

Result<size_t> Engine::start_workflow(const Definition& definition, Value input, Value params, size_t parent_task,
                                      size_t item, bool allow_unexpected) {
  const WorkflowSpec& spec = *definition.spec;
  WorkflowExecution made;
  made.definition = &definition;
  made.created_at = made.updated_at = clock_.at;
  const size_t index = workflows_.size();
  made.root = index;
  if (parent_task != kNone) {
    const WorkflowExecution& parent = workflows_[tasks_[parent_task].workflow];
    made.root = parent.root;
    made.depth = parent.depth + 1;
    made.parent_task = parent_task;
    if (made.depth > kSubWorkflowDepthMax) {
      return refused(ErrorCode::kLimit, "WorkflowException",
                     "workflows are nested deeper than kSubWorkflowDepthMax (" + std::to_string(kSubWorkflowDepthMax) +
                         ") [name=" + definition.name + "]");
    }
  }

  std::vector<std::string> missing, unexpected;
  for (const InputSpec& each : spec.inputs) {
    if (input.contains(each.name)) continue;
    if (each.required) {
      missing.push_back(each.name);
    } else {
      input.set(each.name, each.fallback);
    }
  }
  Value declared = Value::empty_dict();
  for (const auto& [name, value] : input.as_dict()) {
    const bool known = std::any_of(spec.inputs.begin(), spec.inputs.end(),
                                   [&, &key = name](const InputSpec& each) { return each.name == key; });
    if (known) {
      declared.set(name, value);
    } else if (allow_unexpected) {
      params.set(name, value);
    } else {
      unexpected.push_back(name);
    }
  }
  if (!missing.empty() || !unexpected.empty()) {
    std::string message = "Invalid input [name=" + definition.name + ", class=" + std::string(spec.class_name());
    if (!missing.empty()) message += ", missing=" + quoted_names(missing);
    if (!unexpected.empty()) message += ", unexpected=" + quoted_names(unexpected);
    return refused(ErrorCode::kInvalid, "InputException", message + "]");
  }
  made.input = std::move(declared);

  if (parent_task == kNone) {
    SQ_TRY(const Value env, evaluated_environment(params));
    params.set("env", env);
  }
  params.set("namespace", Value(""));
  made.params = std::move(params);
  made.id = new_id();
  made.context = Value::dict({{"__execution", Value::dict({{"id", made.id}})}});
  made.state = State::kRunning;
  workflows_.push_back(std::move(made));
  const auto undo = [&](const Error& error) -> tl::unexpected<Error> {
    workflows_.pop_back();
    return fail(error);
  };
  const Place place{index, kNone};
  if (!spec.vars.is_null()) {
    const auto vars = evaluate(spec.vars, place);
    if (!vars) return undo(vars.error());
    workflows_[index].context = merged(workflows_[index].context, *vars);
  }
  const auto steps = start_steps(index);
  if (!steps) return undo(steps.error());

  if (parent_task != kNone) {
    ActionExecution entry;
    entry.id = workflows_[index].id;
    entry.task = parent_task;
    entry.index = item;
    entry.name = definition.name;
    entry.workflow = index;
    workflows_[index].parent_action = actions_.size();
    tasks_[parent_task].actions.push_back(actions_.size());
    actions_.push_back(std::move(entry));
  } else {
    commands_.emplace_back(StatusChanged{"running"});
  }
  SQ_CHECK(dispatch(index, *steps));
  queue({Job::Kind::kCheck, index, State::kRunning, Value()});
  return index;
}

void Engine::set_workflow_state(WorkflowExecution& workflow, State state, Value info) {
  const bool changed = workflow.state != state;
  workflow.state = state;
  workflow.state_info = std::move(info);
  workflow.updated_at = clock_.at;
  if (workflow.parent_action != kNone) {
    ActionExecution& place = actions_[workflow.parent_action];
    place.accepted = is_completed(state) && !place.abandoned;
  }
  if (changed && workflow.parent_task == kNone && !is_completed(state)) {
    commands_.emplace_back(StatusChanged{std::string(status_name(state))});
  }
  if (workflow.parent_task == kNone && !is_completed(state)) told_end_ = false;
}

void Engine::tell_parent(const WorkflowExecution& workflow) {
  if (workflow.parent_task == kNone) return;
  queue({Job::Kind::kWorkflowDone, actions_[workflow.parent_action].workflow, State::kSuccess, Value()});
}

Result<Value> Engine::final_context(size_t index) {
  const WorkflowExecution& workflow = workflows_[index];
  if (workflow.spec().reverse) {
    SQ_TRY(const size_t target, reverse_target(workflow));
    const auto found = workflow.tasks_by_name.find(workflow.spec().tasks[target].name);
    if (found == workflow.tasks_by_name.end()) return fail(ErrorCode::kInvalid, "the target task did not run");
    return outbound_context(tasks_[found->second.back()]);
  }
  Value context = Value::empty_dict();
  for (const size_t task : workflow.tasks) {
    const TaskExecution& execution = tasks_[task];
    if (is_completed(execution.state) && !execution.has_next_tasks()) {
      context = merged(std::move(context), outbound_context(execution));
    }
  }
  return context;
}

Value Engine::final_context_or_empty(size_t workflow) { return final_context(workflow).value_or(Value::empty_dict()); }

Status Engine::succeed_workflow(size_t index, const Value& context, Value message) {
  if (!is_valid_transition(workflows_[index].state, State::kSuccess)) {
    return refused(ErrorCode::kConflict, "WorkflowException",
                   "Can't change workflow execution state from " + std::string(state_name(workflows_[index].state)) +
                       " to SUCCESS. [workflow=" + workflows_[index].definition->name +
                       ", execution_id=" + workflows_[index].id + "]");
  }
  Value output = Value::empty_dict();
  if (!workflows_[index].spec().output.is_null()) {
    SQ_TRY(output, evaluate(workflows_[index].spec().output, {index, kNone}, Value(), &context));
  }
  WorkflowExecution& workflow = workflows_[index];
  workflow.output = output.truthy() ? std::move(output) : context;
  set_workflow_state(workflow, State::kSuccess, std::move(message));
  tell_parent(workflow);
  return {};
}

void Engine::fail_workflow(size_t index, const Value& context, Value message) {
  if (workflows_[index].state == State::kPaused || is_completed(workflows_[index].state)) return;
  Value output = context;
  if (!workflows_[index].spec().output_on_error.is_null()) {
    auto evaluated = evaluate(workflows_[index].spec().output_on_error, {index, kNone}, Value(), &context);
    if (evaluated) {
      if (evaluated->truthy()) output = *std::move(evaluated);
    } else {
      output = Value::empty_dict();
      message = Value("Failed to evaluate expression in output-on-error! (output-on-error: '" +
                      python::str(workflows_[index].spec().output_on_error) + "', exception: '" +
                      evaluated.error().message() + "' Cause: '" + python::str(message) + "')");
    }
  }
  WorkflowExecution& workflow = workflows_[index];
  set_workflow_state(workflow, State::kError, message);
  workflow.output = merged(Value::dict({{"result", message}}), output);
  tell_parent(workflow);
}

std::string Engine::failure_message(const WorkflowExecution& workflow) const {
  std::vector<size_t> failed;
  for (const size_t task : workflow.tasks) {
    const TaskExecution& execution = tasks_[task];
    // A clause whose guards all failed counts as one here, as it does upstream.
    const bool has_clause = !workflow.spec().reverse && !execution.spec->on_error.next.empty();
    if (execution.state == State::kError && !has_clause) failed.push_back(task);
  }
  std::stable_sort(failed.begin(), failed.end(),
                   [&](size_t a, size_t b) { return tasks_[a].spec->name < tasks_[b].spec->name; });
  std::vector<std::string> names;
  for (const size_t task : failed) names.push_back(tasks_[task].spec->name);
  std::string message = "Failure caused by error in tasks: " + join(names, ", ") + "\n";
  for (const size_t task : failed) {
    const TaskExecution& execution = tasks_[task];
    message += "\n  " + execution.spec->name + " [task_ex_id=" + execution.id + "] -> " +
               python::str(execution.state_info) + "\n";
    for (size_t i = 0; i < execution.actions.size(); ++i) {
      const ActionExecution& action = actions_[execution.actions[i]];
      if (action_state(action) != State::kError) continue;
      Value result = action_result(action);
      if (action.workflow != kNone) result = result["result"];
      message += std::string("    [") + (action.workflow != kNone ? "wf_ex_id=" : "action_ex_id=") + action.id +
                 ", idx=" + std::to_string(i) + "]: " + python::str(result) + "\n";
      if (message.size() > kFailureBytesMax) return cut(std::move(message), kFailureBytesMax);
    }
  }
  return cut(std::move(message), kFailureBytesMax);
}

void Engine::check_and_complete(size_t index) {
  const WorkflowExecution& workflow = workflows_[index];
  if (workflow.state != State::kRunning || workflow.incomplete > 0 || !workflow.backlog.empty()) return;
  std::vector<std::string> cancelled;
  bool all_handled = true;
  for (const size_t task : workflow.tasks) {
    const TaskExecution& execution = tasks_[task];
    if (execution.state == State::kCancelled) cancelled.push_back(execution.spec->name);
    if (execution.state == State::kError && !execution.error_handled) all_handled = false;
  }
  if (!cancelled.empty()) {
    std::sort(cancelled.begin(), cancelled.end());
    WorkflowExecution& changed = workflows_[index];
    const Value message("Cancelled tasks: " + join(cancelled, ", "));
    set_workflow_state(changed, State::kCancelled, message);
    changed.output = Value::dict({{"result", message}});
    tell_parent(changed);
    return;
  }
  if (!all_handled) {
    const Value message(failure_message(workflow));
    fail_workflow(index, final_context_or_empty(index), message);
    return;
  }
  Status status;
  if (const auto context = final_context(index)) {
    status = succeed_workflow(index, *context, Value());
  } else {
    status = fail(context.error());
  }
  if (status) return;
  const WorkflowExecution& failed = workflows_[index];
  const Value message("Failed to check and complete [wf_ex_id=" + failed.id + ", wf_name=" + failed.definition->name +
                      "]: " + status.error().message());
  fail_workflow(index, final_context_or_empty(index), message);
}

}  // namespace squall::workflow::mistral
