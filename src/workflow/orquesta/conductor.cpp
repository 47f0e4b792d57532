#include "workflow/orquesta/conductor.hpp"

#include <algorithm>
#include <utility>

#include "workflow/orquesta/value_hash.hpp"

namespace squall::workflow::orquesta {

namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

tl::unexpected<Error> not_processed(Status asked, Status now) {
  Error error(ErrorCode::kConflict, "Unable to process event \"workflow_" + std::string(status_name(asked)) +
                                        "\" for workflow in \"" + std::string(status_name(now)) + "\" status.");
  return fail(error.with_type("InvalidWorkflowStatusTransition"));
}

// The suffix for a request that with-items tasks take.
std::string items_suffix(const Items& items) {
  return std::string(items.count(kActive) > 0 ? "_task_active" : "_task_dormant") +
         (items.count(kCompleted) < items.size() ? "_items_incomplete" : "_items_completed");
}

constexpr uint32_t kHalting = kPauseGroup | kCancelGroup;

}  // namespace

Conductor::Conductor(std::shared_ptr<const Workflow> workflow, const Environment& environment)
    : workflow_(std::move(workflow)), evaluator_(*this, environment), joins_(workflow_->graph) {}

Result<Applied> Conductor::apply(const Event& event) {
  evaluator_.begin(event);
  now_ = event.at;
  commands_.clear();
  SQ_CHECK(decide(event));
  if (!event.more) {
    dispatch();
    settle();
    // A restored run that has ended told so in its former life.
    if (!std::holds_alternative<Restore>(event.what)) finish();
  }
  return Applied{std::exchange(commands_, {}), evaluator_.take_answers()};
}

::squall::Status Conductor::decide(const Event& event) {
  const bool begins = std::holds_alternative<Start>(event.what) || std::holds_alternative<Restore>(event.what);
  if (begins == begun_) {
    return fail(ErrorCode::kConflict, begun_ ? "the workflow has begun already" : "the workflow has not begun yet");
  }
  return std::visit(Overloaded{
                        [&](const Start& start_event) { return start(start_event); },
                        [&](const Restore& restored) { return restore(restored.document); },
                        [&](const ActionChanged& change) { return change_action(change); },
                        [&](const ActionRefused& refused) { return refuse_action(refused); },
                        [&](const TimerDue&) -> ::squall::Status {
                          return fail(ErrorCode::kNotFound, "Orquesta workflows have no timers");
                        },
                        [&](const PauseRequest&) { return request(Status::kPaused); },
                        [&](const ResumeRequest&) { return request(Status::kResuming); },
                        [&](const CancelRequest&) { return request(Status::kCanceled); },
                        [&](const RerunRequest& asked) { return rerun(asked); },
                        [&](const Proceed&) { return ::squall::Status(); },
                    },
                    event.what);
}

// --- The beginning

::squall::Status Conductor::start(const Start& start) {
  begun_ = true;
  inputs_ = start.inputs.is_dict() ? start.inputs : Value::empty_dict();
  parent_ = start.context.is_dict() ? start.context : Value::empty_dict();
  TaskScope scope{parent_, {}, {}};
  bool failed = false;
  const auto set = [&](const std::string& name, const Value& written) {
    Result<Value> value = evaluate(written, scope);
    if (value) {
      scope.variables.set(name, *std::move(value));
    } else {
      failed = true;
      log_error(value.error(), nullptr, nullptr);
    }
  };
  for (const NamedValue& input : workflow_->spec.input()) {
    set(input.name, inputs_.contains(input.name) ? inputs_[input.name] : input.value);
  }
  for (const NamedValue& var : workflow_->spec.vars()) set(var.name, var.value);
  if (failed) {
    set_status(Status::kFailed);
    return {};
  }
  contexts_.add(scope.variables);
  routes_.emplace_back();
  for (const uint32_t root : graph().roots()) {
    Staged staged;
    staged.place = {root, 0};
    staged.in = ContextList::of({0});
    staged.merged = scope.variables;
    staged.ready = true;
    stage(std::move(staged));
  }
  set_status(Status::kRunning);
  return {};
}

// --- Actions

Result<OpenAction*> Conductor::open_action(int64_t number) {
  const auto found = actions_.find(number);
  if (found != actions_.end()) return &found->second;
  if (number > 0 && number < next_number_) {
    return fail(ErrorCode::kConflict, "action " + std::to_string(number) + " has ended already");
  }
  return fail(ErrorCode::kNotFound, "the workflow has not asked for an action " + std::to_string(number));
}

