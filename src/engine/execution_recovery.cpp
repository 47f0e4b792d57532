// Going on after a restart: what was committed says where every execution stood.
#include "base/log.hpp"
#include "engine/execution_live.hpp"
#include "value/json.hpp"

namespace squall::engine {
namespace {

namespace status = model::status;
using store::Collection;

constexpr std::string_view kAbandonedMessage =
    "squall ended while this action ran, so how far it got is unknown. It is not started again, because its runner "
    "cannot tell whether that is safe.";

// Executions that one step of recovery reads, or acts upon: some ten milliseconds, in which requests wait.
constexpr size_t kRecoveryStep = 100;
constexpr Duration kRecoveryRetry = std::chrono::seconds(1);

std::vector<std::string> unfinished_states() {
  std::vector<std::string> names;
  for (const std::string_view name :
       {status::kRequested, status::kScheduled, status::kDelayed, status::kRunning, status::kPausing, status::kPaused,
        status::kResuming, status::kPending, status::kCanceling}) {
    names.emplace_back(name);
  }
  return names;
}

}  // namespace

Status ExecutionDriver::recover() {
  SQ_CHECK(deps_.store.read([&](store::ReadTx& tx) -> Status {
    store::Query query;
    List states;
    for (std::string& name : unfinished_states()) states.emplace_back(std::move(name));
    query.filters = {{"status", store::Compare::kIn, Value(std::move(states))}};
    query.sort = {{"id", false}};
    query.ids_only = true;
    SQ_TRY(const store::Page page, tx.list(Collection::kExecutions, query));
    for (const store::Record& record : page.records) unread_.push_back(record.id);
    return {};
  }));
  if (unread_.empty()) return {};
  log_info("unfinished executions are taken up again", {{"count", std::to_string(unread_.size())}});
  post_recovery_step();
  return {};
}

void ExecutionDriver::post_recovery_step() {
  deps_.executor.post([this] { recovery_step(); });
}

// All are read before the first is acted upon, so that a task finds its chain and a chain its task whatever their
// order.
void ExecutionDriver::recovery_step() {
  if (stopping_) return;
  if (!unread_.empty()) {
    if (const Status read = read_back(kRecoveryStep); !read) {
      log_error("unfinished executions cannot be read; it is tried again", {{"error", read.error().to_string()}});
      deps_.executor.post_after(kRecoveryRetry, [this] { recovery_step(); });
      return;
    }
    return post_recovery_step();
  }
  Changes changes;
  for (size_t i = 0; i < kRecoveryStep && !read_back_.empty(); ++i) {
    const std::string id = std::move(read_back_.front());
    read_back_.pop_front();
    // Gone when somebody canceled it meanwhile, or its chain ended in an earlier step.
    if (const auto found = live_.find(id); found != live_.end()) take_up(*found->second, changes);
  }
  if (!changes.empty()) deps_.committer.commit(std::move(changes));
  if (!read_back_.empty()) return post_recovery_step();
  orphans_.clear();  // tasks that outlive their workflows
  log_info("all unfinished executions are taken up", {});
}

void ExecutionDriver::read_back_all() {
  while (!unread_.empty()) {
    const Status read = read_back(unread_.size());
    if (read) continue;
    // The steps go on trying; until then the answer is about those that could be read.
    log_error("unfinished executions cannot be read", {{"error", read.error().to_string()}});
    return;
  }
}

Status ExecutionDriver::read_back(size_t count) {
  count = std::min(count, unread_.size());
  List ids;
  for (size_t i = 0; i < count; ++i) ids.emplace_back(unread_[i]);
  store::Query query;
  query.filters = {{"id", store::Compare::kIn, Value(std::move(ids))}};
  store::Page executions;
  std::map<std::string, Timestamp> due;
  SQ_CHECK(deps_.store.read([&](store::ReadTx& tx) -> Status {
    SQ_TRY(executions, tx.list(Collection::kExecutions, query));
    SQ_TRY(const store::Page wakeups, tx.list(Collection::kWakeups, query));
    for (const store::Record& record : wakeups.records) {
      const auto time = parse_timestamp(record.document["due"].string_or(""));
      if (time) due[record.id] = *time;
    }
    return {};
  }));
  unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(count));
  for (store::Record& record : executions.records) {
    Value parameters = record.document["parameters"];
    if (const Value& sealed = model::private_state(record.document, "sealed_parameters"); sealed.is_string()) {
      auto opened = deps_.sealer.unseal(sealed.as_string());
      if (opened) {
        parameters = std::move(*opened);
      } else {
        log_error("secret parameters of an execution are lost",
                  {{"execution", record.id}, {"error", opened.error().to_string()}});
      }
    }
    Live& live = add_live(std::move(record.document), parameters.is_dict() ? parameters : Value::empty_dict());
    live.wait_state = model::private_state(live.document, "wait_state");
    live.halted = model::private_state(live.document, "halted").bool_or(false);
    live.number = model::private_state(live.document, "number").int_or(0);
    live.runner = live.is_workflow() ? nullptr : deps_.runners.find(live.runner_name());
    if (const auto time = due.find(live.id); time != due.end()) live.due = time->second;
    if (live.is_chain() && live.status() != status::kRequested && live.status() != status::kDelayed) {
      if (auto loaded = load_chain(live); !loaded) live.unloadable = loaded.error();
    }
    if (live.is_flow() && live.status() != status::kRequested && live.status() != status::kDelayed) {
      read_back_flow(live);
    }
    // A workflow is read before or after its tasks.
    if (live.number != 0) {
      Live* parent = find_flow(live.parent());
      (parent != nullptr ? parent->actions : orphans_[live.parent()])[live.number] = live.id;
    }
    if (const auto waiting = orphans_.find(live.id); waiting != orphans_.end()) {
      live.actions.merge(waiting->second);
      orphans_.erase(waiting);
    }
    if (live.status() != status::kRequested && live.status() != status::kDelayed) mark_admitted(live);
    read_back_.push_back(live.id);
  }
  return {};
}

