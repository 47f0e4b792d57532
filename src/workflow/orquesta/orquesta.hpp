// A workflow document that is ready to run, and its runs.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "workflow/orquesta/graph.hpp"
#include "workflow/orquesta/model.hpp"
#include "workflow/workflow.hpp"

namespace squall::workflow::orquesta {

// Immutable, shared by its runs.
struct Workflow {
  explicit Workflow(WorkflowSpec parsed) : spec(std::move(parsed)), graph(spec) {}
  Workflow(const Workflow&) = delete;
  Workflow& operator=(const Workflow&) = delete;

  const WorkflowSpec spec;
  const Graph graph;
};

// A run that waits for its Start. The document should have passed inspection: what that would have found makes the run
// fail or go astray, though never crash.
std::unique_ptr<WorkflowRun> make_run(std::shared_ptr<const Workflow> workflow, Environment environment);

}  // namespace squall::workflow::orquesta
