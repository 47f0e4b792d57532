// What a task runs: an action, an ad-hoc action, a sub-workflow, once or for each item.
#include <algorithm>

#include "value/json_form.hpp"
#include "value/python.hpp"
#include "workflow/mistral/engine.hpp"
#include "workflow/mistral/std_actions.hpp"

namespace squall::workflow::mistral {

namespace {

constexpr size_t kAdHocDepthMax = 100;
constexpr std::string_view kStackStormAction = "st2.action";

tl::unexpected<Error> input_error(std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type("InputException"));
}

// "Invalid input [...]" when the names do not fit.
Status check_names(std::string_view name, std::string_view class_name, const std::vector<std::string>& missing,
                   const std::vector<std::string>& unexpected) {
  if (missing.empty() && unexpected.empty()) return {};
  const auto shown = [](const std::vector<std::string>& names) {
    List items;
    for (const std::string& each : names) items.emplace_back(each);
    return python::repr(Value(std::move(items)));
  };
  std::string message = "Invalid input [name=" + std::string(name) + ", class=" + std::string(class_name);
  if (!missing.empty()) message += ", missing=" + shown(missing);
  if (!unexpected.empty()) message += ", unexpected=" + shown(unexpected);
  return input_error(message + "]");
}

Status check_signature(std::string_view name, const ActionSignature& signature, const Value& input) {
  std::vector<std::string> missing, unexpected;
  for (const std::string& each : signature.required) {
    if (!input.contains(each)) missing.push_back(each);
  }
  const auto in = [](const std::vector<std::string>& names, const std::string& each) {
    return std::find(names.begin(), names.end(), each) != names.end();
  };
  for (const auto& [key, value] : input.as_dict()) {
    if (!in(signature.required, key) && !in(signature.optional, key)) unexpected.push_back(key);
  }
  return check_names(name, signature.class_name, missing, unexpected);
}

Result<Value> ad_hoc_input(const ActionSpec& action, Value input) {
  std::vector<std::string> missing, unexpected;
  for (const InputSpec& each : action.inputs) {
    if (input.contains(each.name)) continue;
    if (each.required) {
      missing.push_back(each.name);
    } else {
      input.set(each.name, each.fallback);
    }
  }
  for (const auto& [key, value] : input.as_dict()) {
    const bool known = std::any_of(action.inputs.begin(), action.inputs.end(),
                                   [&, &name = key](const InputSpec& each) { return each.name == name; });
    if (!known) unexpected.push_back(key);
  }
  SQ_CHECK(check_names(action.name, "mistral.actions.adhoc.AdHocAction", missing, unexpected));
  return input;
}

// What Python's list() makes of a value; nothing when it cannot.
std::optional<List> listed(const Value& value) {
  if (value.is_list() || value.kind() == Kind::kTuple || value.kind() == Kind::kSet) return value.as_list();
  List items;
  if (value.is_dict()) {
    for (const auto& [key, member] : value.as_dict()) items.emplace_back(key);
    return items;
  }
  if (!value.is_string()) return std::nullopt;
  const std::string_view text = value.as_string();
  for (size_t at = 0; at < text.size();) {
    size_t next = at + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
    items.emplace_back(text.substr(at, next - at));
    at = next;
  }
  return items;
}

}  // namespace

Status Engine::schedule_actions(size_t index) {
  if (!tasks_[index].spec->with_items.empty()) return schedule_items(index);
  return schedule_one(index, 0, Value());
}

Status Engine::prepare_items(size_t index) {
  TaskExecution& task = tasks_[index];
  if (!task.item_values.is_null()) return {};
  const Place place{task.workflow, index};
  Value values = Value::empty_dict();
  std::optional<size_t> length;
  for (const auto& [name, written] : task.spec->with_items) {
    SQ_TRY(const Value value, evaluate(written, place));
    std::optional<List> items = listed(value);
    if (!items) {
      return input_error("Wrong input format for: " + python::str(values) +
                         ". Iterable type is expected for each value.");
    }
    if (length && *length != items->size()) {
      values.set(name, Value(*std::move(items)));
      return input_error("Wrong input format for: " + python::str(values) + ". All arrays must have the same length.");
    }
    length = items->size();
    values.set(name, Value(*std::move(items)));
  }
  task.items_total = length.value_or(0);
  if (!task.items_prepared) task.next_item = 0;
  task.items_prepared = true;
  task.item_values = std::move(values);
  return {};
}

