// The state as data: for people, for the hash that replays are compared by.
#include <algorithm>
#include <cstring>

#include "crypto/hash.hpp"
#include "value/json.hpp"
#include "value/python.hpp"
#include "workflow/mistral/engine.hpp"

namespace squall::workflow::mistral {

namespace {

Value number(size_t value) { return value == kNone ? Value(-1) : Value(static_cast<int64_t>(value)); }

Value numbers(const std::vector<size_t>& values) {
  List items;
  for (const size_t value : values) items.push_back(number(value));
  return Value(std::move(items));
}

Value triggers(const std::vector<Trigger>& given) {
  List items;
  for (const Trigger& trigger : given) items.push_back(Value::list({number(trigger.task), Value(trigger.event)}));
  return Value(std::move(items));
}

Value dump_step(const Step& step) {
  return Value::dict({{"kind", static_cast<int>(step.kind)},
                      {"spec", number(step.spec)},
                      {"task", number(step.task)},
                      {"context", step.context},
                      {"triggered_by", triggers(step.triggered_by)},
                      {"message", step.message},
                      {"reset", step.reset}});
}

Value dump_task(const TaskExecution& task) {
  List again;
  for (const size_t item : task.items_again) again.push_back(number(item));
  std::vector<std::string> arrived(task.arrived.begin(), task.arrived.end());
  std::sort(arrived.begin(), arrived.end());
  List sources;
  for (std::string& name : arrived) sources.emplace_back(std::move(name));
  return Value::dict({{"id", task.id},
                      {"name", task.spec->name},
                      {"workflow", number(task.workflow)},
                      {"state", state_name(task.state)},
                      {"state_info", task.state_info},
                      {"in_context", task.in_context},
                      {"published", task.published},
                      {"triggered_by", triggers(task.triggered_by)},
                      {"next", triggers(task.next)},
                      {"flags", Value::list({task.next_known, task.processed, task.error_handled, task.waited_before,
                                             task.waited_after, task.retry_pending, task.due_while_paused,
                                             task.failed_by_tasks, task.items_prepared, task.item_cancelled})},
                      {"actions", numbers(task.actions)},
                      {"retry", task.retry_number},
                      {"timeout_timer", task.timeout_timer},
                      {"item_values", task.item_values},
                      {"items", Value::list({task.concurrency, number(task.items_total), number(task.items_done),
                                             number(task.items_running), number(task.next_item)})},
                      {"items_again", Value(std::move(again))},
                      {"arrived", Value(std::move(sources))},
                      {"input_override", task.input_override},
                      {"created_at", format_timestamp(task.created_at)},
                      {"updated_at", format_timestamp(task.updated_at)}});
}

Value dump_workflow(const WorkflowExecution& workflow) {
  List backlog;
  for (const Step& step : workflow.backlog) backlog.push_back(dump_step(step));
  return Value::dict({{"id", workflow.id},
                      {"name", workflow.definition->name},
                      {"state", state_name(workflow.state)},
                      {"state_info", workflow.state_info},
                      {"input", workflow.input},
                      {"params", workflow.params},
                      {"context", workflow.context},
                      {"output", workflow.output},
                      {"parents", Value::list({number(workflow.parent_action), number(workflow.parent_task),
                                               number(workflow.root), number(workflow.depth)})},
                      {"tasks", numbers(workflow.tasks)},
                      {"waiting_joins", numbers(workflow.waiting_joins)},
                      {"incomplete", number(workflow.incomplete)},
                      {"backlog", Value(std::move(backlog))},
                      {"created_at", format_timestamp(workflow.created_at)},
                      {"updated_at", format_timestamp(workflow.updated_at)}});
}

}  // namespace

Value Engine::dump() const {
  List workflows, tasks, actions, timers, jobs, open;
  for (const WorkflowExecution& workflow : workflows_) workflows.push_back(dump_workflow(workflow));
  for (const TaskExecution& task : tasks_) tasks.push_back(dump_task(task));
  for (const ActionExecution& action : actions_) {
    actions.push_back(Value::list({Value(action.number), Value(action.id), number(action.task), number(action.index),
                                   Value(action.name), Value(state_name(action.state)), Value(action.accepted),
                                   Value(action.abandoned), action.result, number(action.workflow)}));
  }
  for (const auto& [timer_number, timer] : timers_) {
    timers.push_back(Value::list({Value(timer_number), Value(static_cast<int>(timer.kind)), number(timer.index),
                                  Value(state_name(timer.state)), timer.value}));
  }
  for (const Job& job : jobs_) {
    jobs.push_back(Value::list({Value(static_cast<int>(job.kind)), number(job.index), Value(state_name(job.state)),
                                job.value, Value(job.first), Value(job.reset)}));
  }
  for (const int64_t each : open_actions()) open.emplace_back(each);
  return Value::dict({{"workflows", Value(std::move(workflows))},
                      {"tasks", Value(std::move(tasks))},
                      {"actions", Value(std::move(actions))},
                      {"timers", Value(std::move(timers))},
                      {"jobs", Value(std::move(jobs))},
                      {"open", Value(std::move(open))},
                      {"last_number", last_number_},
                      {"told_end", told_end_}});
}

uint64_t Engine::hash() const {
  const std::string digest = crypto::sha256(to_json(dump()));
  uint64_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

std::string Engine::status() const {
  if (workflows_.empty()) return "requested";
  switch (workflows_[0].state) {
    case State::kPaused: return "paused";
    case State::kSuccess: return "succeeded";
    case State::kError: return "failed";
    case State::kCancelled: return "canceled";
    default: return "running";
  }
}

Value Engine::output() const { return workflows_.empty() ? Value() : workflows_[0].output; }

Value Engine::errors() const {
  List errors;
  if (!workflows_.empty() && workflows_[0].state == State::kError) {
    errors.push_back(Value::dict({{"type", "error"}, {"message", python::str(workflows_[0].state_info)}}));
  }
  return Value(std::move(errors));
}

std::vector<int64_t> Engine::open_actions() const {
  std::vector<int64_t> open;
  for (const auto& [each, action] : open_) open.push_back(each);
  std::sort(open.begin(), open.end());
  return open;
}

// As the real engine's API would tell it; sub-workflows stand with the tasks that run them.
Value Engine::workflow_document(const WorkflowExecution& workflow) const {
  List tasks;
  for (const size_t each : workflow.tasks) {
    const TaskExecution& task = tasks_[each];
    Value made = Value::dict({{"id", task.id},
                              {"name", task.spec->name},
                              {"type", task.spec->type_name()},
                              {"workflow_execution_id", workflow.id},
                              {"workflow_name", workflow.definition->name},
                              {"created_at", format_timestamp(task.created_at)},
                              {"updated_at", format_timestamp(task.updated_at)},
                              {"state", state_name(task.state)},
                              {"state_info", task.state_info},
                              {"result", task_result(task)},
                              {"published", task.published},
                              {"input", task.actions.empty() ? Value() : actions_[task.actions.back()].input},
                              {"executions", static_cast<int64_t>(task.actions.size())}});
    if (task.spec->runs_workflow()) {
      std::vector<size_t> children;
      for (const size_t action : task.actions) {
        if (actions_[action].workflow != kNone) children.push_back(action);
      }
      std::stable_sort(children.begin(), children.end(),
                       [&](size_t a, size_t b) { return actions_[a].index < actions_[b].index; });
      List documents;
      for (const size_t child : children) documents.push_back(workflow_document(workflows_[actions_[child].workflow]));
      made.set("sub_workflows", Value(std::move(documents)));
    }
    tasks.push_back(std::move(made));
  }
  Value global = Value::empty_dict();
  for (const auto& [name, value] : workflow.context.as_dict()) {
    if (name != "__execution" && !workflow.spec().vars.contains(name)) global.set(name, value);
  }
  return Value::dict({{"id", workflow.id},
                      {"name", workflow.definition->name},
                      {"state", state_name(workflow.state)},
                      {"state_info", workflow.state_info},
                      {"input", workflow.input},
                      {"params", workflow.params},
                      {"output", workflow.output.is_null() ? Value::empty_dict() : workflow.output},
                      {"published_global", std::move(global)},
                      {"tasks", Value(std::move(tasks))}});
}

Value Engine::document() const { return workflows_.empty() ? Value() : workflow_document(workflows_[0]); }

Value Engine::task_records() const {
  List records;
  for (const TaskExecution& task : tasks_) {
    Value record =
        Value::dict({{"id", task.id},
                     {"task", task.spec->name},
                     {"route", 0},
                     {"status", state_name(task.state)},
                     {"start_timestamp", format_timestamp(task.created_at)},
                     {"end_timestamp", is_completed(task.state) ? Value(format_timestamp(task.updated_at)) : Value()},
                     {"result", task_result(task)},
                     // What StackStorm's mistral-v2 runner told besides.
                     {"workflow_execution_id", workflows_[task.workflow].id},
                     {"workflow_name", workflows_[task.workflow].definition->name},
                     {"created_at", format_timestamp(task.created_at)},
                     {"updated_at", format_timestamp(task.updated_at)},
                     {"state_info", task.state_info},
                     {"input", task.actions.empty() ? Value() : actions_[task.actions.back()].input},
                     {"published", task.published}});
    if (!task.spec->with_items.empty()) record.set("items", static_cast<int64_t>(task.items_total));
    records.push_back(std::move(record));
  }
  return Value(std::move(records));
}

}  // namespace squall::workflow::mistral
