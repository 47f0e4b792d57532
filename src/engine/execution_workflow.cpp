// The workflow half of ExecutionDriver: feeds events to a WorkflowRun, journals them, and carries out what it decides.
#include "base/crash_point.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "engine/execution_live.hpp"
#include "engine/key_values.hpp"
#include "engine/notifications.hpp"
#include "engine/workflow_journal.hpp"
#include "engine/workflow_loader.hpp"
#include "workflow/mistral/stackstorm.hpp"

namespace squall::engine {
namespace {

namespace status = model::status;
using store::Collection;

// Events of one workflow that follow from each other at once, without an action or a timer in between: more are a
// circle of tasks without actions.
constexpr size_t kStepsAtOnceMax = 10000;

std::string timer_id(const std::string& execution, int64_t number) { return execution + "." + std::to_string(number); }

// True when the execution runs tasks of an earlier one again.
bool continues(const Value& document) {
  const Value& again = document["context"]["re-run"];
  return again["tasks"].is_list() && !again["tasks"].empty() && again["ref"].is_string();
}

// Orquesta's: the output, and the errors of a run that ended badly (orquesta.md section 13).
Value orquesta_result(const workflow::Finish& end) {
  Value result = Value::dict({{"output", end.output}});
  const bool abended =
      end.status == status::kFailed || end.status == status::kTimeout || end.status == status::kAbandoned;
  if (abended && end.errors.is_list() && !end.errors.empty()) result.set("errors", end.errors);
  return result;
}

}  // namespace

// Executions whose run this one goes on with, because it runs tasks of them again; oldest first.
std::vector<std::string> ExecutionDriver::earlier_executions(const Value& document) {
  std::vector<std::string> ids;
  Value at = document;
  while (continues(at)) {
    const std::string before = at["context"]["re-run"]["ref"].string();
    if (std::find(ids.begin(), ids.end(), before) != ids.end()) break;
    auto found = deps_.store.find(Collection::kExecutions, before);
    if (!found || found->is_null()) break;
    ids.insert(ids.begin(), before);
    at = std::move(*found);
  }
  return ids;
}

ExecutionDriver::Live* ExecutionDriver::find_flow(std::string_view id) {
  if (const auto found = live_.find(id); found != live_.end()) {
    return found->second->flow != nullptr ? found->second.get() : nullptr;
  }
  const auto found = lingering_.find(id);
  return found == lingering_.end() ? nullptr : found->second.get();
}

// Makes the run, and brings it to where the journals of these executions end. Not null: why there is none, as the
// execution's result.
Value ExecutionDriver::load_flow(Live& execution, const std::vector<std::string>& journals) {
  const Value& document = execution.document;
  const Value* action = deps_.catalog.action(document["action"]["ref"].string_or(""));
  WorkflowSource source;
  source.runner = execution.runner_name();
  source.action = document["action"]["ref"];
  source.liveaction = document["liveaction"]["id"].string();
  source.file = deps_.catalog.pack_path(action != nullptr ? *action : document["action"]) + "/actions/" +
                document["action"]["entry_point"].string();
  source.environment.functions =
      workflow_functions(deps_.store, document["context"]["user"].string(), deps_.datastore_key);
  source.catalog = &deps_.catalog;
  source.runner_parameters = execution.runner_parameters;
  source.action_parameters = execution.action_parameters;
  source.context = flow_context(execution);
  std::vector<workflow::Event> events;
  for (const std::string& id : journals) {
    auto journal = read_journal(deps_.store, id, deps_.sealer);
    if (!journal) return error_result("The journal of the workflow cannot be read: " + journal.error().to_string());
    if (source.definition.is_null()) source.definition = journal->definition;
    if (id == execution.id) execution.journaled = static_cast<int64_t>(journal->events.size());
    std::move(journal->events.begin(), journal->events.end(), std::back_inserter(events));
  }
  WorkflowLoad loaded = load_workflow(source);
  if (loaded.run == nullptr) return loaded.failure;
  execution.flow = std::move(loaded.run);
  execution.flow_start = std::move(loaded.start);
  if (source.definition.is_null()) execution.definition = std::move(loaded.definition);
  for (const workflow::Event& event : events) {
    if (auto applied = execution.flow->apply(event); !applied) {
      return error_result("The journal of the workflow cannot be replayed: " + applied.error().to_string());
    }
  }
  return {};
}

// A run that has begun: with its own journal.
Value ExecutionDriver::load_begun_flow(Live& execution) {
  std::vector<std::string> journals = earlier_executions(execution.document);
  journals.push_back(execution.id);
  return load_flow(execution, journals);
}

// What ctx().st2 and ctx().parent are (orquesta.md section 13).
Value ExecutionDriver::flow_context(const Live& execution) const {
  const Value& document = execution.document;
  Value st2 = Value::dict({{"action_execution_id", execution.id},
                           {"api_url", options_.api_url},
                           {"user", document["context"]["user"]},
                           {"pack", document["action"]["pack"]},
                           {"action", document["action"]["ref"]},
                           {"runner", document["runner"]["name"]},
                           {"workflow_execution_id", document["context"]["workflow_execution"]}});
  for (const char* optional : {"api_user", "source_channel"}) {
    if (document["context"].contains(optional)) st2.set(optional, document["context"][optional]);
  }
  Value parent = document["context"]["parent"];
  return Value::dict({{"st2", std::move(st2)}, {"parent", parent.is_dict() ? parent : Value::empty_dict()}});
}

void ExecutionDriver::begin_flow(Live& execution, Changes& changes) {
  if (!fits_depth(execution, "Workflows", changes)) return;
  if (auto prepared = prepare(execution); !prepared) {
    finish(execution, status::kFailed, error_result(prepared.error().to_string()), changes);
    return;
  }
  const Value again = execution.document["context"]["re-run"];
  const bool from_tasks = continues(execution.document);
  execution.document.mut_dict()["context"].set(
      "workflow_execution", from_tasks ? workflow_id_of(again["ref"].string()) : Value(new_object_id(deps_.clock)));
  if (const Value failure = load_flow(execution, earlier_executions(execution.document)); !failure.is_null()) {
    execution.document.mut_dict()["context"].mut_dict().erase("workflow_execution");
    finish(execution, status::kFailed, failure, changes);
    return;
  }
  if (!save(execution, changes)) return;
  const std::string id = execution.id;
  if (!from_tasks) {
    journal_definition(changes, id, std::exchange(execution.definition, {}));
    if (const Status fed = feed(id, std::exchange(execution.flow_start, {}), changes); !fed) {
      const auto found = live_.find(id);
      if (found != live_.end())
        finish(*found->second, status::kFailed, refused_workflow_result(fed.error().message()), changes);
    }
    return;
  }
  rerun_tasks(execution, again, changes);
}

// What runs tasks again is the same workflow as far as its id goes.
Value ExecutionDriver::workflow_id_of(const std::string& execution) {
  const auto found = deps_.store.find(Collection::kExecutions, execution);
  const Value id = found ? (*found)["context"]["workflow_execution"] : Value();
  return id.is_string() ? id : Value(new_object_id(deps_.clock));
}

void ExecutionDriver::rerun_tasks(Live& execution, const Value& again, Changes& changes) {
  const std::string id = execution.id;
  std::string missing;
  workflow::RerunRequest request;
  const Value records = execution.flow->task_records();
  for (const Value& task : again["tasks"].as_list()) {
    const std::string name = task.string();
    const bool known = std::any_of(records.as_list().begin(), records.as_list().end(),
                                   [&](const Value& record) { return record["task"].string_or("") == name; });
    if (!known) missing += (missing.empty() ? "" : ",") + name;
    request.tasks.push_back({name, std::nullopt, has_text(again["reset"], name), again["inputs"][name]});
  }
  Status fed;
  if (!missing.empty()) {
    fed = fail(ErrorCode::kInvalid, "Unable to rerun workflow because one or more tasks is not found: " + missing);
  } else {
    fed = feed(id, std::move(request), changes);
  }
  if (fed) return;
  if (const auto found = live_.find(id); found != live_.end()) {
    finish(*found->second, status::kFailed, refused_workflow_result(fed.error().message()), changes);
  }
}

// Gives the run an event and carries out what follows, and what follows from that. `execution` may be gone afterwards.
// The error is that of the first event: it was refused, and nothing has changed.
Status ExecutionDriver::feed(const std::string& id, workflow::Event::What what, Changes& changes) {
  Live* execution = find_flow(id);
  if (execution == nullptr) return fail(ErrorCode::kNotFound, "there is no workflow of this id under way");
  execution->inbox.push_back(std::move(what));
  // A task that ends while it is started, say: whoever feeds now goes on with it.
  if (execution->feeding) return {};
  execution->feeding = true;
  Status first;
  size_t steps = 0;
  while ((execution = find_flow(id)) != nullptr && !execution->inbox.empty()) {
    const workflow::Event::What next = std::move(execution->inbox.front());
    execution->inbox.pop_front();
    Status stepped = step(*execution, next, changes);
    if (++steps == 1) first = std::move(stepped);
    if (steps < kStepsAtOnceMax || (execution = find_flow(id)) == nullptr) continue;
    execution->inbox.clear();
    if (live_.find(id) == live_.end()) continue;
    finish(*execution, status::kFailed,
           refused_workflow_result(
               "The workflow made " + std::to_string(kStepsAtOnceMax) +
               " steps without an action to wait for. Look for a circle of tasks that have no action."),
           changes);
  }
  if (execution == nullptr) return first;
  execution->feeding = false;
  if (lingering_.find(id) != lingering_.end() && execution->flow->open_actions().empty()) lingering_.erase(id);
  return first;
}

Status ExecutionDriver::step(Live& execution, const workflow::Event::What& what, Changes& changes) {
  SQ_CRASH_POINT("engine.workflow");
  workflow::Event event;
  event.what = what;
  event.at = deps_.clock.now();
  Random::system().fill(&event.seed, sizeof(event.seed));
  auto applied = execution.flow->apply(event);
  if (!applied) {
    log_warning("a workflow refused an event", {{"execution", execution.id}, {"reason", applied.error().to_string()}});
    return fail(applied.error());
  }
  event.answers = std::move(applied->answers);
  const bool secret = std::holds_alternative<workflow::Start>(event.what) &&
                      model::private_state(execution.document, "sealed_parameters").is_string();
  journal_event(changes, execution.id, execution.journaled++, event, deps_.sealer, secret);
  const std::string id = execution.id;
  for (workflow::Command& command : applied->commands) carry_out(id, command, changes);
  return {};
}

void ExecutionDriver::carry_out(const std::string& id, workflow::Command& command, Changes& changes) {
  Live* execution = find_flow(id);
  if (execution == nullptr) return;
  const auto child_of = [&](int64_t number) -> std::string {
    const auto found = execution->actions.find(number);
    return found == execution->actions.end() ? std::string() : found->second;
  };
  if (auto* run = std::get_if<workflow::RunAction>(&command)) {
    start_flow_task(*execution, *run, changes);
  } else if (auto* timer = std::get_if<workflow::StartTimer>(&command)) {
    const Timestamp due = deps_.clock.now() + std::chrono::milliseconds(timer->delay_ms);
    execution->timers[timer->number] = 0;
    changes.put(Collection::kWakeups, timer_id(id, timer->number),
                Value::dict({{"execution", id}, {"number", timer->number}, {"due", format_timestamp(due)}}));
    changes.after_commit([this, id, number = timer->number, due] { arm_flow_timer(id, number, due); });
  } else if (auto* off = std::get_if<workflow::CancelTimer>(&command)) {
    drop_flow_timer(*execution, off->number, changes);
  } else if (auto* stop = std::get_if<workflow::CancelAction>(&command)) {
    const std::string user = execution->document["context"]["cancelled_by"].string();
    if (const std::string child = child_of(stop->number); live_.find(child) != live_.end()) {
      const auto canceled = cancel(child, user.empty() ? options_.user : user, changes);
      if (!canceled)
        log_warning("a task could not be canceled", {{"execution", child}, {"reason", canceled.error().message()}});
    }
  } else if (auto* pause_one = std::get_if<workflow::PauseAction>(&command)) {
    const auto child = live_.find(child_of(pause_one->number));
    if (child != live_.end() && child->second->is_workflow() && child->second->status() == status::kRunning) {
      const auto paused = pause(child->first, options_.user, changes);
      if (!paused) log_warning("a task could not be paused", {{"reason", paused.error().message()}});
    }
  } else if (auto* resume_one = std::get_if<workflow::ResumeAction>(&command)) {
    const auto child = live_.find(child_of(resume_one->number));
    if (child != live_.end() && child->second->is_workflow() && child->second->status() == status::kPaused) {
      const auto resumed = resume(child->first, options_.user, changes);
      if (!resumed) log_warning("a task could not be resumed", {{"reason", resumed.error().message()}});
    }
  } else if (auto* changed = std::get_if<workflow::StatusChanged>(&command)) {
    flow_status_changed(*execution, changed->status, changes);
  } else if (auto* end = std::get_if<workflow::Finish>(&command)) {
    flow_finished(*execution, *end, changes);
  }
}

void ExecutionDriver::flow_status_changed(Live& execution, const std::string& changed, Changes& changes) {
  if (execution.status() == changed || model::is_final(execution.status())) return;
  // A rerun begins with what is to its run a resumption.
  if (changed == status::kResuming && execution.status() == status::kRunning) return;
  model::set_status(execution.document, changed, deps_.clock.now());
  if (changed == status::kPaused) {
    execution.halted = !execution.pause_asked;
    model::set_result(execution.document, Value::dict({{"output", execution.flow->output()}}));
  } else if (changed == status::kResuming || changed == status::kRunning) {
    for (const char* key : {"result", "result_size"}) execution.document.mut_dict().erase(key);
    execution.halted = execution.pause_asked = false;
  }
  const Value document = execution.document;
  if (!save(execution, changes)) return;
  if (changed == status::kPaused) {
    tell_parent(document, changes);
    release(document["action"]["ref"].string(), changes);
  }
  if (changed == status::kRunning) child_resumed(document, changes);
}

Value ExecutionDriver::flow_result(const Live& execution, const workflow::Finish& end) {
  return execution.runner_name() == "orquesta" ? orquesta_result(end)
                                               : workflow::mistral::stackstorm_result(execution.flow->document());
}

void ExecutionDriver::flow_finished(Live& execution, const workflow::Finish& end, Changes& changes) {
  const auto lingering = lingering_.find(execution.id);
  if (lingering == lingering_.end()) {
    finish(execution, end.status, flow_result(execution, end), changes);
    return;
  }
  // A late result of a task added to what is known; the end itself stays as it was.
  Value document = execution.document;
  const Value end_time = document["end_timestamp"];
  const Value elapsed = document["elapsed_seconds"];
  document = finished_document(document, document["status"].string(), flow_result(execution, end), deps_.clock.now());
  document.set("end_timestamp", end_time);
  document.set("elapsed_seconds", elapsed);
  document.mut_dict()["log"].mut_list().pop_back();
  execution.document = document;
  changes.put(Collection::kExecutions, execution.id, document);
}

void ExecutionDriver::start_flow_task(Live& parent, const workflow::RunAction& run, Changes& changes) {
  const std::string parent_id = parent.id;
  if (run.action.empty()) {  // a task without an action
    (void)feed(parent_id, workflow::ActionChanged{run.number, std::string(status::kSucceeded), Value()}, changes);
    return;
  }
  if (!run.input.is_dict() && !run.input.is_null()) {
    (void)feed(
        parent_id,
        workflow::ActionRefused{run.number, "ValueError: The input of the task \"" + run.task +
                                                "\" must be a dict, not " + std::string(run.input.type_name()) + "."},
        changes);
    return;
  }
  const bool orquesta = parent.runner_name() == "orquesta";
  Value place = Value::dict({{"workflow_execution_id", parent.document["context"]["workflow_execution"]}});
  if (orquesta) {
    place.set("task_execution_id", run.task_execution_id);
    place.set("task_name", run.task);
    place.set("task_id", run.task);
    place.set("task_route", run.route);
  } else {
    place.set("task_id", run.task_execution_id);
    place.set("task_name", run.task);
  }
  if (run.item) place.set("item_id", *run.item);
  ExecutionRequest child;
  child.action = run.action;
  child.parameters = run.input;
  if (!orquesta && run.action == "st2.action") {  // what StackStorm rewrote pack actions to
    child.action = run.input["ref"].string();
    child.parameters = run.input["parameters"];
  }
  child.full_schema_errors = false;
  child.user = parent.document["context"]["user"].string();
  child.context = Value::dict({{"parent", parent_context(parent.id, parent.document["context"])},
                               {orquesta ? "orquesta" : "mistral", std::move(place)}});
  child.embedded = Value::dict({{"parent", parent.id}, {model::kTrace, parent.document[model::kTrace]}});
  if (orquesta) {
    child.embedded.set("workflow_execution", parent.document["context"]["workflow_execution"]);
    child.embedded.set("task_execution", run.task_execution_id);
  }
  child.delay_ms = run.delay_ms;
  const Value& notify = parent.document["liveaction"]["notify"];
  if (orquesta ? has_text(parent.runner_parameters["notify"], run.task)
               : !has_text(parent.runner_parameters["skip_notify"], run.task)) {
    child.notify = notify;
  }

  std::string why;
  if (deps_.catalog.action(child.action) == nullptr) {
    why = "InvalidActionReferencedException: Unable to find action \"" + child.action + "\".";
  } else {
    bool rendering_failed = false;
    auto admitted = admit(child, rendering_failed, changes);
    if (admitted) {
      Live& live = **admitted;
      live.number = run.number;
      model::set_private_state(live.document, "number", run.number);
      parent.actions[run.number] = live.id;
      launch(live, child.delay_ms, changes);
      return;
    }
    why = admitted.error().type().empty() ? "ValueError: " + admitted.error().message()
                                          : admitted.error().type() + ": " + admitted.error().message();
  }
  (void)feed(parent_id, workflow::ActionRefused{run.number, why}, changes);
}

void ExecutionDriver::drop_flow_timer(Live& execution, int64_t number, Changes& changes) {
  changes.erase(Collection::kWakeups, timer_id(execution.id, number));
  const auto armed = execution.timers.find(number);
  if (armed == execution.timers.end()) return;
  if (armed->second != 0) deps_.executor.cancel(armed->second);
  execution.timers.erase(armed);
}

void ExecutionDriver::arm_flow_timer(const std::string& id, int64_t number, Timestamp due) {
  Live* execution = find_flow(id);
  if (execution == nullptr || !execution->timers.contains(number)) return;
  const Duration delay = std::max(Duration::zero(), due - deps_.clock.now());
  execution->timers[number] = deps_.executor.post_after(delay, [this, id, number] {
    Live* waiting = find_flow(id);
    if (waiting == nullptr || stopping_) return;
    waiting->timers.erase(number);
    SQ_CRASH_POINT("engine.workflow_timer");
    Changes changes;
    changes.erase(Collection::kWakeups, timer_id(id, number));
    (void)feed(id, workflow::TimerDue{number}, changes);
    deps_.committer.commit(std::move(changes));
  });
}

// The status of a task that is a question or a workflow itself, for whoever waits for it.
void ExecutionDriver::tell_parent(const Value& child, Changes& changes) {
  const auto found = live_.find(child["id"].string_or(""));
  const int64_t number = found != live_.end() ? found->second->number : 0;
  if (number == 0) return child_halted(child, changes);
  (void)feed(child["parent"].string(), workflow::ActionChanged{number, child["status"].string(), child["result"]},
             changes);
}

// A task that was paused by something of its own goes on by itself, and so does the workflow above it.
void ExecutionDriver::child_resumed(const Value& child, Changes& changes) {
  const std::string id = child["id"].string();
  const auto found = live_.find(child["parent"].string_or(""));
  const auto self = live_.find(id);
  if (found == live_.end() || self == live_.end()) return;
  Live& parent = *found->second;
  if (self->second->number != 0) {
    (void)feed(parent.id, workflow::ActionChanged{self->second->number, std::string(status::kRunning), Value()},
               changes);
    return;
  }
  if (parent.run == nullptr || !parent.halted || parent.status() != status::kPaused || parent.child != id) return;
  parent.run->on_task_resumed();
  set_resumed(parent);
  const Value document = parent.document;
  if (save(parent, changes)) child_resumed(document, changes);
}

void ExecutionDriver::flow_task_ended(const Value& child, int64_t number, Changes& changes) {
  const std::string parent_id = child["parent"].string();
  Live* parent = find_flow(parent_id);
  if (parent == nullptr) parent = take_up_lingering(parent_id);
  if (parent == nullptr) return;
  parent->actions.erase(number);
  (void)feed(parent_id, workflow::ActionChanged{number, child["status"].string(), child["result"]}, changes);
}

// A workflow that has ended while tasks of it still ran: their results are recorded, for a later rerun.
ExecutionDriver::Live* ExecutionDriver::take_up_lingering(const std::string& id) {
  auto found = deps_.store.find(Collection::kExecutions, id);
  if (!found || !model::is_final((*found)["status"].string_or(""))) return nullptr;
  auto live = std::make_unique<Live>();
  live->id = id;
  live->document = std::move(*found);
  live->parameters = live->document["parameters"];
  if (!prepare(*live) || !live->is_flow() || !load_begun_flow(*live).is_null()) return nullptr;
  Live* reference = live.get();
  lingering_[id] = std::move(live);
  return reference;
}

Result<Value> ExecutionDriver::request_of_flow(Live& execution, workflow::Event::What what, Changes& changes) {
  const std::string id = execution.id;
  const Value asked = execution.document;
  const size_t before = asked["log"].as_list().size();
  SQ_CHECK(feed(id, std::move(what), changes));
  const Value* put = changes.find(Collection::kExecutions, id);
  const Value last = put != nullptr ? *put : asked;
  if (last["log"].size() <= before) return last;
  // The answer tells what the request changed first: "canceling", though the tasks may have been ended by now.
  Value document = model::at_step(last, before + 1);
  const std::string changed = document["status"].string();
  if (!model::is_final(changed)) {
    for (const char* key : {"end_timestamp", "elapsed_seconds"}) document.mut_dict().erase(key);
    model::set_result(document, changed == status::kCanceling
                                    ? canceled_result(document["context"]["cancelled_by"].string())
                                    : Value::dict({{"output", Value()}}));
  }
  return document;
}

// After a restart: the timers are set again; an action that is open but has no execution cannot come back by itself.
void ExecutionDriver::take_up_flow(Live& execution, Changes& changes) {
  const std::string id = execution.id;
  store::Query query;
  query.filters = {{"execution", store::Compare::kEqual, Value(id)}};
  store::Page wakeups;
  const Status read = deps_.store.read([&](store::ReadTx& tx) -> Status {
    SQ_TRY(wakeups, tx.list(Collection::kWakeups, query));
    return {};
  });
  if (!read) log_error("timers of a workflow cannot be read", {{"execution", id}, {"error", read.error().to_string()}});
  std::set<int64_t> waiting;
  for (const store::Record& record : wakeups.records) {
    const auto due = parse_timestamp(record.document["due"].string_or(""));
    const int64_t number = record.document["number"].int_or(0);
    if (!due || number == 0) continue;
    waiting.insert(number);
    execution.timers[number] = 0;
    changes.after_commit([this, id, number, at = *due] { arm_flow_timer(id, number, at); });
  }
  for (const int64_t number : execution.flow->open_actions()) {
    if (execution.actions.contains(number) || waiting.contains(number)) continue;
    (void)feed(id,
               workflow::ActionChanged{number, std::string(status::kAbandoned),
                                       error_result("The execution of this task is not on record any more.")},
               changes);
    if (find_flow(id) == nullptr) return;
  }
}

}  // namespace squall::engine
