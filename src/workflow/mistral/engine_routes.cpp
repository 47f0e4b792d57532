// What follows what: the clauses of direct workflows, joins, the requirements of reverse workflows, contexts.
#include <algorithm>

#include "value/python.hpp"
#include "workflow/mistral/engine.hpp"

namespace squall::workflow::mistral {

namespace {

Step::Kind command_kind(std::string_view name) {
  if (name == "noop") return Step::Kind::kNoop;
  if (name == "fail") return Step::Kind::kFail;
  return name == "succeed" ? Step::Kind::kSucceed : Step::Kind::kPause;
}

bool is_task_step(const Step& step) { return step.kind <= Step::Kind::kSkip; }

std::string task_names(const std::vector<std::string>& names) {
  List items;
  for (const std::string& name : names) items.emplace_back(name);
  return python::repr(Value(std::move(items)));
}

}  // namespace

// ---- Contexts

// What the task's followers see.
Value Engine::outbound_context(const TaskExecution& task) const {
  if (task.published.empty()) return task.in_context;
  Value context = task.in_context;
  for (const auto& [name, value] : task.published.as_dict()) context.set(name, value);
  return context;
}

Value Engine::upstream_context(const std::vector<size_t>& sources) const {
  Value published = Value::empty_dict();
  Value context = Value::empty_dict();
  for (const size_t source : sources) {
    published = merged(std::move(published), tasks_[source].published);
    context = merged(std::move(context), outbound_context(tasks_[source]));
  }
  return merged(std::move(context), published);
}

void Engine::update_inbound_context(size_t index) {
  TaskExecution& task = tasks_[index];
  if (task.spec->join == JoinKind::kNone) return;  // it does not change
  std::vector<size_t> sources;
  for (const Trigger& trigger : task.triggered_by) sources.push_back(trigger.task);
  std::sort(sources.begin(), sources.end());
  sources.erase(std::unique(sources.begin(), sources.end()), sources.end());
  const Value context = upstream_context(sources);
  for (const auto& [name, value] : context.as_dict()) task.in_context.set(name, value);
}

// ---- Steps

Result<std::vector<Step>> Engine::start_steps(size_t index) {
  const WorkflowExecution& workflow = workflows_[index];
  if (workflow.spec().reverse) return satisfied_steps(index);
  std::vector<Step> steps;
  for (size_t i = 0; i < workflow.spec().tasks.size(); ++i) {
    if (!workflow.spec().inbound_of(workflow.spec().tasks[i].name).empty()) continue;
    Step step;
    step.spec = i;
    step.context = Value::empty_dict();
    steps.push_back(std::move(step));
  }
  return steps;
}

Result<std::vector<Step>> Engine::next_steps(size_t index) {
  const TaskExecution& task = tasks_[index];
  const WorkflowSpec& spec = workflows_[task.workflow].spec();
  if (spec.reverse) return satisfied_steps(task.workflow);
  std::vector<Step> steps;
  const Place place{task.workflow, index};
  const Value context = outbound_context(task);
  const auto follow = [&](const OnClause& clause, std::string_view event) -> Status {
    for (const NextStep& next : clause.next) {
      if (!next.guard.empty()) {
        SQ_TRY(const Value guard, evaluate(Value(next.guard), place, Value(), &context));
        if (!guard.truthy()) continue;
      }
      SQ_TRY(const Value parameters, evaluate(next.parameters, place, Value(), &context));
      Step step;
      step.triggered_by = {{index, std::string(event)}};
      step.context = context;
      // An engine command wins over a task of its name.
      if (is_engine_command(next.name)) {
        step.kind = command_kind(next.name);
        const Value& message = parameters["msg"];
        step.message = message.is_null() ? Value() : Value(python::str(message));
      } else {
        step.spec = spec.task_index.at(next.name);
      }
      steps.push_back(std::move(step));
    }
    return {};
  };
  switch (task.state) {
    case State::kSuccess: SQ_CHECK(follow(task.spec->on_success, "on-success")); break;
    case State::kError: SQ_CHECK(follow(task.spec->on_error, "on-error")); break;
    case State::kSkipped:
      SQ_CHECK(follow(task.spec->on_skip, "on-skip"));
      if (steps.empty()) SQ_CHECK(follow(task.spec->on_success, "on-success"));
      return steps;
    default: return steps;
  }
  SQ_CHECK(follow(task.spec->on_complete, "on-complete"));
  return steps;
}

Status Engine::remember_next(size_t index, const std::vector<Step>& steps) {
  TaskExecution& task = tasks_[index];
  task.next.clear();
  task.next_known = true;
  task.error_handled = false;
  if (workflows_[task.workflow].spec().reverse) {
    // What a reverse workflow runs next follows from all tasks, not from this one.
    return {};
  }
  for (const Step& step : steps) {
    const std::string& event = step.triggered_by[0].event;
    if (task.state == State::kError && event == "on-error") task.error_handled = true;
    if (is_task_step(step)) task.next.push_back({step.spec, event});
  }
  return {};
}

// After a pause: tasks that had not begun, and what follows those that ended meanwhile.
Result<std::vector<Step>> Engine::resume_steps(size_t index) {
  WorkflowExecution& workflow = workflows_[index];
  std::vector<Step> steps;
  const std::vector<size_t> tasks = workflow.tasks;
  for (const size_t each : tasks) {
    if (tasks_[each].state != State::kIdle) continue;
    Step step;
    step.kind = Step::Kind::kRunExisting;
    step.task = each;
    steps.push_back(std::move(step));
  }
  for (const size_t each : tasks) {
    if (!is_completed(tasks_[each].state) || tasks_[each].processed || workflow.spec().reverse) continue;
    SQ_TRY(std::vector<Step> next, next_steps(each));
    SQ_CHECK(remember_next(each, next));
    for (Step& step : next) {
      if (step.kind != Step::Kind::kPause) steps.push_back(std::move(step));
    }
  }
  if (workflow.spec().reverse) {
    SQ_TRY(std::vector<Step> satisfied, satisfied_steps(index));
    for (Step& step : satisfied) steps.push_back(std::move(step));
  }
  for (const size_t each : tasks) {
    if (is_completed(tasks_[each].state)) tasks_[each].processed = true;
  }
  return steps;
}

Status Engine::dispatch(size_t index, const std::vector<Step>& steps) {
  std::vector<Step> backlog;
  backlog.swap(workflows_[index].backlog);
  SQ_CHECK(process(index, backlog));
  return process(index, steps);
}

Status Engine::process(size_t index, const std::vector<Step>& steps) {
  WorkflowExecution& workflow = workflows_[index];
  // Nothing is begun beside a command that ends the workflow, once it comes first.
  for (const Step& step : steps) {
    if (is_completed(workflow.state)) return {};
    if (step.kind == Step::Kind::kNoop) continue;
    if (workflow.state == State::kPaused) {
      workflow.backlog.push_back(step);
      continue;
    }
    switch (step.kind) {
      case Step::Kind::kRunTask:
        if (workflow.spec().tasks[step.spec].join != JoinKind::kNone) {
          arrive_at_join(index, step);
        } else {
          const size_t task = create_task(index, step.spec, State::kIdle, step.context, step.triggered_by);
          queue({Job::Kind::kRunTask, task, State::kRunning, Value(), true});
        }
        break;
      case Step::Kind::kRunExisting: queue({Job::Kind::kRunTask, step.task, State::kRunning, Value()}); break;
      case Step::Kind::kRerun:
        tasks_[step.task].processed = false;
        if (tasks_[step.task].spec->join != JoinKind::kNone && tasks_[step.task].failed_by_tasks) {
          set_task_state(step.task, State::kWaiting, Value("Task is waiting."));
          queue({Job::Kind::kRefresh, step.task, State::kRunning, Value()});
          break;
        }
        set_task_state(step.task, State::kRunning, Value());
        queue({Job::Kind::kRunTask, step.task, State::kRunning, Value(), false, step.reset});
        break;
      case Step::Kind::kSkip: SQ_CHECK(complete_task(step.task, State::kSkipped, Value("Task was skipped."))); break;
      case Step::Kind::kFail: SQ_CHECK(stop_workflow(index, State::kError, step.message)); break;
      case Step::Kind::kSucceed: SQ_CHECK(stop_workflow(index, State::kSuccess, step.message)); break;
      case Step::Kind::kPause: SQ_CHECK(pause_workflow(index, step.message)); break;
      case Step::Kind::kNoop: break;
    }
  }
  return {};
}

// ---- Joins

// A join has one execution. It runs once a pass: late arrivals change nothing, but a source that comes a second time,
// as in a cycle, begins a new pass; so does anybody when the join failed without having run.
void Engine::arrive_at_join(size_t index, const Step& step) {
  WorkflowExecution& workflow = workflows_[index];
  const TaskSpec& spec = workflow.spec().tasks[step.spec];
  const auto found = workflow.tasks_by_name.find(spec.name);
  const std::string source = step.triggered_by.empty() ? "" : tasks_[step.triggered_by[0].task].spec->name;
  size_t task = kNone;
  bool begins = true;  // the sources that ended before have to be looked at
  if (found == workflow.tasks_by_name.end()) {
    task = create_task(index, step.spec, State::kWaiting, step.context, step.triggered_by);
    tasks_[task].state_info = Value("Task is waiting.");
    workflow.waiting_joins.push_back(task);
  } else {
    task = found->second.back();
    if (is_completed(tasks_[task].state)) {
      const bool again = tasks_[task].failed_by_tasks || tasks_[task].arrived.count(source) != 0;
      if (!again) {
        tasks_[task].arrived.insert(source);
        return;
      }
      if (!tasks_[task].failed_by_tasks) tasks_[task].arrived.clear();
      tasks_[task].retry_number = 0;
      invalidate_results(task);
      tasks_[task].processed = false;
      set_task_state(task, State::kWaiting, Value("Task is waiting."));
    } else {
      begins = false;
    }
  }
  tasks_[task].arrived.insert(source);
  if (begins || has_enough_arrivals(task)) queue({Job::Kind::kRefresh, task, State::kRunning, Value()});
}

bool Engine::has_enough_arrivals(size_t join) const {
  const TaskExecution& task = tasks_[join];
  const size_t wanted = task.spec->join == JoinKind::kAll
                            ? workflows_[task.workflow].spec().inbound_of(task.spec->name).size()
                            : static_cast<size_t>(task.spec->join_count);
  return task.arrived.size() >= wanted;
}

// Looking at all sources of a join for each of them that ends would take quadratic time. A source that took every way
// it has closed none, so while others are still to come nothing is decided.
void Engine::refresh_joins_after(size_t index) {
  const TaskExecution& task = tasks_[index];
  const WorkflowExecution& workflow = workflows_[task.workflow];
  if (workflow.waiting_joins.empty()) return;
  const WorkflowSpec& spec = workflow.spec();
  std::unordered_set<size_t> chosen;
  for (const Trigger& next : task.next) chosen.insert(next.task);
  bool took_all = task.next_known;
  for (const OnClause* clause :
       {&task.spec->on_success, &task.spec->on_error, &task.spec->on_complete, &task.spec->on_skip}) {
    for (const NextStep& step : clause->next) {
      const auto target = spec.task_index.find(step.name);
      if (target != spec.task_index.end() && chosen.count(target->second) == 0) took_all = false;
    }
  }
  for (const size_t join : workflow.waiting_joins) {
    const bool chose_it = chosen.count(spec.task_index.at(tasks_[join].spec->name)) != 0;
    if (took_all && chose_it && !has_enough_arrivals(join)) continue;
    queue({Job::Kind::kRefresh, join, State::kRunning, Value()});
  }
}

void Engine::refresh_joins(size_t workflow) {
  for (const size_t join : workflows_[workflow].waiting_joins) {
    queue({Job::Kind::kRefresh, join, State::kRunning, Value()});
  }
}

Result<Engine::Induced> Engine::induced_state(const WorkflowExecution& workflow, size_t source, size_t join) {
  const auto found = workflow.tasks_by_name.find(workflow.spec().tasks[source].name);
  if (found == workflow.tasks_by_name.end()) {
    std::unordered_set<size_t> visited;
    const bool possible = possible_route(workflow, source, visited);
    return Induced{possible ? State::kWaiting : State::kError, "impossible route"};
  }
  const TaskExecution& task = tasks_[found->second.back()];
  if (!is_completed(task.state) || !task.next_known) return Induced{State::kWaiting, ""};
  for (const Trigger& next : task.next) {
    if (next.task == join) return Induced{State::kRunning, next.event};
  }
  return Induced{State::kError, "not triggered"};
}

// May the task, which has not been created, still be reached?
bool Engine::possible_route(const WorkflowExecution& workflow, size_t spec, std::unordered_set<size_t>& visited) {
  if (!visited.insert(spec).second) return false;
  const auto& sources = workflow.spec().inbound_of(workflow.spec().tasks[spec].name);
  if (sources.empty()) return true;
  for (const size_t source : sources) {
    const auto found = workflow.tasks_by_name.find(workflow.spec().tasks[source].name);
    if (found == workflow.tasks_by_name.end()) {
      if (possible_route(workflow, source, visited)) return true;
      continue;
    }
    const TaskExecution& task = tasks_[found->second.back()];
    if (!is_completed(task.state) || !task.next_known) return true;
    for (const Trigger& next : task.next) {
      if (next.task == spec) return true;
    }
  }
  return false;
}

Status Engine::refresh_join(size_t index) {
  TaskExecution& task = tasks_[index];
  const WorkflowExecution& workflow = workflows_[task.workflow];
  if (task.state != State::kWaiting || task.retry_pending || workflow.state != State::kRunning) return {};
  const size_t join = workflow.spec().task_index.at(task.spec->name);
  const auto& sources = workflow.spec().inbound_of(task.spec->name);
  size_t running = 0, failed = 0;
  std::vector<Trigger> runs, errors;
  std::vector<std::string> failed_names;
  for (const size_t source : sources) {
    SQ_TRY(const Induced induced, induced_state(workflow, source, join));
    const std::string& name = workflow.spec().tasks[source].name;
    const auto found = workflow.tasks_by_name.find(name);
    const Trigger trigger{found == workflow.tasks_by_name.end() ? kNone : found->second.back(), induced.event};
    if (induced.state == State::kRunning) {
      ++running;
      runs.push_back(trigger);
    } else if (induced.state == State::kError) {
      ++failed;
      failed_names.push_back(name);
      if (trigger.task != kNone) errors.push_back(trigger);
    }
  }
  const bool all = task.spec->join == JoinKind::kAll;
  const size_t wanted = all ? sources.size() : static_cast<size_t>(task.spec->join_count);
  if (running >= wanted) {
    task.triggered_by = std::move(runs);
    return continue_task(index);
  }
  if (all ? failed > 0 : failed + wanted > sources.size()) {
    if (all) task.triggered_by = std::move(errors);
    SQ_CHECK(complete_task(index, State::kError, Value("Failed by tasks: " + task_names(failed_names))));
    task.failed_by_tasks = task.state == State::kError;
  }
  return {};
}

// ---- Reverse workflows

Result<size_t> Engine::reverse_target(const WorkflowExecution& workflow) const {
  const std::string name = workflow.params["task_name"].string();
  const auto found = workflow.spec().task_index.find(name);
  if (found != workflow.spec().task_index.end()) return found->second;
  return fail(Error(ErrorCode::kInvalid, "Invalid task name [wf_spec=ReverseWorkflowSpec " + workflow.spec().name +
                                             ", task_name=" + python::str(workflow.params["task_name"]) + "]")
                  .with_type("WorkflowException"));
}

// Tasks below the target that have not begun and whose requirements have all succeeded; the deepest first.
Result<std::vector<Step>> Engine::satisfied_steps(size_t index) {
  const WorkflowExecution& workflow = workflows_[index];
  const WorkflowSpec& spec = workflow.spec();
  SQ_TRY(const size_t target, reverse_target(workflow));
  std::vector<Step> steps;
  std::unordered_set<size_t> visited = {target};
  // Depth first without recursion: a task, and the requirement of it to look at next.
  std::vector<std::pair<size_t, size_t>> path = {{target, 0}};
  while (!path.empty()) {
    auto& [task, next] = path.back();
    const auto& requirements = spec.tasks[task].requirements;
    if (next < requirements.size()) {
      const size_t required = spec.task_index.at(requirements[next++]);
      if (visited.insert(required).second) path.emplace_back(required, 0);
      continue;
    }
    const size_t ready = task;
    path.pop_back();
    if (workflow.tasks_by_name.count(spec.tasks[ready].name) != 0) continue;
    std::vector<size_t> sources;
    for (const std::string& name : requirements) {
      const auto found = workflow.tasks_by_name.find(name);
      if (found != workflow.tasks_by_name.end() && tasks_[found->second.back()].state == State::kSuccess) {
        sources.push_back(found->second.back());
      }
    }
    if (sources.size() < requirements.size()) continue;
    Step step;
    step.spec = ready;
    step.context = upstream_context(sources);
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace squall::workflow::mistral
