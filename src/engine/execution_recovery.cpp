// Going on after a restart: what was committed says where every execution stood.
#include "base/log.hpp"
#include "engine/execution_live.hpp"

namespace squall::engine {
namespace {

namespace status = model::status;
using store::Collection;

constexpr std::string_view kAbandonedMessage =
    "squall ended while this action ran, so how far it got is unknown. It is not started again, because its runner "
    "cannot "
    "tell whether that is safe.";

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
  std::vector<store::Record> executions;
  std::map<std::string, Timestamp> due;
  SQ_CHECK(deps_.store.read([&](store::ReadTx& tx) -> Status {
    store::Query query;
    List states;
    for (std::string& name : unfinished_states()) states.emplace_back(std::move(name));
    query.filters = {{"status", store::Compare::kIn, Value(std::move(states))}};
    query.sort = {{"id", false}};
    SQ_TRY(store::Page page, tx.list(Collection::kExecutions, query));
    executions = std::move(page.records);
    SQ_TRY(const store::Page wakeups, tx.list(Collection::kWakeups, {}));
    for (const store::Record& record : wakeups.records) {
      const auto time = parse_timestamp(record.document["due"].string_or(""));
      if (time) due[record.id] = *time;
    }
    return {};
  }));
  if (executions.empty()) return {};
  Changes changes;
  // All first, so that a task finds its chain and a chain its task whatever their order.
  for (const store::Record& record : executions) {
    const Value& sealed = model::private_state(record.document, "sealed_parameters");
    Value parameters = record.document["parameters"];
    if (sealed.is_string()) {
      auto opened = deps_.sealer.unseal(sealed.as_string());
      if (opened) {
        parameters = std::move(*opened);
      } else {
        log_error("secret parameters of an execution are lost",
                  {{"execution", record.id}, {"error", opened.error().to_string()}});
      }
    }
    Live& live = add_live(record.document, parameters.is_dict() ? parameters : Value::empty_dict());
    live.wait_state = model::private_state(record.document, "wait_state");
    live.runner = live.is_chain() ? nullptr : deps_.runners.find(live.runner_name());
    if (live.is_chain() && live.status() != status::kRequested && live.status() != status::kDelayed) {
      if (auto loaded = load_chain(live); !loaded) {
        finish(live, status::kFailed, error_result("The chain cannot be continued: " + loaded.error().to_string()),
               changes);
      }
    }
  }
  for (const store::Record& record : executions) {
    const auto found = live_.find(record.id);
    if (found == live_.end()) continue;
    const auto time = due.find(record.id);
    if (time != due.end()) {
      Live& waiting = *found->second;
      const bool attempt_next = waiting.status() == status::kRunning && waiting.runner != nullptr;
      if (const Status prepared = attempt_next ? prepare(waiting) : Status(); !prepared) {
        finish(waiting, status::kFailed, error_result(prepared.error().to_string()), changes);
      } else {
        changes.after_commit([this, id = record.id, at = time->second] { arm(id, at); });
      }
      continue;
    }
    recover_one(*found->second, changes);
  }
  log_info("unfinished executions taken up again", {{"count", std::to_string(executions.size())}});
  deps_.committer.commit(std::move(changes));
  return {};
}

void ExecutionDriver::recover_one(Live& execution, Changes& changes) {
  if (execution.status() == status::kRequested || execution.status() == status::kScheduled) {
    activate(execution, changes);
    return;
  }
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
