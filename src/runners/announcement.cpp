#include "runners/announcement.hpp"

#include <fmt/core.h>

#include "runners/outcome.hpp"

namespace squall::runners {
namespace {

class AnnouncementRunner final : public Runner {
 public:
  AnnouncementRunner(Executor& executor, Publish publish) : executor_(executor), publish_(std::move(publish)) {}

  void start(const ActionRequest& request, StopToken, RunHandlers handlers) override {
    executor_.post([done = std::move(handlers.on_done), outcome = announce(request)] { done(outcome); });
  }
  // Who listens sees it twice, which is better than not at all.
  bool is_idempotent(const ActionRequest&) const override { return true; }
  bool uses_process() const override { return false; }

 private:
  ActionOutcome announce(const ActionRequest& request) const {
    if (!request.runner_parameters["experimental"].truthy())
      return failed_outcome("announcement",
                            fmt::format("Experimental flag is missing for action {}", request.action_ref));
    const Value payload = request.action_parameters.is_dict() ? request.action_parameters : Value::empty_dict();
    publish_(fmt::format("st2.announcement__{}", request.runner_parameters["route"].string_or("general")),
             Value::dict({{"payload", payload}, {"trace_context", request.context["trace_context"]}}));
    Value result = Value::dict({{"output", payload}});
    for (const auto& [name, value] : payload.as_dict()) result.set(name, value);
    return {"succeeded", std::move(result), nullptr};
  }

  Executor& executor_;
  Publish publish_;
};

}  // namespace

std::unique_ptr<Runner> make_announcement_runner(Executor& executor, Publish publish) {
  return std::make_unique<AnnouncementRunner>(executor, std::move(publish));
}

}  // namespace squall::runners