::squall::Status Conductor::change_action(const ActionChanged& change) {
  SQ_TRY(OpenAction * action, open_action(change.number));
  const auto status = status_of(change.status);
  if (!status || *status == Status::kUnset || *status == Status::kRetrying) {
    return fail(ErrorCode::kInvalid, "an action has no status \"" + change.status + "\"");
  }
  TaskEvent event;
  event.name = "action_" + change.status;
  event.status = *status;
  event.result = change.result;
  if (action->item >= 0) event.item = static_cast<size_t>(action->item);
  const Place place = action->place;
  action->status = *status;
  if (in_group(*status, kCompleted)) actions_.erase(change.number);
  const Entry* entry = latest(place);
  // Told late: the task has ended without this action.
  if (entry != nullptr && in_group(entry->status, kCompleted) && in_group(*status, kStarting)) return {};
  update_task(place, std::move(event));
  return {};
}

::squall::Status Conductor::refuse_action(const ActionRefused& refused) {
  SQ_TRY(const OpenAction* action, open_action(refused.number));
  const Place place = action->place;
  const int64_t item = action->item;
  actions_.erase(refused.number);
  Entry& entry = *latest(place);
  log_message(refused.message, &place, true, nullptr, Value());
  if (Staged* staged = find_staged(place); staged != nullptr && staged->items != nullptr && item >= 0) {
    staged->items->set(static_cast<size_t>(item), Status::kFailed);
    staged->completed = true;
    for (const uint64_t order : staged_at_[place.key()]) note_staged(order);
  }
  if (!in_group(entry.status, kCompleted)) set_entry_status(entry, Status::kFailed);
  entry.term = true;
  fail_workflow();
  return {};
}

// --- Requests

::squall::Status Conductor::request(Status asked) {
  const Status before = status_;
  if (in_group(before, kCompleted)) {
    if (asked == before) return {};
    return not_processed(asked, before);
  }
  const std::string event = "workflow_" + std::string(status_name(asked));
  const std::vector<uint32_t> active(active_.begin(), active_.end());
  for (const uint32_t index : active) {
    Entry& entry = entries_[index];
    const Staged* staged = find_staged(entry.place);
    std::string task_event = event;
    if (in_group(asked, kHalting) && staged != nullptr && staged->items != nullptr) {
      task_event += items_suffix(*staged->items);
    }
    if (const auto next = next_task_status(entry.status, task_event)) set_entry_status(entry, *next);
  }
  std::string workflow_event = event;
  if (in_group(asked, kHalting)) workflow_event += has_active() ? "_workflow_active" : "_workflow_dormant";
  if (before == Status::kPaused && asked == Status::kResuming && !has_active() && !has_staged() &&
      count_last(group_of(Status::kPaused, Status::kPending)) == 0) {
    workflow_event += "_workflow_completed";
  }
  if (const auto next = next_workflow_status(before, workflow_event)) set_status(*next);
  const bool under_way = (asked == Status::kPaused && status_ == Status::kPausing) ||
                         (asked == Status::kCanceled && status_ == Status::kCanceling);
  if (status_ == before && asked != before && !under_way) return not_processed(asked, before);
  tell_actions(asked);
  return {};
}

void Conductor::tell_actions(Status asked) {
  constexpr uint32_t kHeld = kPauseGroup;
  for (const auto& [number, action] : actions_) {
    if (asked == Status::kCanceled) {
      if (!in_group(action.status, kCancelGroup)) commands_.emplace_back(CancelAction{number});
    } else if (asked == Status::kPaused) {
      if (!in_group(action.status, kHeld | group_of(Status::kPending))) commands_.emplace_back(PauseAction{number});
    } else if (in_group(action.status, kHeld)) {
      commands_.emplace_back(ResumeAction{number});
    }
  }
}

void Conductor::fail_workflow() {
  if (const auto next = next_workflow_status(status_, "workflow_failed")) set_status(*next);
}

void Conductor::set_status(Status status) {
  if (status == status_) return;
  status_ = status;
  constexpr uint32_t kTold = kHalting | group_of(Status::kRunning, Status::kResuming);
  if (in_group(status, kTold) && status != Status::kCanceled) {
    commands_.emplace_back(StatusChanged{std::string(status_name(status))});
  }
}

// --- The end