Status Engine::schedule_items(size_t index) {
  SQ_CHECK(prepare_items(index));
  TaskExecution& task = tasks_[index];
  if (task.items_total == 0) return complete_task(index, State::kSuccess, Value());
  const Value values = task.item_values;
  const auto has_room = [&] {
    return task.concurrency == 0 || task.items_running < static_cast<size_t>(task.concurrency);
  };
  while (has_room() && task.state == State::kRunning) {
    size_t item = task.next_item;
    if (!task.items_again.empty()) {
      item = task.items_again.front();
      task.items_again.pop_front();
    } else if (item < task.items_total) {
      ++task.next_item;
    } else {
      break;
    }
    Value item_values = Value::empty_dict();
    for (const auto& [name, list] : values.as_dict()) item_values.set(name, list[item]);
    ++task.items_running;
    SQ_CHECK(schedule_one(index, item, item_values));
  }
  return {};
}

void Engine::reset_items(size_t index) {
  TaskExecution& task = tasks_[index];
  if (!task.items_prepared) return;
  std::vector<bool> settled(task.items_total, false);
  task.items_done = task.items_running = 0;
  task.item_cancelled = false;
  for (const size_t each : task.actions) {
    const ActionExecution& action = actions_[each];
    const bool running = !is_completed(action_state(action));
    if ((!action.accepted && !running) || action.index >= settled.size()) continue;
    settled[action.index] = true;
    ++(running ? task.items_running : task.items_done);
  }
  task.items_again.clear();
  for (size_t i = 0; i < settled.size(); ++i) {
    if (!settled[i]) task.items_again.push_back(i);
  }
  task.next_item = task.items_total;
}

Status Engine::schedule_one(size_t index, size_t item, const Value& item_values) {
  TaskExecution& task = tasks_[index];
  const TaskSpec& spec = *task.spec;
  const Place place{task.workflow, index};
  Value input = Value::empty_dict();
  if (spec.input.truthy()) {
    SQ_TRY(input, evaluate(spec.input, place, item_values));
  }
  if (!input.is_dict()) {
    return input_error("Wrong dynamic input for task: " + spec.name + ". Dict type is expected. Actual type: <class '" +
                       std::string(input.type_name()) + "'>. Actual value: " + python::str(input));
  }
  if (!spec.runs_workflow()) {
    const Value env = environment_of(workflows_[task.workflow]);
    input = merged(std::move(input), env["__actions"][spec.action], false);
  }
  if (task.input_override.is_dict()) input = merged(std::move(input), task.input_override);
  if (spec.target.truthy()) SQ_CHECK(evaluate(spec.target, place, input));
  SQ_TRY(const Value name, evaluate(Value(spec.runs_workflow() ? spec.workflow : spec.action), place, item_values));
  if (spec.runs_workflow()) return start_sub_workflow(index, item, python::str(name), std::move(input));
  return start_action(index, item, name.truthy() ? python::str(name) : "std.noop", std::move(input));
}

Status Engine::start_sub_workflow(size_t index, size_t item, const std::string& name, Value input) {
  const TaskExecution& task = tasks_[index];
  const WorkflowExecution& parent = workflows_[task.workflow];
  const Definition* definition = library_->find_workflow(name, parent.definition->workbook);
  if (definition == nullptr) {
    return complete_task(index, State::kError, Value("Failed to find workflow [name=" + name + "] [namespace=]"));
  }
  Value params = Value::dict({{"task_execution_id", task.id},
                              {"index", static_cast<int64_t>(item)},
                              {"root_execution_id", workflows_[parent.root].id}});
  if (parent.params.contains("env")) params.set("env", parent.params["env"]);
  const auto started = start_workflow(*definition, std::move(input), std::move(params), index, item, true);
  if (started) return {};
  return complete_task(index, State::kError, Value(started.error().message()));
}

