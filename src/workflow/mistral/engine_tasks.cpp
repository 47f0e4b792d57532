// Task executions: their creation, run, end and result.
#include <algorithm>

#include "value/python.hpp"
#include "workflow/mistral/engine.hpp"

namespace squall::workflow::mistral {

size_t Engine::create_task(size_t workflow, size_t spec, State state, Value context,
                           std::vector<Trigger> triggered_by) {
  WorkflowExecution& owner = workflows_[workflow];
  TaskExecution task;
  task.id = new_id();
  task.spec = &owner.spec().tasks[spec];
  task.workflow = workflow;
  task.state = state;
  task.in_context = context.is_dict() ? std::move(context) : Value::empty_dict();
  task.published = Value::empty_dict();
  task.triggered_by = std::move(triggered_by);
  task.created_at = task.updated_at = clock_.at;
  const size_t index = tasks_.size();
  owner.tasks.push_back(index);
  owner.tasks_by_name[task.spec->name].push_back(index);
  ++owner.incomplete;
  tasks_.push_back(std::move(task));
  return index;
}

void Engine::set_task_state(size_t index, State state, Value info) {
  TaskExecution& task = tasks_[index];
  WorkflowExecution& workflow = workflows_[task.workflow];
  if (is_completed(task.state) != is_completed(state)) {
    workflow.incomplete += is_completed(state) ? static_cast<size_t>(-1) : 1;
  }
  if (task.spec->join != JoinKind::kNone && task.state != state) {
    if (task.state == State::kWaiting) std::erase(workflow.waiting_joins, index);
    if (state == State::kWaiting) workflow.waiting_joins.push_back(index);
  }
  if (state == State::kRunning || state == State::kWaiting) task.failed_by_tasks = false;
  task.state = state;
  task.state_info = std::move(info);
  task.updated_at = clock_.at;
}

// A new execution begins, or an existing one goes on: an idle one after a pause, a finished one that is run again.
Status Engine::run_task(size_t index, bool first, bool reset) {
  TaskExecution& task = tasks_[index];
  if (first) {
    // What a cancelled workflow had not begun stays so.
    if (task.state != State::kIdle || workflows_[task.workflow].state == State::kCancelled) return {};
    set_task_state(index, State::kRunning, Value());
    SQ_CHECK(before_start(index));
    if (task.state != State::kRunning) return {};
    return schedule_actions(index);
  }
  const bool rerun = task.state != State::kIdle;
  set_task_state(index, State::kRunning, Value());
  task.processed = false;
  if (rerun) {
    SQ_CHECK(before_start(index));
    if (task.state != State::kRunning) return {};
  }
  update_inbound_context(index);
  if (reset) {
    invalidate_results(index);
  } else {
    for (const size_t action : task.actions) {
      const State state = action_state(actions_[action]);
      if (state == State::kError || state == State::kCancelled) actions_[action].accepted = false;
    }
    reset_items(index);
  }
  return schedule_actions(index);
}

// After a delay.
Status Engine::continue_task(size_t index) {
  TaskExecution& task = tasks_[index];
  const WorkflowExecution& workflow = workflows_[task.workflow];
  if (task.state != State::kDelayed && task.state != State::kWaiting) return {};
  if (is_completed(workflow.state)) return {};
  if (workflow.state == State::kPaused) {
    task.due_while_paused = true;
    return {};
  }
  set_task_state(index, State::kRunning, Value());
  task.processed = false;
  update_inbound_context(index);
  return schedule_actions(index);
}

Status Engine::complete_task(size_t index, State state, Value info) {
  TaskExecution& task = tasks_[index];
  if (is_completed(task.state) && state != State::kSkipped) return {};
  set_task_state(index, state, std::move(info));
  task.item_values = Value();
  if (task.spec->join != JoinKind::kNone) update_inbound_context(index);
  SQ_CHECK(publish(index));

  const Place place{task.workflow, index};
  SQ_TRY(const Value keep, evaluate(task.spec->keep_result, place));
  if (!keep.truthy()) {
    for (const size_t action : task.actions) actions_[action].result = Value();
  }
  if (state != State::kSkipped) SQ_CHECK(after_complete(index));
  if (!is_completed(task.state)) return {};  // delayed
  const int64_t timer = std::exchange(task.timeout_timer, 0);
  if (timers_.erase(timer) != 0) commands_.emplace_back(CancelTimer{timer});

  WorkflowExecution& workflow = workflows_[task.workflow];
  task.next.clear();
  task.next_known = false;
  if (workflow.state == State::kPaused) return {};  // what follows is found when it goes on
  std::vector<Step> steps;
  if (!is_completed(workflow.state)) {
    SQ_TRY(steps, next_steps(index));
  }
  SQ_CHECK(remember_next(index, steps));
  task.processed = true;
  queue({Job::Kind::kCheck, task.workflow, State::kRunning, Value()});
  if (is_completed(workflow.state)) return {};
  SQ_CHECK(dispatch(task.workflow, steps));
  refresh_joins_after(index);
  return {};
}

// on-clause < plain publish < on-complete: the later one wins.
Status Engine::publish(size_t index) {
  TaskExecution& task = tasks_[index];
  const TaskSpec& spec = *task.spec;
  const PublishSpec* plain = nullptr;
  const OnClause* clause = nullptr;
  const OnClause* complete = &spec.on_complete;
  switch (task.state) {
    case State::kSuccess: plain = &spec.publish, clause = &spec.on_success; break;
    case State::kError: plain = &spec.publish_on_error, clause = &spec.on_error; break;
    case State::kSkipped: plain = &spec.publish_on_skip, clause = &spec.on_skip, complete = nullptr; break;
    default: return {};
  }
  PublishSpec all = clause->publish;
  const auto add = [&](const PublishSpec& publish) {
    all.branch = merged(all.branch, publish.branch);
    all.global = merged(all.global, publish.global);
  };
  add(*plain);
  if (complete != nullptr) add(complete->publish);
  if (all.empty()) return {};

  const Place place{task.workflow, index};
  SQ_TRY(Value branch, evaluate(all.branch, place));
  task.published = branch.is_dict() ? std::move(branch) : Value::empty_dict();
  if (!all.global.is_null()) {
    SQ_TRY(const Value global, evaluate(all.global, place));
    Value& context = workflows_[task.workflow].context;
    context = merged(std::move(context), global);
  }
  return {};
}

State Engine::action_state(const ActionExecution& action) const {
  return action.workflow == kNone ? action.state : workflows_[action.workflow].state;
}

Value Engine::action_result(const ActionExecution& action) const {
  if (action.workflow == kNone) return action.result;
  const Value& output = workflows_[action.workflow].output;
  return output.is_null() ? Value::empty_dict() : output;
}

Value Engine::task_result(const TaskExecution& task) const {
  std::vector<size_t> accepted;
  for (const size_t action : task.actions) {
    if (actions_[action].accepted) accepted.push_back(action);
  }
  if (task.spec->with_items.empty()) {
    if (accepted.size() == 1) return action_result(actions_[accepted[0]]);
  } else if (task.items_total == 0) {
    return Value::empty_list();
  }
  std::stable_sort(accepted.begin(), accepted.end(),
                   [&](size_t a, size_t b) { return actions_[a].index < actions_[b].index; });
  List results;
  results.reserve(accepted.size());
  for (const size_t action : accepted) results.push_back(action_result(actions_[action]));
  return Value(std::move(results));
}

void Engine::invalidate_results(size_t index) {
  for (const size_t action : tasks_[index].actions) actions_[action].accepted = false;
  reset_items(index);
}

Status Engine::on_action_done(size_t action_index) {
  const ActionExecution& action = actions_[action_index];
  const State state = action_state(action);
  TaskExecution& task = tasks_[action.task];
  if (task.spec->with_items.empty()) {
    Value info;
    if (state != State::kSuccess) {
      Value result = action_result(action);
      if (action.workflow != kNone) result = result["result"];
      if (result.truthy()) info = Value(python::str(result));
    }
    return complete_task(action.task, state, info);
  }
  if (task.items_running > 0) --task.items_running;
  ++task.items_done;
  if (is_completed(task.state)) return {};
  if (state == State::kCancelled) task.item_cancelled = true;
  if (task.item_cancelled) {
    return complete_task(action.task, State::kCancelled, Value("One or more actions was cancelled."));
  }
  if (task.items_done >= std::max<size_t>(task.items_total, 1) && task.items_running == 0) {
    for (const size_t each : task.actions) {
      if (actions_[each].accepted && action_state(actions_[each]) == State::kError) {
        return complete_task(action.task, State::kError, Value("One or more actions had failed."));
      }
    }
    return complete_task(action.task, State::kSuccess, Value());
  }
  return schedule_items(action.task);
}

// An action or a sub-workflow paused, or goes on.
void Engine::update_task(size_t index, State state) {
  const TaskExecution& task = tasks_[index];
  if (is_completed(task.state) || !is_valid_transition(task.state, state)) return;
  if (state == State::kRunning) {
    for (const size_t action : task.actions) {
      if (action_state(actions_[action]) == State::kPaused) return;
    }
  }
  set_task_state(index, state, Value());
}

}  // namespace squall::workflow::mistral
