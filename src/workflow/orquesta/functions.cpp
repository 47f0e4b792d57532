// What task() and task_status() ask about, from the run's own records (orquesta.md section 10, "Functions").
#include <algorithm>

#include "expr/python/errors.hpp"
#include "value/python.hpp"
#include "workflow/orquesta/conductor.hpp"

namespace squall::workflow::orquesta {

namespace {

// str() of Python's datetime in UTC.
Value time_text(const std::optional<Timestamp>& time) {
  if (!time) return Value("None");
  DateTime shown;
  shown.micros = time->time_since_epoch().count();
  shown.has_offset = true;
  return Value(python::iso_date_time(shown, ' '));
}

tl::unexpected<Error> not_found(const Value& task) {
  return expr::py::raise("ExpressionEvaluationException",
                         "Unable to find task execution for \"" + python::str(task) + "\".");
}

bool is_part_of(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  return std::all_of(part.begin(), part.end(), [&](const std::string& item) {
    return std::find(whole.begin(), whole.end(), item) != whole.end();
  });
}

}  // namespace

std::optional<std::string> Conductor::status_in(std::string_view task, int64_t route) const {
  const auto node = graph().find(task);
  if (!node || route < 0) return std::nullopt;
  const Entry* entry = latest({*node, static_cast<uint32_t>(route)});
  if (entry == nullptr) return std::nullopt;
  return std::string(status_name(entry->status));
}

std::optional<int64_t> Conductor::parent_route(int64_t route) const {
  if (route <= 0 || static_cast<size_t>(route) >= routes_.size()) return std::nullopt;
  const std::vector<std::string>& details = routes_[static_cast<size_t>(route)];
  for (int64_t earlier = route - 1; earlier >= 0; --earlier) {
    if (is_part_of(routes_[static_cast<size_t>(earlier)], details)) return earlier;
  }
  return std::nullopt;
}

Result<Value> Conductor::task_function(const Value& task, const Value& route, const TaskScope* scope) const {
  const Value current = scope == nullptr ? Value() : scope->task;
  const Value name = task.is_null() ? current["id"] : task;
  const Value given = route.is_null() ? current["route"] : route;
  const auto node = name.is_string() ? graph().find(name.as_string()) : std::nullopt;
  if (!node) return not_found(name);
  std::optional<int64_t> at = given.int_or(0);
  while (at && *at >= 0) {
    const Entry* entry = latest({*node, static_cast<uint32_t>(*at)});
    if (entry != nullptr) return task_document(*entry);
    at = parent_route(*at);
  }
  return not_found(name);
}

Value Conductor::task_document(const Entry& entry) const {
  Value result = entry.result;
  if (entry.items != nullptr) {
    List items;
    for (size_t i = 0; i < entry.items->size(); ++i) {
      const Items::Item& item = (*entry.items)[i];
      items.push_back(in_group(item.status, kCompleted)
                          ? Value::dict({{"status", status_name(item.status)}, {"result", item.result}})
                          : Value());
    }
    result = Value::dict({{"items", Value(std::move(items))}});
  }
  const std::string& name = node_of(entry.place).name;
  return Value::dict({{"task_execution_id", entry.id},
                      {"workflow_execution_id", parent_["st2"]["workflow_execution_id"]},
                      {"task_name", name},
                      {"task_id", name},
                      {"route", static_cast<int64_t>(entry.place.route)},
                      {"result", result},
                      {"status", status_name(entry.status)},
                      {"start_timestamp", time_text(entry.started)},
                      {"end_timestamp", time_text(entry.ended)}});
}

}  // namespace squall::workflow::orquesta