void ExecutionDriver::read_back_flow(Live& execution) {
  if (auto prepared = prepare(execution); !prepared) {
    execution.unloadable = prepared.error();
  } else if (const Value failure = load_begun_flow(execution); !failure.is_null()) {
    const Value& why = failure["error"].is_string() ? failure["error"] : failure["errors"];
    execution.unloadable = Error(ErrorCode::kInvalid, why.is_string() ? why.string() : to_json(why));
  }
}

void ExecutionDriver::take_up(Live& execution, Changes& changes) {
  if (execution.unloadable) {
    finish(execution, status::kFailed,
           error_result("The workflow cannot be continued: " + execution.unloadable->to_string()), changes);
    return;
  }
  if (!execution.due) return recover_one(execution, changes);
  const bool attempt_next = execution.status() == status::kRunning && execution.runner != nullptr;
  if (const Status prepared = attempt_next ? prepare(execution) : Status(); !prepared) {
    finish(execution, status::kFailed, error_result(prepared.error().to_string()), changes);
    return;
  }
  changes.after_commit([this, id = execution.id, at = *execution.due] { arm(id, at); });
}

void ExecutionDriver::recover_one(Live& execution, Changes& changes) {
  // Without a time to wait for, "delayed" is what a policy made of it.
  if (execution.status() == status::kRequested || execution.status() == status::kScheduled ||
      execution.status() == status::kDelayed) {
    activate(execution, changes);
    return;
  }
  if (execution.flow != nullptr) return take_up_flow(execution, changes);
  if (execution.status() == status::kPaused || execution.status() == status::kPending) return;
  if (execution.is_chain()) {
    // A chain between two tasks goes on by itself; one with a living task goes on when that ends.
    if (execution.run != nullptr && live_.find(execution.child) == live_.end()) {
      apply(execution, execution.run->resume(), changes);
    }
    return;
  }
  if (execution.status() == status::kRunning && execution.runner != nullptr &&
      execution.runner->is_idempotent(action_request(execution))) {
    begin_action(execution, changes);
    return;
  }
  finish(execution, execution.status() == status::kCanceling ? status::kCanceled : status::kAbandoned,
         error_result(std::string(kAbandonedMessage)), changes);
}

}  // namespace squall::engine
