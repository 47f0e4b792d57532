// Mistral v2 workflows as a pure core (docs/reference/mistral.md): direct and reverse workflows with everything below
// them - sub-workflows run inside the same run - behind the interface of workflow.hpp.
//
// Start::context has {"params": {...}}, Mistral's start parameters: env (a dict, or the name of an environment of the
// library), evaluate_env, task_name (the target of a reverse workflow). All the rest of it is left alone.
//
// Actions that are neither ad-hoc nor among the std.* that need nothing from outside are the driver's: it gets their
// RunAction, std.http and std.async_noop (which ends when somebody reports its end) included, and answers
// ActionRefused when there is no such action or its input is wrong; that fails the whole workflow, past any on-error.
#pragma once

#include <memory>
#include <string_view>

#include "workflow/mistral/library.hpp"
#include "workflow/workflow.hpp"

namespace squall::workflow::mistral {

// Inside one event at most this many steps are made at once; what is left goes on with a timer of 0 ms, so that a
// workflow that goes round in circles without ever waiting stops nobody else.
inline constexpr size_t kStepsPerEventMax = 2000;
// The story of a failure repeats those of the workflows inside: longer ones are cut.
inline constexpr size_t kFailureBytesMax = 64u << 10;
// Workflows in workflows.
inline constexpr size_t kSubWorkflowDepthMax = 100;

// kNotFound when the library has no workflow of that name.
Result<std::unique_ptr<WorkflowRun>> make_run(std::shared_ptr<const Library> library, std::string_view workflow,
                                              Environment environment = {});

}  // namespace squall::workflow::mistral
