// What follows from a change of an action: the task's status, retries, the workflow's status (orquesta.md section 6).
#include <algorithm>
#include <deque>

#include "workflow/orquesta/conductor.hpp"

namespace squall::workflow::orquesta {

namespace {

TaskEvent command_event(const std::string& command) {
  TaskEvent event;
  event.name = "task_" + command + "_requested";
  event.status = command == "fail" ? Status::kFailed : Status::kSucceeded;
  return event;
}

bool is_integer(const Value& value) { return value.is_int() || value.is_bool(); }
int64_t integer_of(const Value& value) { return value.is_bool() ? (value.as_bool() ? 1 : 0) : value.int_or(0); }

}  // namespace

void Conductor::update_task(Place place, const TaskEvent& event) {
  Entry* found = entry_for(place, event);
  if (found == nullptr) return;
  Entry& entry = *found;
  const Node& node = node_of(place);
  if (Staged* staged = find_staged(place); staged != nullptr) {
    if (staged->items == nullptr) {
      unstage(place);
    } else if (event.item) {
      staged->items->set(*event.item, event.status);
      if (in_group(event.status, kCompleted)) staged->items->set_result(*event.item, event.result);
      for (const uint64_t order : staged_at_[place.key()]) note_staged(order);
    }
  }
  if (event.status == Status::kFailed) {
    log_message("Execution failed. See result for details.", &place, false, nullptr, event.result);
  }
  const Status before = entry.status;
  process_event(entry, event);
  std::vector<Place> commands;
  if (entry.status == Status::kRetrying) stage_retry(entry);
  if (in_group(entry.status, kCompleted)) {
    if (node.task != nullptr && node.task->items && in_group(entry.status, kAbended)) {
      // Kept for a rerun of the items that failed.
      if (Staged* staged = find_staged(place); staged != nullptr) {
        staged->completed = true;
        for (const uint64_t order : staged_at_[place.key()]) note_staged(order);
      }
    } else {
      unstage(place);
    }
    complete(entry, event, entry.status != before, commands);
    if (entry.status == Status::kRetrying) return;
  }
  process_task_event(place, entry.status);
  for (const Place& command : commands) update_task(command, command_event(node_of(command).name));
  if (in_group(status_, kCompleted)) entry.term = true;
}

// The execution that the event is for: a new one when the task was staged again.
Entry* Conductor::entry_for(Place place, const TaskEvent& event) {
  Entry* entry = latest(place);
  const Staged* staged = find_staged(place);
  const bool is_command = node_of(place).task == nullptr;
  const bool again = entry != nullptr && in_group(entry->status, kCompleted) && in_group(event.status, kStarting);
  if (entry != nullptr && !is_command && !again) return entry;
  if (staged == nullptr) return nullptr;
  Entry& made = add_entry(*staged);
  if (node_of(place).retry) setup_retry(made);
  return &made;
}

// --- The task's own state machine

void Conductor::process_event(Entry& entry, const TaskEvent& event) {
  const std::string name = event.item ? items_event(entry.place, event) : event.name;
  auto next = next_task_status(entry.status, name);
  // An action that ends without having been told to go on: Orquesta's table has no way from paused to an end, and the
  // task would wait for ever.
  constexpr uint32_t kHeld = group_of(Status::kPaused, Status::kResuming);
  const bool held = in_group(entry.status, kHeld) || (entry.status == Status::kPausing && !event.item);
  const bool last = !event.item || name.find("_task_dormant") != std::string::npos;
  if (!next && held && last && in_group(event.status, kCompleted)) {
    set_entry_status(entry, Status::kRunning);
    next = next_task_status(entry.status, name);
  }
  if (next) set_entry_status(entry, *next);
}

// The event of one item says how the other items stand.
std::string Conductor::items_event(Place place, const TaskEvent& event) {
  constexpr uint32_t kTelling = group_of(Status::kResuming, Status::kPending, Status::kPaused, Status::kCanceled) |
                                kAbended | group_of(Status::kSucceeded);
  const Staged* staged = find_staged(place);
  if (!in_group(event.status, kTelling) || staged == nullptr || staged->items == nullptr) return event.name;
  const Items& items = *staged->items;
  const auto others = [&](uint32_t group) { return items.count(group) - (in_group(event.status, group) ? 1 : 0); };
  const bool incomplete = others(kCompleted) < items.size() - 1;
  if (others(kActive) > 0) {
    return event.name + "_task_active" + (incomplete ? "_items_incomplete" : "_items_completed");
  }
  const std::string dormant = event.name + "_task_dormant";
  if (others(group_of(Status::kPending, Status::kPaused)) > 0) return dormant + "_items_paused";
  if (others(group_of(Status::kCanceled)) > 0) return dormant + "_items_canceled";
  if (others(kAbended) > 0) return dormant + "_items_failed";
  return dormant + (incomplete ? "_items_incomplete" : "_items_completed");
}

// --- The end of a task

// For with-items the list of all results, null where there is none.
Value Conductor::task_result(const Entry& entry, const TaskEvent& event) const {
  if (!node_of(entry.place).task || !node_of(entry.place).task->items) return event.result;
  List results;
  if (entry.items != nullptr) {
    results.reserve(entry.items->size());
    for (size_t i = 0; i < entry.items->size(); ++i) results.push_back((*entry.items)[i].result);
  }
  return Value(std::move(results));
}

void Conductor::complete(Entry& entry, const TaskEvent& event, bool changed, std::vector<Place>& commands) {
  if (!event.item) entry.result = event.result;
  if (entry.merged.is_null()) entry.merged = contexts_.merge(entry.in);
  const Node& node = node_of(entry.place);
  TaskScope scope;
  // Without transitions and retries nothing looks at the result.
  if (!node.out.empty() || entry.retry) {
    scope.variables = entry.merged;
    scope.task = Value::dict(
        {{"id", node.name}, {"route", static_cast<int64_t>(entry.place.route)}, {"result", task_result(entry, event)}});
  }
  if (in_group(status_, kActive) && entry.retry) {
    const Result<bool> retry = wants_retry(entry, scope);
    if (!retry) {
      log_error(retry.error(), &entry.place, nullptr);
      fail_workflow();
    } else if (*retry) {
      TaskEvent again;
      again.name = "task_retry_requested";
      again.status = Status::kRetrying;
      update_task(entry.place, again);
      return;
    }
  }
  if (changed) follow_transitions(entry, scope, commands);
  entry.merged = Value();
}

// --- Retries

Result<bool> Conductor::wants_retry(const Entry& entry, const TaskScope& scope) {
  const RetryState& retry = *entry.retry;
  if (retry.tally >= integer_of(retry.count)) return false;
  if (in_group(entry.status, kAbended) && retry.when.is_null()) return true;
  SQ_TRY(const Value wanted, evaluate(retry.when, scope));
  return wanted.truthy();
}

void Conductor::stage_retry(Entry& entry) {
  ++entry.retry->tally;
  unstage(entry.place);
  Staged staged;
  staged.place = entry.place;
  staged.in = entry.in;
  staged.merged = entry.merged.is_null() ? contexts_.merge(entry.in) : entry.merged;
  staged.prev = entry.prev;
  staged.retry = entry.retry;
  staged.ready = true;
  entry.items = nullptr;
  stage(std::move(staged));
}

// Count and delay are evaluated once, when the task begins.
void Conductor::setup_retry(Entry& entry) {
  const RetrySpec& spec = *node_of(entry.place).retry;
  entry.retry = RetryState{spec.when, spec.count, spec.delay, 0};
  const TaskScope scope{entry.merged, {}, {}};
  const auto settle = [&](Value& value, const std::string& what) -> ::squall::Status {
    if (!value.is_string()) return {};
    SQ_TRY(value, evaluate(value, scope));
    if (is_integer(value)) return {};
    return fail(Error(ErrorCode::kInvalid,
                      "The retry " + what + " for task \"" + node_of(entry.place).name + "\" is not an integer.")
                    .with_type("ValueError"));
  };
  auto settled = settle(entry.retry->delay, "delay");
  if (settled) settled = settle(entry.retry->count, "count");
  if (settled) return;
  entry.retry.reset();
  log_error(settled.error(), &entry.place, nullptr);
  fail_workflow();
}

// --- The workflow's state machine

bool Conductor::has_next_tasks(Place place) const {
  const Entry* entry = latest(place);
  if (entry == nullptr || !in_group(entry->status, kCompleted)) return false;
  return std::any_of(entry->next.begin(), entry->next.end(), [&](const std::pair<uint32_t, bool>& way) {
    const Node& next = graph().node(graph().edge(way.first).to);
    if (!way.second || next.name == "continue") return false;
    if (!next.is_barrier()) return true;
    return join_state({graph().edge(way.first).to, place.route}) != JoinState::kNotSatisfied;
  });
}

// A join that this task has done its part for, though it may never be complete: the join tells of that itself.
bool Conductor::has_barrier_next(Place place) const {
  const Entry* entry = latest(place);
  if (entry == nullptr) return false;
  return std::any_of(entry->next.begin(), entry->next.end(), [&](const std::pair<uint32_t, bool>& way) {
    return way.second && graph().node(graph().edge(way.first).to).is_barrier();
  });
}

std::string Conductor::task_event_of(Place place, Status status) const {
  constexpr uint32_t kTelling = group_of(Status::kPending, Status::kPaused, Status::kSucceeded, Status::kFailed,
                                         Status::kCanceled, Status::kRetrying);
  const bool has_next = has_next_tasks(place);
  const bool remediated = in_group(status, kAbended) && (has_next || has_barrier_next(place));
  std::string event = remediated ? "task_remediated" : "task_" + std::string(status_name(status));
  if (remediated || in_group(status, kTelling)) event += has_active() ? "_workflow_active" : "_workflow_dormant";
  if (!remediated && status != Status::kSucceeded) return event;
  if (count_last(kCancelGroup) > 0) return event + "_canceled";
  if (count_last(kPauseGroup | group_of(Status::kPending)) > 0) return event + "_paused";
  return event + (has_staged() || has_next ? "_incomplete" : "_completed");
}

void Conductor::process_task_event(Place place, Status status) {
  if (status == Status::kUnset) return;
  const auto next = next_workflow_status(status_, task_event_of(place, status));
  if (!next) return;
  set_status(*next);
  if (in_group(status_, kCompleted)) fail_unreachable_joins();
}

// A join that some but not enough ways have reached when the workflow ends was left in the lurch.
void Conductor::fail_unreachable_joins() {
  std::vector<Place> unreachable;
  for (const auto& [order, staged] : staged_) {
    const Node& node = node_of(staged.place);
    if (!node.barrier.truthy() || staged.ready) continue;
    if (join_state(staged.place) == JoinState::kNotSatisfied) unreachable.push_back(staged.place);
  }
  if (unreachable.empty()) return;
  status_ = Status::kFailed;
  for (const Place& place : unreachable) {
    log_message("UnreachableJoinError: The join task|route \"" + node_of(place).name + "|" +
                    std::to_string(place.route) + "\" is partially satisfied but unreachable.",
                &place, true, nullptr, Value());
  }
}

}  // namespace squall::workflow::orquesta
