#include "expr/workflow_functions.hpp"

#include <algorithm>

#include "expr/python/errors.hpp"
#include "expr/python/numbers.hpp"
#include "value/python.hpp"

namespace squall::expr {

namespace {

constexpr std::string_view kUnset = "null";

tl::unexpected<Error> evaluation_error(std::string message) {
  return py::raise("ExpressionEvaluationException", std::move(message));
}

bool is_private(std::string_view name) { return name.starts_with("__"); }

Status need_current_task(const WorkflowView& view) {
  if (!view.current_task.truthy()) return evaluation_error("The current task is not set in the context.");
  return {};
}

Result<Value> key_of(const Value& dict, std::string_view key) {
  if (!dict.contains(key)) return py::raise("KeyError", python::repr(Value(key)));
  return dict[key];
}

Result<Value> current_status(const WorkflowView& view) {
  SQ_CHECK(need_current_task(view));
  SQ_TRY(const Value id, key_of(view.current_task, "id"));
  SQ_TRY(const Value route, key_of(view.current_task, "route"));
  return task_status(view, python::str(id), route);
}

bool is_part_of(const Value& part, const Value& whole) {
  const List& all = whole.as_list();
  return std::all_of(part.as_list().begin(), part.as_list().end(), [&](const Value& item) {
    return std::any_of(all.begin(), all.end(), [&](const Value& other) { return python::equal(item, other); });
  });
}

bool is_sequence(const Value& value) { return value.is_list() || value.kind() == Kind::kTuple; }

// The same over a host's records.
Result<Value> status_by_host(const TaskStates& states, const std::string& task, const Value& given) {
  const auto number = py::is_integer(given) ? py::to_int64(given) : std::nullopt;
  std::optional<int64_t> route = number;
  while (route && *route >= 0) {
    if (const auto status = states.status_in(task, *route)) return Value(*status);
    route = states.parent_route(*route);
  }
  return Value(kUnset);
}

}  // namespace

Value public_variables(const Value& variables) {
  if (!variables.is_dict()) return Value::empty_dict();
  const Dict& all = variables.as_dict();
  const bool any = std::any_of(all.begin(), all.end(), [](const Dict::Entry& entry) { return is_private(entry.key); });
  if (!any) return variables;
  Dict shown;
  for (const auto& [name, value] : all) {
    if (!is_private(name)) shown.set(name, value);
  }
  return Value(std::move(shown));
}

Result<Value> workflow_variable(const Value& variables, const std::optional<std::string>& name,
                                const std::string& shown) {
  if (!name || !variables.contains(*name))
    return py::raise("VariableUndefinedError", "The variable \"" + shown + "\" is undefined.");
  if (is_private(*name)) {
    return py::raise("VariableInaccessibleError",
                     "The variable \"" + shown + "\" is for internal use and inaccessible.");
  }
  return variables[*name];
}

Result<Value> workflow_item(const Value& current, const std::optional<std::string>& name, const std::string& shown) {
  if (!current.is_dict()) return evaluation_error("Item is not type of collections.abc.Mapping.");
  if (!name || !current.contains(*name)) return evaluation_error("Item does not have key \"" + shown + "\".");
  return current[*name];
}

Result<Value> task_status(const WorkflowView& view, const std::string& task, const Value& given) {
  Value route = given;
  if (route.is_null()) route = view.current_task.contains("route") ? view.current_task["route"] : Value(0);
  if (view.state.kind() == Kind::kObject) {
    const auto* states = dynamic_cast<const TaskStates*>(view.state.as_object().get());
    if (states != nullptr) return status_by_host(*states, task, route);
  }
  for (;;) {
    const Value& index = view.state["tasks"][task + "__r" + python::str(route)];
    if (!index.is_null()) {
      const Value& sequence = view.state["sequence"];
      const auto at = py::is_integer(index) ? py::to_int64(index) : std::nullopt;
      if (!at || !is_sequence(sequence) || *at < 0 || static_cast<size_t>(*at) >= sequence.size()) {
        return py::raise("IndexError", "list index out of range");
      }
      const Value& entry = sequence[static_cast<size_t>(*at)];
      return entry.contains("status") ? entry["status"] : Value(kUnset);
    }
    if (!py::is_numeric(route)) {
      return py::type_error("'>' not supported between instances of '" + std::string(route.type_name()) +
                            "' and 'int'");
    }
    const auto number = py::is_integer(route) ? py::to_int64(route) : std::nullopt;
    if (!number || *number <= 0) return Value(kUnset);
    SQ_TRY(const Value routes, key_of(view.state, "routes"));
    if (!is_sequence(routes) || static_cast<size_t>(*number) >= routes.size()) {
      return py::raise("IndexError", "list index out of range");
    }
    // The longest earlier route that this one came from.
    const Value& details = routes[static_cast<size_t>(*number)];
    int64_t earlier = *number - 1;
    while (earlier >= 0 && !is_part_of(routes[static_cast<size_t>(earlier)], details)) --earlier;
    if (earlier < 0) return Value(kUnset);
    route = Value(earlier);
  }
}

Result<Value> task_succeeded(const WorkflowView& view) {
  SQ_TRY(const Value status, current_status(view));
  return Value(status == Value("succeeded"));
}

Result<Value> task_failed(const WorkflowView& view) {
  SQ_TRY(const Value status, current_status(view));
  return Value(status == Value("failed"));
}

Result<Value> task_completed(const WorkflowView& view) {
  SQ_TRY(const Value status, current_status(view));
  const std::string_view text = status.string_or("");
  return Value(text == "succeeded" || text == "failed" || text == "timeout" || text == "abandoned" ||
               text == "canceled");
}

Result<Value> task_result(const WorkflowView& view) {
  SQ_CHECK(need_current_task(view));
  return view.current_task["result"];
}

}  // namespace squall::expr
