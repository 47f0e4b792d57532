// What can be started now: rendering of staged tasks (orquesta.md section 5).
#include <algorithm>

#include "workflow/orquesta/conductor.hpp"

namespace squall::workflow::orquesta {

// A task to start, with its actions.
struct Conductor::Offer {
  uint64_t order = 0;  // of the staged task
  Place place;
  std::vector<RunAction> actions;
  bool with_items = false;
  bool no_items = false;
};

namespace {

tl::unexpected<Error> type_error(std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type("TypeError"));
}

// How many items may run at the same time; SIZE_MAX when nothing limits them.
Result<size_t> concurrency_of(const Value& value) {
  if (value.is_null()) return SIZE_MAX;
  if (value.is_bool()) return 1;
  if (!value.is_int()) {
    return type_error("'<=' not supported between instances of '" + std::string(value.type_name()) + "' and 'int'");
  }
  return static_cast<size_t>(std::max<int64_t>(value.kind() == Kind::kUInt ? INT64_MAX : value.as_int(), 1));
}

Value current_item(const std::vector<std::string>& keys, const Value& item) {
  if (keys.empty()) return item;
  if (item.is_list() || item.kind() == Kind::kTuple) {
    Value named = Value::empty_dict();
    for (size_t i = 0; i < std::min(keys.size(), item.size()); ++i) named.set(keys[i], item[i]);
    return named;
  }
  return keys.size() == 1 ? Value::dict({{keys[0], item}}) : item;
}

}  // namespace

// Until nothing more can be started: tasks without items end at once and make way for the next ones.
void Conductor::dispatch() {
  while (dispatch_once()) {
  }
}

// True when a task ended at once.
bool Conductor::dispatch_once() {
  std::vector<uint64_t> candidates;
  if (status_ == Status::kFailed) {
    for (const uint64_t order : ready_) {
      if (staged_.at(order).run_on_fail) candidates.push_back(order);
    }
  } else if (in_group(status_, kRunningGroup)) {
    candidates.assign(wanting_.begin(), wanting_.end());
  }
  std::vector<Offer> offers;
  bool failed = false;
  for (const uint64_t order : candidates) {
    Result<Offer> made = offer(order);
    if (!made) {
      failed = true;
      log_error(made.error(), &staged_.at(order).place, nullptr);
    } else if (made->no_items || !made->actions.empty()) {
      offers.push_back(*std::move(made));
    }
  }
  // All of them or none, so that the user hears of all errors at once.
  if (failed) {
    fail_workflow();
    return false;
  }
  std::stable_sort(offers.begin(), offers.end(), [this](const Offer& a, const Offer& b) {
    const std::string& left = node_of(a.place).name;
    const std::string& right = node_of(b.place).name;
    return left != right ? left < right : a.place.route < b.place.route;
  });
  bool ended_at_once = false;
  for (Offer& ready : offers) {
    begin(ready);
    ended_at_once = ended_at_once || ready.no_items;
  }
  return ended_at_once;
}

// --- Rendering

Result<Conductor::Offer> Conductor::offer(uint64_t order) {
  Staged& staged = staged_.at(order);
  const TaskSpec& task = *node_of(staged.place).task;
  Offer made;
  made.order = order;
  made.place = staged.place;
  const TaskScope scope{
      staged.merged, Value::dict({{"id", task.name}, {"route", static_cast<int64_t>(staged.place.route)}}), {}};
  if (task.items) {
    made.with_items = true;
    SQ_CHECK(offer_items(staged, task, scope, made));
    made.no_items = staged.items->size() == 0;
    return made;
  }
  SQ_TRY(RunAction action, rendered(task, staged, scope));
  SQ_TRY(action.delay_ms, delay_of(task, staged, scope));
  made.actions.push_back(std::move(action));
  return made;
}

Result<RunAction> Conductor::rendered(const TaskSpec& task, const Staged& staged, const TaskScope& scope) {
  RunAction action;
  action.task = task.name;
  action.route = staged.place.route;
  SQ_TRY(const Value reference, evaluate(task.action, scope));
  if (!reference.is_null() && !reference.is_string()) {
    return type_error("The value of \"" + task.action.string() + "\" is not a reference of an action.");
  }
  action.action = reference.string();
  SQ_TRY(action.input, evaluate(task.input, scope));
  if (staged.input.is_dict()) {
    if (!action.input.is_dict()) action.input = Value::empty_dict();
    for (const auto& [name, value] : staged.input.as_dict()) action.input.set(name, value);
  }
  return action;
}

