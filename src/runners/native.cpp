#include "runners/native.hpp"

#include <fmt/core.h>

#include <exception>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "base/log.hpp"
#include "runners/outcome.hpp"
#include "runners/thread_pool.hpp"

namespace squall::runners {

void NativeRegistry::add(NativeAction action) {
  SQ_ASSERT(!action.name.empty() && action.run);
  std::string name = action.name;
  const bool is_new = actions_.emplace(std::move(name), std::move(action)).second;
  SQ_ASSERT(is_new);
}

const NativeAction* NativeRegistry::find(std::string_view name) const {
  const auto found = actions_.find(name);
  return found == actions_.end() ? nullptr : &found->second;
}

std::vector<std::string> NativeRegistry::names() const {
  std::vector<std::string> result;
  for (const auto& [name, action] : actions_) result.push_back(name);
  return result;
}

namespace {

ActionOutcome error_outcome(const Error& error, const StopToken& stop) {
  const std::string code = error.type().empty() ? std::string(error_code_name(error.code())) : error.type();
  Value result = Value::dict({{"error", error.to_string()}, {"code", code}});
  if (error.http_status() != 0) result.set("http_status", error.http_status());
  const bool canceled = error.code() == ErrorCode::kCanceled && stop.stopped();
  return {canceled ? "canceled" : "failed", std::move(result), nullptr};
}

ActionOutcome call_action(const NativeAction& action, const ActionRequest& request, const StopToken& stop,
                          NativeServices& services) {
  if (stop.stopped()) return error_outcome(Error(ErrorCode::kCanceled, "canceled before it started"), stop);
  const auto call = [&]() -> Result<NativeAnswer> {
    try {
      return action.run({request, request.action_parameters, request.wait_state, stop, services});
    } catch (const std::exception& exception) {
      log_error("native action threw", {{"action", action.name}, {"what", exception.what()}});
      return fail(ErrorCode::kInternal, fmt::format("{} failed unexpectedly: {}", action.name, exception.what()));
    }
  };
  Result<NativeAnswer> answer = call();
  if (!answer) return error_outcome(answer.error(), stop);
  if (answer->wait != nullptr) return {"running", std::move(answer->result), std::move(answer->wait)};
  return {answer->failed ? "failed" : "succeeded", std::move(answer->result), nullptr};
}

class NativeRunner final : public Runner {
 public:
  NativeRunner(Executor& executor, const NativeRegistry& registry, NativeServices& services)
      : executor_(executor), registry_(registry), services_(services), pool_(limits::kNativeThreadsMax) {}

  void start(const ActionRequest& request, StopToken stop, RunHandlers handlers) override {
    const NativeAction* action = registry_.find(request.entry_point);
    if (action == nullptr) {
      auto outcome = failed_outcome("native", fmt::format("there is no native action \"{}\"", request.entry_point));
      executor_.post([done = std::move(handlers.on_done), outcome = std::move(outcome)] { done(outcome); });
      return;
    }
    auto work = [this, action, request, stop] { return call_action(*action, request, stop, services_); };
    if (action->runs_inline) {
      executor_.post([done = std::move(handlers.on_done), work = std::move(work)] { done(work()); });
      return;
    }
    pool_.run([this, done = std::move(handlers.on_done), work = std::move(work)] {
      executor_.post([done, outcome = work()] { done(outcome); });
    });
  }

  bool is_idempotent(const ActionRequest& request) const override {
    const NativeAction* action = registry_.find(request.entry_point);
    return action == nullptr || action->idempotent;
  }
  bool uses_process() const override { return false; }
  std::vector<std::string> configs_needed(std::string_view entry_point) const override {
    const NativeAction* action = registry_.find(entry_point);
    return action == nullptr ? std::vector<std::string>() : action->configs;
  }

 private:
  Executor& executor_;
  const NativeRegistry& registry_;
  NativeServices& services_;
  ThreadPool pool_;
};

}  // namespace

std::unique_ptr<Runner> make_native_runner(Executor& executor, const NativeRegistry& registry,
                                           NativeServices& services) {
  return std::make_unique<NativeRunner>(executor, registry, services);
}

}  // namespace squall::runners
