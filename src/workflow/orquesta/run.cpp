#include "workflow/orquesta/conductor.hpp"
#include "workflow/orquesta/orquesta.hpp"

namespace squall::workflow::orquesta {

namespace {

class Run final : public WorkflowRun {
 public:
  Run(std::shared_ptr<const Workflow> workflow, const Environment& environment)
      : conductor_(std::move(workflow), environment) {}

  Result<Applied> apply(const Event& event) override { return conductor_.apply(event); }
  std::string status() const override { return std::string(status_name(conductor_.status())); }
  Value output() const override { return conductor_.output(); }
  Value errors() const override { return Value(conductor_.errors()); }
  uint64_t hash() const override { return conductor_.hash(); }
  Value document() const override { return conductor_.document(); }
  Value task_records() const override { return conductor_.task_records(); }
  std::vector<int64_t> open_actions() const override { return conductor_.open_actions(); }

 private:
  Conductor conductor_;
};

}  // namespace

std::unique_ptr<WorkflowRun> make_run(std::shared_ptr<const Workflow> workflow, Environment environment) {
  return std::make_unique<Run>(std::move(workflow), environment);
}

}  // namespace squall::workflow::orquesta
