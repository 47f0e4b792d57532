// Cancel, pause and resume (stackstorm-features.md F-6, F-7).
#include "engine/execution_live.hpp"

namespace squall::engine {
namespace {

namespace status = model::status;

}  // namespace

bool ExecutionDriver::asks(const std::string& id) const {
  const auto found = live_.find(id);
  return found != live_.end() && found->second->status() == status::kPending;
}

Result<Value> ExecutionDriver::cancel(const std::string& id, const std::string& user, Changes& changes) {
  read_back_all();
  const auto found = live_.find(id);
  if (found == live_.end()) return fail(ErrorCode::kInvalid, "Action is already in completed state or unknown.");
  Live& execution = *found->second;
  if (execution.status() == status::kCanceling) return execution.document;
  // Unlike StackStorm's, a question can be withdrawn when nobody above it waits for the answer any more.
  if (!model::is_cancelable(execution.status()) && execution.status() != status::kPending) {
    return fail(ErrorCode::kInvalid,
                "Unable to cancel execution in \"" + std::string(execution.status()) + "\" state.");
  }
  execution.document.mut_dict()["context"].set("cancelled_by", user);
  if (execution.flow != nullptr) return request_of_flow(execution, workflow::CancelRequest{}, changes);
  const Value result = canceled_result(user);
  const bool chain_at_work = execution.run != nullptr && !execution.child.empty() && !asks(execution.child);
  if (!chain_at_work) {
    Value document = execution.document;
    const std::string question = execution.child;
    finish(execution, status::kCanceled, result, changes);
    if (const auto asked = live_.find(question); asked != live_.end()) finish_canceled(*asked->second, changes);
    model::set_finished(document, status::kCanceled, result, deps_.clock.now());
    return document;
  }
  model::set_status(execution.document, status::kCanceling, deps_.clock.now());
  const Value document = execution.document;
  const std::string child = execution.child;
  if (!save(execution, changes)) return document;
  // The task goes first; its end ends the chain.
  SQ_TRY([[maybe_unused]] const Value ended, cancel(child, user, changes));
  return document;
}

Result<Value> ExecutionDriver::pause(const std::string& id, const std::string& user, Changes& changes) {
  read_back_all();
  const auto found = live_.find(id);
  if (found == live_.end()) {
    return fail(ErrorCode::kInvalid, "Unable to pause: the execution is completed or unknown.");
  }
  Live& execution = *found->second;
  if (!execution.is_workflow()) {
    return fail(ErrorCode::kInvalid,
                "The runner of this execution (" + execution.runner_name() + ") does not support pause.");
  }
  if (execution.status() == status::kPausing || execution.status() == status::kPaused) return execution.document;
  if (execution.status() != status::kRunning) {
    return fail(ErrorCode::kInvalid, "Unable to pause execution \"" + id + "\" because its status is \"" +
                                         std::string(execution.status()) + "\", not \"running\".");
  }
  execution.document.mut_dict()["context"].set("paused_by", user);
  execution.pause_asked = true;
  if (execution.flow != nullptr) return request_of_flow(execution, workflow::PauseRequest{}, changes);
  model::set_status(execution.document, status::kPausing, deps_.clock.now());
  const Value document = execution.document;
  if (!save(execution, changes)) return document;
  // A chain below is paused too; other tasks run to their end.
  const auto child = live_.find(execution.child);
  if (child != live_.end() && child->second->is_workflow() && child->second->status() == status::kRunning) {
    SQ_TRY([[maybe_unused]] const Value paused, pause(child->first, user, changes));
  }
  return document;
}

Result<Value> ExecutionDriver::resume(const std::string& id, const std::string& user, Changes& changes) {
  read_back_all();
  const auto found = live_.find(id);
  if (found == live_.end()) {
    return fail(ErrorCode::kInvalid, "Unable to resume: the execution is completed or unknown.");
  }
  Live& execution = *found->second;
  if (execution.status() == status::kRunning) return execution.document;
  if (asks(execution.child)) {
    return fail(ErrorCode::kInvalid, "Unable to resume execution \"" + id +
                                         "\": it waits for an answer to the inquiry \"" + execution.child + "\".");
  }
  if (execution.status() == status::kPaused && execution.flow != nullptr) {
    execution.document.mut_dict()["context"].set("resumed_by", user);
    return request_of_flow(execution, workflow::ResumeRequest{}, changes);
  }
  if (execution.status() != status::kPaused || execution.run == nullptr) {
    return fail(ErrorCode::kInvalid, "Unable to resume execution \"" + id + "\" because its status is \"" +
                                         std::string(execution.status()) + "\", not \"paused\".");
  }
  execution.document.mut_dict()["context"].set("resumed_by", user);
  if (execution.halted) execution.run->on_task_resumed();
  set_resumed(execution);
  const Value document = model::at_step(execution.document, execution.document["log"].size() - 1);  // "resuming"
  if (!save(execution, changes)) return document;
  const auto child = live_.find(execution.child);
  if (child != live_.end() && child->second->status() == status::kPaused) {
    SQ_TRY([[maybe_unused]] const Value resumed, resume(child->first, user, changes));
  } else if (child == live_.end()) {
    apply(execution, execution.run->resume(), changes);
  }
  return document;
}

}  // namespace squall::engine
