#include "runners/inquirer.hpp"

namespace squall::runners {
namespace {

class InquirerRunner final : public Runner {
 public:
  explicit InquirerRunner(Executor& executor) : executor_(executor) {}

  void start(const ActionRequest& request, StopToken, RunHandlers handlers) override {
    Value question = Value::empty_dict();
    for (const char* name : {"schema", "roles", "users", "route", "ttl"}) {
      question.set(name, request.runner_parameters[name]);
    }
    executor_.post([done = std::move(handlers.on_done), question = std::move(question)] {
      done({"pending", question, nullptr});
    });
  }
  bool is_idempotent(const ActionRequest&) const override { return true; }
  bool uses_process() const override { return false; }

 private:
  Executor& executor_;
};

}  // namespace

std::unique_ptr<Runner> make_inquirer_runner(Executor& executor) { return std::make_unique<InquirerRunner>(executor); }

}  // namespace squall::runners
