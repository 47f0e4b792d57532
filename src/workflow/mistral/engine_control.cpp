// Requests from outside: pause, resume, stop, run again, skip.
#include <algorithm>

#include "base/strings.hpp"
#include "workflow/mistral/engine.hpp"

namespace squall::workflow::mistral {

namespace {

tl::unexpected<Error> bad_transition(const WorkflowExecution& workflow, State to) {
  return fail(Error(ErrorCode::kConflict, "Can't change workflow execution state from " +
                                              std::string(state_name(workflow.state)) + " to " +
                                              std::string(state_name(to)) + ". [workflow=" + workflow.definition->name +
                                              ", execution_id=" + workflow.id + "]")
                  .with_type("WorkflowException"));
}

}  // namespace

template <typename Visit>
void Engine::for_each_sub_workflow(size_t workflow, const Visit& visit) {
  for (const size_t task : workflows_[workflow].tasks) {
    for (const size_t action : tasks_[task].actions) {
      if (actions_[action].workflow != kNone) visit(actions_[action].workflow);
    }
  }
}

Status Engine::handle(const PauseRequest&) {
  if (is_completed(workflows_[0].state)) return bad_transition(workflows_[0], State::kPaused);
  return pause_workflow(0, Value());
}

Status Engine::handle(const ResumeRequest& event) {
  if (workflows_[0].state != State::kPaused) return {};  // nothing to do, and no error, as in the real engine
  return resume_workflow(0, event.env);
}

Status Engine::handle(const CancelRequest& event) {
  if (event.status == "succeeded") return stop_workflow(0, State::kSuccess, event.message);
  return stop_workflow(0, event.status == "failed" ? State::kError : State::kCancelled, event.message);
}

// Sub-workflows first, then the workflow itself, then those around it.
Status Engine::pause_workflow(size_t index, const Value& message) {
  Status status;
  for_each_sub_workflow(index, [&](size_t child) {
    if (status && workflows_[child].state == State::kRunning) status = pause_workflow(child, message);
  });
  SQ_CHECK(std::move(status));
  WorkflowExecution& workflow = workflows_[index];
  if (workflow.state == State::kPaused) return {};
  if (!is_valid_transition(workflow.state, State::kPaused)) return bad_transition(workflow, State::kPaused);
  set_workflow_state(workflow, State::kPaused, message);
  for (const size_t task : workflow.tasks) {
    for (const size_t action : tasks_[task].actions) {
      if (open_.count(actions_[action].number) != 0) commands_.emplace_back(PauseAction{actions_[action].number});
    }
  }
  if (workflow.parent_task != kNone) {
    queue({Job::Kind::kWorkflowUpdate, index, State::kPaused, Value()});
  }
  return {};
}

Status Engine::resume_workflow(size_t index, const Value& env) {
  WorkflowExecution& workflow = workflows_[index];
  if (workflow.state != State::kPaused) return {};
  Status status;
  for_each_sub_workflow(index, [&](size_t child) {
    if (status && !is_completed(workflows_[child].state)) status = resume_workflow(child, Value());
  });
  SQ_CHECK(std::move(status));
  Value& params = workflows_[workflow.root].params;
  if (env.is_dict()) params.set("env", merged(params["env"], env));
  set_workflow_state(workflow, State::kRunning, Value());
  for (const size_t task : workflow.tasks) {
    for (const size_t action : tasks_[task].actions) {
      if (open_.count(actions_[action].number) != 0) commands_.emplace_back(ResumeAction{actions_[action].number});
    }
  }
  if (workflow.parent_task != kNone) {
    queue({Job::Kind::kWorkflowUpdate, index, State::kRunning, Value()});
  }
  auto steps = resume_steps(index);
  if (steps) {
    status = continue_workflow(index, *std::move(steps));
  } else {
    status = fail(steps.error());
  }
  if (!status) {
    const Value message("Failed to resume the workflow [error=" + status.error().message() +
                        ", wf=" + workflow.definition->name + "]");
    fail_workflow(index, final_context_or_empty(index), message);
  }
  return {};
}

Status Engine::continue_workflow(size_t index, std::vector<Step> steps) {
  const WorkflowExecution& workflow = workflows_[index];
  for (const size_t task : workflow.tasks) {
    if (!std::exchange(tasks_[task].due_while_paused, false)) continue;
    queue({Job::Kind::kContinueTask, task, State::kRunning, Value()});
  }
  SQ_CHECK(dispatch(index, steps));
  refresh_joins(index);
  queue({Job::Kind::kCheck, index, State::kRunning, Value()});
  return {};
}

Status Engine::stop_workflow(size_t index, State state, const Value& message) {
  WorkflowExecution& workflow = workflows_[index];
  if (state == State::kSuccess) return succeed_workflow(index, final_context_or_empty(index), message);
  if (state == State::kError) {
    fail_workflow(index, final_context_or_empty(index), message);
    return {};
  }
  if (is_completed(workflow.state)) return {};
  set_workflow_state(workflow, State::kCancelled, message);
  workflow.output = Value::dict({{"result", message}});
  tell_parent(workflow);
  for (const size_t task : workflow.tasks) {
    for (const size_t action : tasks_[task].actions) {
      if (open_.count(actions_[action].number) != 0) commands_.emplace_back(CancelAction{actions_[action].number});
    }
  }
  Status status;
  for_each_sub_workflow(index, [&](size_t child) {
    if (status && !is_completed(workflows_[child].state)) status = stop_workflow(child, State::kCancelled, message);
  });
  return status;
}

// ---- Running again

// "task", wherever it is (its last execution), or "task.inner" for one in the sub-workflow of a task.
Result<size_t> Engine::find_task_to_rerun(const std::string& name) const {
  for (size_t i = tasks_.size(); i-- > 0;) {
    if (tasks_[i].spec->name == name) return i;
  }
  size_t workflow = 0;
  size_t found = kNone;
  for (const std::string& part : split(name, '.')) {
    if (found != kNone) {
      workflow = kNone;
      for (const size_t action : tasks_[found].actions) {
        if (actions_[action].workflow != kNone) workflow = actions_[action].workflow;
      }
    }
    const auto tasks =
        workflow == kNone ? workflows_[0].tasks_by_name.end() : workflows_[workflow].tasks_by_name.find(part);
    if (workflow == kNone || tasks == workflows_[workflow].tasks_by_name.end()) {
      return fail(ErrorCode::kNotFound, "there is no task \"" + name + "\" to run again: it has not run");
    }
    found = tasks->second.back();
  }
  return found;
}

Status Engine::handle(const RerunRequest& event) {
  if (workflows_[0].state == State::kPaused) return {};
  struct Wanted {
    size_t task;
    const RerunTask* request;
  };
  std::vector<Wanted> wanted;
  for (const RerunTask& request : event.tasks) {
    SQ_TRY(const size_t task, find_task_to_rerun(request.task));
    wanted.push_back({task, &request});
  }
  if (event.tasks.empty()) {
    for (const size_t task : workflows_[0].tasks) {
      const bool failed = tasks_[task].state == State::kError && !tasks_[task].error_handled;
      if (failed || tasks_[task].state == State::kCancelled) wanted.push_back({task, nullptr});
    }
    if (wanted.empty()) return fail(ErrorCode::kConflict, "no task of this workflow ended badly: nothing to run again");
  }
  // Everything is checked before anything changes.
  for (const Wanted& each : wanted) {
    const TaskExecution& task = tasks_[each.task];
    if (task.state != State::kError && task.state != State::kCancelled) {
      return fail(ErrorCode::kConflict, "task \"" + task.spec->name + "\" is " + std::string(state_name(task.state)) +
                                            ": only a task in ERROR or CANCELLED can be run again or skipped");
    }
    for (size_t at = task.workflow;;) {
      const WorkflowExecution& workflow = workflows_[at];
      if (!is_valid_transition(workflow.state, State::kRunning)) return bad_transition(workflow, State::kRunning);
      if (workflow.parent_task == kNone) break;
      const TaskExecution& parent = tasks_[workflow.parent_task];
      if (!is_valid_transition(parent.state, State::kRunning)) {
        return fail(ErrorCode::kConflict, "task \"" + parent.spec->name + "\", which runs the workflow of \"" +
                                              task.spec->name + "\", is " + std::string(state_name(parent.state)) +
                                              ": it cannot run again");
      }
      at = parent.workflow;
    }
  }
  if (event.inputs.is_dict()) {
    for (const auto& [name, value] : event.inputs.as_dict()) workflows_[0].input.set(name, value);
  }
  if (event.env.is_dict()) {
    Value& params = workflows_[0].params;
    params.set("env", merged(params["env"], event.env));
  }
  for (const Wanted& each : wanted) {
    const bool reset = each.request == nullptr || each.request->reset_items;
    if (each.request != nullptr) tasks_[each.task].input_override = each.request->input;
    SQ_CHECK(rerun_task(each.task, reset, each.request != nullptr && each.request->skip));
  }
  return {};
}

Status Engine::rerun_task(size_t index, bool reset, bool skip) {
  const size_t workflow = tasks_[index].workflow;
  wake_ancestors(workflow);
  Step step;
  step.kind = skip ? Step::Kind::kSkip : Step::Kind::kRerun;
  step.task = index;
  step.reset = reset;
  for (const size_t task : workflows_[workflow].tasks) {
    if (is_completed(tasks_[task].state)) tasks_[task].processed = true;
  }
  guard(index, "Failed to run task", continue_workflow(workflow, {step}));
  return {};
}

void Engine::wake_ancestors(size_t index) {
  for (size_t at = index;;) {
    WorkflowExecution& workflow = workflows_[at];
    const bool slept = is_completed(workflow.state);
    set_workflow_state(workflow, State::kRunning, Value());
    if (workflow.parent_task == kNone) return;
    TaskExecution& parent = tasks_[workflow.parent_task];
    if (slept && !parent.spec->with_items.empty() && parent.items_done > 0) {
      --parent.items_done;
      ++parent.items_running;
    }
    set_task_state(workflow.parent_task, State::kRunning, Value());
    parent.processed = false;
    at = parent.workflow;
  }
}

}  // namespace squall::workflow::mistral
