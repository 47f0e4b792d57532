// Expressions of a run: the data they see and the functions they call.
#include <algorithm>

#include "base/strings.hpp"
#include "expr/jinja/orquesta.hpp"
#include "value/json.hpp"
#include "value/json_form.hpp"
#include "value/python.hpp"
#include "value/yaml.hpp"
#include "workflow/mistral/engine.hpp"

namespace squall::workflow::mistral {

namespace {

bool has_expression(const Value& value) {
  if (value.is_string()) {
    const std::string_view text = value.as_string();
    return text.find("<%") != std::string_view::npos || text.find("{{") != std::string_view::npos ||
           text.find("{%") != std::string_view::npos;
  }
  if (value.is_list()) return std::any_of(value.as_list().begin(), value.as_list().end(), has_expression);
  if (!value.is_dict()) return false;
  return std::any_of(value.as_dict().begin(), value.as_dict().end(),
                     [](const auto& entry) { return has_expression(entry.value); });
}

// Ranges and views of Jinja as the lists they stand for.
Value without_objects(const Value& value) {
  if (value.kind() == Kind::kObject) {
    const auto* shown = dynamic_cast<const expr::jinja::ShownObject*>(value.as_object().get());
    return shown != nullptr && !shown->data().is_null() ? shown->data() : value;
  }
  if (value.is_dict()) {
    for (const auto& [key, member] : value.as_dict()) {
      if (member.kind() != Kind::kObject) continue;
      Value copy = value;
      for (const auto& [name, each] : value.as_dict()) copy.set(name, without_objects(each));
      return copy;
    }
  }
  return value;
}

std::string python_time(Timestamp time) {
  std::string text = format_timestamp(time);  // 2026-01-31T12:00:00.123456Z
  text[10] = ' ';
  return text.substr(0, 19);
}

}  // namespace

Value Engine::environment_of(const WorkflowExecution& workflow) const {
  const Value& env = workflows_[workflow.root].params["env"];
  return env.is_dict() ? env : Value::empty_dict();
}

// What `$` is: the first of task, environment, items, task context, workflow context and input that has a name.
Value Engine::view(const Place& place, const Value& extra, const Value* context) const {
  const WorkflowExecution& workflow = workflows_[place.workflow];
  Value data = workflow.input.is_dict() ? workflow.input : Value::empty_dict();
  const auto add = [&](const Value& layer) {
    if (!layer.is_dict()) return;
    for (const auto& [name, value] : layer.as_dict()) data.set(name, value);
  };
  add(workflow.context);
  if (context != nullptr) {
    add(*context);
  } else if (place.task != kNone) {
    add(tasks_[place.task].in_context);
  }
  add(extra);
  data.set("__env", environment_of(workflow));
  if (place.task != kNone) {
    const TaskExecution& task = tasks_[place.task];
    data.set("__task_execution", Value::dict({{"id", task.id}, {"name", task.spec->name}}));
  }
  return data;
}

Result<Value> Engine::evaluate(const Value& value, const Place& place, const Value& extra, const Value* context) {
  if (!has_expression(value)) return value;
  return evaluate_with(value, view(place, extra, context), place);
}

Result<Value> Engine::evaluate_with(const Value& value, const Value& data, const Place& place) {
  if (!has_expression(value)) return value;
  const Place outer = place_;
  place_ = place;
  expr::MistralScope scope;
  scope.data = data;
  scope.functions = functions_;
  scope.clock = &clock_;
  auto result = expr::evaluate_mistral_value(value, scope);
  place_ = outer;
  if (!result) return result;
  return json_form(without_objects(*result));
}

// A host's function, asked once: on a replay the journal answers.
Result<Value> Engine::ask(const expr::HostFunction& function, const List& arguments) {
  if (given_answers_ != nullptr) {
    if (answers_used_ >= given_answers_->size()) {
      return fail(ErrorCode::kInternal, "the journal has no answer of " + function.name() + "() for this event");
    }
    const Value& kept = (*given_answers_)[answers_used_++];
    answers_.push_back(kept);
    if (!kept.contains("error")) return kept["value"];
    return fail(Error(ErrorCode::kInvalid, kept["error"].string()).with_type(kept["type"].string()));
  }
  auto answer = function.body()(arguments);
  if (answer) {
    answers_.push_back(Value::dict({{"value", *answer}}));
  } else {
    answers_.push_back(Value::dict({{"error", answer.error().message()}, {"type", answer.error().type()}}));
  }
  return answer;
}

void Engine::make_functions() {
  using expr::HostParameter;
  const auto add = [&](std::string name, std::vector<HostParameter> parameters, expr::HostFunction::Body body) {
    functions_.push_back(
        std::make_shared<const expr::HostFunction>(std::move(name), std::move(parameters), std::move(body)));
  };
  const auto optional = [](std::string name, Value fallback = Value()) {
    return HostParameter{std::move(name), false, std::move(fallback)};
  };
  const HostParameter data{"data", true, Value()};
  const auto here = [this]() -> const WorkflowExecution* {
    return place_.workflow == kNone ? nullptr : &workflows_[place_.workflow];
  };
  add("env", {}, [here, this](const List&) -> Result<Value> {
    const auto* workflow = here();
    return workflow == nullptr ? starting_env_ : environment_of(*workflow);
  });
  add("execution", {}, [here, this](const List&) -> Result<Value> {
    const auto* workflow = here();
    return workflow == nullptr ? Value() : workflow_model(*workflow);
  });
  add("global", {{"var_name", true, Value()}}, [here](const List& arguments) -> Result<Value> {
    const auto* workflow = here();
    return workflow == nullptr ? Value() : workflow->context[arguments[0].string_or("")];
  });
  add("json_parse", {data}, [](const List& arguments) -> Result<Value> {
    return parse_json(arguments[0].string_or(""), JsonDialect::kPython);
  });
  add("json_dump", {data}, [](const List& arguments) -> Result<Value> {
    JsonStyle style = JsonStyle::python();
    style.indent = 4;
    style.item_separator = ",";
    SQ_TRY(std::string text, write_json(arguments[0], style));
    return Value(std::move(text));
  });
  add("yaml_parse", {data},
      [](const List& arguments) -> Result<Value> { return parse_yaml(arguments[0].string_or("")); });
  add("yaml_dump", {data}, [](const List& arguments) -> Result<Value> {
    YamlStyle style;
    style.allow_unicode = false;
    SQ_TRY(std::string text, write_yaml(arguments[0], style));
    return Value(std::move(text));
  });
  add("uuid", {}, [this](const List&) -> Result<Value> { return Value(new_id()); });
  add("task", {optional("task_name")}, [here, this](const List& arguments) -> Result<Value> {
    const std::string name = arguments[0].string();
    if (place_.task != kNone && (name.empty() || tasks_[place_.task].spec->name == name)) {
      return task_model(place_.task);
    }
    const auto* workflow = here();
    if (workflow == nullptr) return Value();
    const auto found = workflow->tasks_by_name.find(name);
    return found == workflow->tasks_by_name.end() ? Value() : task_model(found->second.back());
  });
  add("tasks",
      {optional("workflow_execution_id"), optional("recursive", Value(false)), optional("state"),
       optional("flat", Value(false))},
      [this](const List& arguments) -> Result<Value> {
        List found;
        const std::string wanted = arguments[0].string();
        for (size_t i = 0; i < workflows_.size(); ++i) {
          if (!wanted.empty() && workflows_[i].id != wanted) continue;
          collect_tasks(i, arguments[1].truthy() && !wanted.empty(), arguments[2].string(), arguments[3].truthy(),
                        found);
        }
        return Value(std::move(found));
      });
  add("executions",
      {optional("id"), optional("root_execution_id"), optional("state"), optional("from_time"), optional("to_time")},
      [this](const List& arguments) -> Result<Value> {
        List found;
        for (const WorkflowExecution& workflow : workflows_) {
          Value model = workflow_model(workflow);
          const bool fits = (arguments[0].is_null() || arguments[0] == model["id"]) &&
                            (arguments[1].is_null() || arguments[1] == model["root_execution_id"]) &&
                            (arguments[2].is_null() || arguments[2] == model["state"]) &&
                            (arguments[3].is_null() || python::str(arguments[3]) <= model["created_at"].string()) &&
                            (arguments[4].is_null() || model["created_at"].string() < python::str(arguments[4]));
          if (fits) found.push_back(std::move(model));
        }
        return Value(std::move(found));
      });
  for (const auto& function : environment_.functions) {
    add(function->name(), function->parameters(),
        [this, function](const List& arguments) { return ask(*function, arguments); });
  }
}

Value Engine::workflow_model(const WorkflowExecution& workflow) const {
  return Value::dict(
      {{"id", workflow.id},
       {"name", workflow.definition->name},
       {"spec", workflow.spec().document},
       {"state", state_name(workflow.state)},
       {"state_info", workflow.state_info},
       {"input", workflow.input},
       {"output", workflow.output},
       {"params", workflow.params},
       {"created_at", python_time(workflow.created_at)},
       {"updated_at", python_time(workflow.updated_at)},
       {"root_execution_id", workflow.parent_task == kNone ? Value() : Value(workflows_[workflow.root].id)}});
}

Value Engine::task_model(size_t index) const {
  const TaskExecution& task = tasks_[index];
  return Value::dict({{"id", task.id},
                      {"name", task.spec->name},
                      {"spec", task.spec->document},
                      {"state", state_name(task.state)},
                      {"state_info", task.state_info},
                      {"result", task_result(task)},
                      {"published", task.published},
                      {"type", task.spec->type_name()},
                      {"workflow_execution_id", workflows_[task.workflow].id},
                      {"created_at", python_time(task.created_at)},
                      {"updated_at", python_time(task.updated_at)}});
}

void Engine::collect_tasks(size_t index, bool recursive, const std::string& state, bool flat, List& found) const {
  for (const size_t each : workflows_[index].tasks) {
    const TaskExecution& task = tasks_[each];
    bool wanted = state.empty() || state_name(task.state) == state;
    if (flat && task.spec->runs_workflow()) {
      // Of a task and a sub-workflow in the same state only the latter's tasks count.
      for (const size_t action : task.actions) {
        wanted = wanted && (actions_[action].workflow == kNone || action_state(actions_[action]) != task.state);
      }
    }
    if (wanted) found.push_back(task_model(each));
    if (!recursive) continue;
    for (const size_t action : task.actions) {
      if (actions_[action].workflow != kNone) collect_tasks(actions_[action].workflow, true, state, flat, found);
    }
  }
}

}  // namespace squall::workflow::mistral