// What Orquesta's tables would leave waiting for ever: a with-items task that was not told of a pause (an inquiry
// paused the workflow) and has no item under way; a workflow with nothing left to run.
void Conductor::settle() {
  const bool halting = status_ == Status::kPausing || status_ == Status::kCanceling;
  if (halting && has_active()) {
    const bool busy = std::any_of(actions_.begin(), actions_.end(),
                                  [](const auto& action) { return in_group(action.second.status, kActive); });
    if (!busy) (void)request(status_ == Status::kPausing ? Status::kPaused : Status::kCanceled);
  }
  if (!in_group(status_, kRunningGroup) || !actions_.empty() || restored_) return;
  log_message("The workflow has nothing left to run but is not complete.", nullptr, false, nullptr, Value());
  fail_workflow();
}

// A workflow that failed while actions are under way is told with the output as it looks now. What these actions still
// bring may change it, so it is rendered for good, and told again, when the last one has ended.
void Conductor::finish() {
  if (!in_group(status_, kCompleted)) return;
  if (!actions_.empty()) {
    if (finish_told_) return;
    const Value output = output_;
    const List errors = errors_;
    const auto hashes = error_hashes_;
    render_output();
    tell_finish();
    output_ = output;
    errors_ = errors;
    error_hashes_ = hashes;
    return;
  }
  render_output();
  if (!finish_told_ || errors_told_ != errors_.size() || output_told_ != output_) tell_finish();
}

void Conductor::tell_finish() {
  finish_told_ = true;
  errors_told_ = errors_.size();
  output_told_ = output_;
  commands_.emplace_back(Finish{std::string(status_name(status_)), output_, Value(errors_)});
}

void Conductor::render_output() {
  if (workflow_->spec.output().empty() || output_.truthy()) return;
  TaskScope scope{terminal_context(), {}, {}};
  Value output = Value::empty_dict();
  bool failed = false;
  for (const NamedValue& named : workflow_->spec.output()) {
    Result<Value> value = evaluate(named.value, scope);
    if (!value) {
      failed = true;
      log_error(value.error(), nullptr, nullptr);
      continue;
    }
    scope.variables.set(named.name, *value);
    output.set(named.name, *std::move(value));
  }
  if (!output.empty()) output_ = std::move(output);
  constexpr uint32_t kKept = group_of(Status::kTimeout, Status::kAbandoned, Status::kCanceled);
  if (failed && !in_group(status_, kKept)) fail_workflow();
}

// The merge over all entries that ended the workflow: the first in full, the others without the first context.
Value Conductor::terminal_context() const {
  Value context = Value::empty_dict();
  bool first = true;
  for (const Entry& entry : entries_) {
    if (!entry.term) continue;
    context = contexts_.merge(std::move(context), first ? entry.in.numbers() : entry.in.numbers_after_first());
    first = false;
  }
  return context;
}

// --- The log

void Conductor::log_error(const Error& error, const Place* place, const Edge* edge) {
  const std::string type = error.type().empty() ? "Error" : error.type();
  log_message(type + ": " + error.message(), place, true, edge, Value());
}

void Conductor::log_message(std::string message, const Place* place, bool with_route, const Edge* edge,
                            const Value& result) {
  Value entry = Value::dict({{"type", "error"}, {"message", std::move(message)}});
  if (place != nullptr) {
    entry.set("task_id", node_of(*place).name);
    if (with_route) entry.set("route", static_cast<int64_t>(place->route));
  }
  if (edge != nullptr) entry.set("task_transition_id", edge->id);
  if (!result.is_null()) entry.set("result", result);
  add_error(std::move(entry));
}

// An entry equal to an earlier one is dropped.
void Conductor::add_error(Value entry) {
  const uint64_t hash = hash_of(entry);
  const auto [begin, end] = error_hashes_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    if (errors_[at->second] == entry) return;
  }
  error_hashes_.emplace(hash, errors_.size());
  errors_.push_back(std::move(entry));
}

void Conductor::drop_errors_of(const std::string& task) {
  List kept;
  error_hashes_.clear();
  for (Value& entry : errors_) {
    // Those of the output have no task; it will be rendered anew.
    if (entry["task_id"] == Value(task) || !entry.contains("task_id")) continue;
    error_hashes_.emplace(hash_of(entry), kept.size());
    kept.push_back(std::move(entry));
  }
  errors_ = std::move(kept);
}

}  // namespace squall::workflow::orquesta
