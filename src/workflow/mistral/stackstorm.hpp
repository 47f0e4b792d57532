// StackStorm's mistral-v2 actions: what its runner did with an action's file before and after Mistral ran it
// (mistral.md section 10). Pure; files and registered actions are looked up by the caller.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "workflow/mistral/library.hpp"

namespace squall::workflow::mistral {

struct ActionParameters {
  std::set<std::string> known, required;  // required: without a default
};

struct StackStormAction {
  std::string ref;         // "pack.action"
  std::string text, file;  // its entry point
  std::string workflow;    // the runner's parameter `workflow`: the one of a workbook to start
  // Parameters of a registered action; nothing when there is none of that name. Optional.
  std::function<std::optional<ActionParameters>(std::string_view ref)> find_action;
  // The entry point of another mistral-v2 action, for `workflow:` tasks that name it. Optional.
  std::function<std::optional<std::string>(std::string_view ref)> find_workflow;
};

struct Prepared {
  std::shared_ptr<const Library> library;
  std::string workflow;  // for make_run()
};

// Reads and checks the action's file, and those that its tasks lead to. type() of an error is
// "WorkflowDefinitionException" for StackStorm's own checks, else that of Library::upload().
Result<Prepared> prepare(const StackStormAction& action);

// Members of the environment that StackStorm started every workflow with.
Value stackstorm_environment(std::string_view execution_id, std::string_view liveaction_id, std::string_view api_url);

// The execution's result: the workflow's output at the top, `tasks`, and `extra` with Mistral's own state. `document`
// is WorkflowRun::document().
Value stackstorm_result(const Value& document);

}  // namespace squall::workflow::mistral
