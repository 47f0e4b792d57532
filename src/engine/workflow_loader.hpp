// Workflow files of packs: parsed, inspected against what is registered, and made into runs.
#pragma once

#include <memory>
#include <string>

#include "engine/catalog.hpp"
#include "value/value.hpp"
#include "workflow/workflow.hpp"

namespace squall::engine {

struct WorkflowSource {
  std::string runner;  // "orquesta" or "mistral-v2"
  std::string file;    // path of the workflow file
  workflow::Environment environment;
  const Catalog* catalog = nullptr;
  Value action;             // the action's ref
  std::string liveaction;   // id
  Value runner_parameters;  // final
  Value action_parameters;  // final: what the workflow is given as inputs
  Value context;            // {"st2": {...}, "parent": {...}}
  Value definition;         // what an earlier load gave: used instead of the files; null: none
};

struct WorkflowLoad {
  std::unique_ptr<workflow::WorkflowRun> run;  // null: it cannot run
  workflow::Start start;
  Value definition;  // all that the run is made from
  Value failure;     // the result of an execution whose workflow cannot run, as StackStorm has it
};

// Never blocks but for reading the file.
WorkflowLoad load_workflow(const WorkflowSource& source);

// Inspection of an Orquesta document as StackStorm shows it: the entries of the language, and "content" entries for
// actions that are not registered and inputs that do not fit them. Empty: nothing is wrong. An error: it is no document
// at all.
Result<List> inspect_workflow(std::string_view text, const Catalog& catalog);

}  // namespace squall::engine