Result<int64_t> Conductor::delay_of(const TaskSpec& task, const Staged& staged, const TaskScope& scope) {
  constexpr int64_t kMillis = 1000;
  Value delay = task.delay;
  if (delay.truthy()) {
    SQ_TRY(delay, evaluate(delay, scope));
    if (!delay.is_int() && !delay.is_bool()) return type_error("The value of task delay is not type of integer.");
  }
  // That of a retry comes instead.
  if (staged.retry) delay = staged.retry->delay;
  if (delay.is_bool()) return delay.as_bool() ? kMillis : 0;
  const int64_t seconds = delay.int_or(0);
  return seconds > INT64_MAX / kMillis ? INT64_MAX : std::max<int64_t>(seconds, 0) * kMillis;
}

::squall::Status Conductor::know_items(Staged& staged, const TaskSpec& task, const TaskScope& scope) {
  if (staged.items != nullptr && staged.items->list_known()) return {};
  SQ_TRY(const Value list, evaluate(Value(task.items->expression), scope));
  if (!list.is_list()) return type_error("The value of \"" + task.items->expression + "\" is not type of list.");
  SQ_TRY(const Value concurrency, evaluate(task.items->concurrency, scope));
  if (staged.items == nullptr) {
    staged.items = std::make_shared<Items>(list, concurrency);
  } else {
    staged.items->know(list, concurrency);
  }
  return {};
}

::squall::Status Conductor::offer_items(Staged& staged, const TaskSpec& task, const TaskScope& scope, Offer& offer) {
  const bool first = staged.items == nullptr;
  SQ_CHECK(know_items(staged, task, scope));
  Items& items = *staged.items;
  SQ_TRY(const size_t concurrency, concurrency_of(items.concurrency()));
  const size_t active = items.count(kActive);
  size_t available = concurrency > active ? concurrency - active : 0;
  const size_t known = std::min(items.size(), items.list().size());
  TaskScope item_scope = scope;
  const auto render = [&](size_t index) -> Result<RunAction> {
    item_scope.item = current_item(task.items->keys, items.list()[index]);
    return rendered(task, staged, item_scope);
  };
  SQ_TRY(const int64_t delay, delay_of(task, staged, scope));
  size_t next = items.next_unset();
  for (; available > 0 && next < known; ++next) {
    if (items[next].status != Status::kUnset) continue;
    SQ_TRY(RunAction action, render(next));
    action.item = static_cast<int64_t>(next);
    // StackStorm lets only the first batch wait.
    if (next < concurrency) action.delay_ms = delay;
    offer.actions.push_back(std::move(action));
    --available;
  }
  // An error in an item that has to wait is told before the first one runs. The input is made when its turn comes.
  for (; first && next < known; ++next) SQ_CHECK(render(next));
  if (offer.actions.empty()) wanting_.erase(offer.order);
  return {};
}

// --- Starting

void Conductor::begin(Offer& offer) {
  TaskEvent running;
  running.name = "action_running";
  running.status = Status::kRunning;
  if (offer.no_items) {
    update_task(offer.place, running);
    TaskEvent done;
    done.name = "action_succeeded";
    done.status = Status::kSucceeded;
    done.result = Value::empty_list();
    update_task(offer.place, done);
    return;
  }
  const std::shared_ptr<Items> items = staged_.at(offer.order).items;
  for (RunAction& action : offer.actions) {
    if (action.item) running.item = static_cast<size_t>(*action.item);
    update_task(offer.place, running);
    Entry* entry = latest(offer.place);
    if (entry == nullptr) continue;
    entry->items = items;
    if (entry->status == Status::kRunning) entry->ended.reset();
    action.number = next_number_++;
    action.task_execution_id = entry->id;
    actions_.emplace(action.number, OpenAction{offer.place, action.item.value_or(-1), Status::kRunning});
    commands_.emplace_back(std::move(action));
  }
}

}  // namespace squall::workflow::orquesta