Status Engine::start_action(size_t index, size_t item, const std::string& name, Value input) {
  TaskExecution& task = tasks_[index];
  const WorkflowExecution& workflow = workflows_[task.workflow];
  const Place place{task.workflow, index};
  std::string base = name;
  std::vector<const ActionSpec*> wrappers;
  for (const ActionSpec* action = library_->find_action(name, workflow.definition->workbook); action != nullptr;) {
    if (wrappers.size() == kAdHocDepthMax || std::find(wrappers.begin(), wrappers.end(), action) != wrappers.end()) {
      return fail(ErrorCode::kInvalid,
                  "An ad-hoc action cannot use twice the same action, " + action->name + " is used at least twice");
    }
    wrappers.push_back(action);
    auto given = ad_hoc_input(*action, std::move(input));
    const bool outermost = wrappers.size() == 1;
    if (!given && outermost) return fail(given.error());
    auto made = given ? evaluate(action->base_input, place, *given) : fail(given.error());
    if (!made) {
      return complete_task(index, State::kError,
                           Value("Failed to instantiate an action [action_desc=AdHoc action [name=" + name +
                                 "], error=" + made.error().message() + "]"));
    }
    input = made->is_dict() ? *std::move(made) : Value::empty_dict();
    base = action->base;
    action = library_->find_action(base, workflow.definition->workbook);
  }
  const ActionSignature* signature = find_std_action(base);
  if (signature == nullptr && base.starts_with("std.")) {
    return fail(ErrorCode::kInvalid, "Failed to find action [action_name=" + base + ", namespace=]");
  }
  if (signature != nullptr) {
    if (const Status fits = check_signature(base, *signature, input); !fits) {
      if (wrappers.empty()) return fits;
      return complete_task(index, State::kError,
                           Value("Failed to instantiate an action [action_desc=AdHoc action [name=" + name +
                                 "], error=" + fits.error().message() + "]"));
    }
  }

  ActionExecution action;
  action.number = ++last_number_;
  action.id = new_id();
  action.task = index;
  action.index = item;
  action.name = name;
  action.wrappers = std::move(wrappers);
  const size_t made = actions_.size();
  task.actions.push_back(made);
  action.input = input;
  const StdResult result = signature != nullptr ? run_std_action(base, input, action.id) : StdResult{};
  const int64_t number = action.number;
  actions_.push_back(std::move(action));
  const State end = result.succeeded ? State::kSuccess : State::kError;
  switch (result.how) {
    case StdResult::How::kDone: queue({Job::Kind::kActionDone, made, end, result.result}); break;
    case StdResult::How::kDelayed:
      start_timer_ms(result.delay_ms, {Timer::Kind::kActionDone, made, end, result.result});
      break;
    case StdResult::How::kOutside: {
      open_.emplace(number, made);
      RunAction run;
      run.number = number;
      run.task = task.spec->name;
      for (const char c : task.id) {
        if (c != '-' && run.task_execution_id.size() < 24) run.task_execution_id += c;
      }
      if (!task.spec->with_items.empty()) run.item = static_cast<int64_t>(item);
      run.action = base;
      run.input = std::move(input);
      if (base == kStackStormAction) {
        // The long form in which StackStorm gave its actions to Mistral.
        run.action = run.input["ref"].string();
        run.input = run.input["parameters"].is_dict() ? run.input["parameters"] : Value::empty_dict();
      }
      commands_.emplace_back(std::move(run));
      break;
    }
  }
  return {};
}

void Engine::finish_action(size_t index, State state, Value result) {
  ActionExecution& action = actions_[index];
  if (is_completed(action.state)) return;
  const size_t task = action.task;
  if (state == State::kSuccess) {
    for (auto wrapper = action.wrappers.rbegin(); wrapper != action.wrappers.rend(); ++wrapper) {
      const Value& output = (*wrapper)->output;
      // Like the real engine: an empty result leaves expressions as they are written.
      if (output.is_null()) continue;
      if (!result.truthy()) {
        result = output;
        continue;
      }
      auto made = evaluate_with(output, result, {tasks_[task].workflow, task});
      if (!made) {
        action.state = State::kError;
        if (tasks_[task].items_running > 0) --tasks_[task].items_running;
        force_fail(task, "Failed to complete action [error=" + made.error().message() + ", action=" + action.name +
                             ", task=" + tasks_[task].spec->name + "]");
        return;
      }
      result = *std::move(made);
    }
  }
  JsonFormOptions options;
  options.repair_texts = true;
  auto plain = json_form(result, options);
  action.state = plain ? state : State::kError;
  action.result = plain ? *std::move(plain) : Value(plain.error().message());
  action.accepted = !is_completed(tasks_[task].state);
  guard(task, "Failed to handle action completion", on_action_done(index), action.name);
}

}  // namespace squall::workflow::mistral
