#include "model/execution.hpp"

#include <algorithm>
#include <span>

#include "value/json.hpp"

namespace squall::model {
namespace {

constexpr std::string_view kFinal[] = {status::kSucceeded, status::kFailed, status::kTimeout, status::kCanceled,
                                       status::kAbandoned};
constexpr std::string_view kCancelable[] = {status::kRequested, status::kScheduled, status::kDelayed, status::kRunning,
                                            status::kPausing,   status::kPaused,    status::kResuming};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool is_final(std::string_view name) { return contains(kFinal, name); }
bool is_cancelable(std::string_view name) { return contains(kCancelable, name); }
bool is_status(std::string_view name) {
  return is_final(name) || is_cancelable(name) || name == status::kPending || name == status::kCanceling;
}

bool is_journaled_runner(std::string_view runner) { return runner == "orquesta" || runner == "mistral-v2"; }

bool is_workflow_runner(std::string_view runner) { return runner == "action-chain" || is_journaled_runner(runner); }

void set_status(Value& execution, std::string_view name, Timestamp now) {
  Dict& members = execution.mut_dict();
  members.set("status", name);
  members["log"].push_back(Value::dict({{"timestamp", format_timestamp(now)}, {"status", name}}));
}

Value at_step(Value execution, size_t entries) {
  List log = execution["log"].as_list();
  if (entries >= log.size()) return execution;
  log.resize(entries);
  execution.set("status", log.back()["status"]);
  execution.set("log", Value(std::move(log)));
  return execution;
}

void set_result(Value& execution, Value result) {
  execution.set("result_size", to_json(result).size());
  execution.set("result", std::move(result));
}

void set_finished(Value& execution, std::string_view name, Value result, Timestamp now) {
  set_status(execution, name, now);
  execution.set("end_timestamp", format_timestamp(now));
  const auto start = parse_timestamp(execution["start_timestamp"].string_or(""));
  if (start) {
    execution.set("elapsed_seconds", std::chrono::duration<double>(now - *start).count());
  }
  set_result(execution, std::move(result));
}

const Value& private_state(const Value& execution, std::string_view name) { return execution[kPrivate][name]; }

void set_private_state(Value& execution, std::string_view name, Value state) {
  execution.mut_dict()[kPrivate].set(name, std::move(state));
}

void clear_private_state(Value& execution, std::string_view name) {
  if (!private_state(execution, name).is_null()) execution.mut_dict()[kPrivate].erase(name);
}

Value public_execution(const Value& execution) {
  // Present in every answer, even when empty.
  constexpr std::string_view kAlways[] = {"id", "action", "runner", "liveaction", "status", "context", "log"};
  Value shown = Value::empty_dict();
  Dict& members = shown.mut_dict();
  members.reserve(execution.size());
  for (const auto& [key, value] : execution.as_dict()) {
    if (key == kPrivate || key == kTrace) continue;
    if (value.truthy() || contains(kAlways, key)) members.set(key, value);
  }
  return shown;
}

}  // namespace squall::model
