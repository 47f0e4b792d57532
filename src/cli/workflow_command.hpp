// `squall workflow run|inspect|graph`: workflow documents without a server and without their actions.
#pragma once

#include <string>
#include <vector>

namespace squall::cli {

struct WorkflowArguments {
  std::string file;                 // "-": standard input
  std::vector<std::string> inputs;  // "name=value"; a value is JSON if it can be, else text
  std::string results;              // YAML or JSON file with what the actions return; empty: all succeed with null
  std::string order = "fifo";       // which action ends next: fifo, lifo, random
  unsigned seed = 0;                // of random
  std::string format = "text";      // run and inspect: text, json; graph: text, svg
};

// Plays a workflow with scripted actions and prints each of them and the outcome. Results, as in StackStorm's own
// tests:
// {"task": [{"status": ..., "result": ..., "item_id": ...}, ...], "task*": {...}, "*": {...}}; a list serves one run of
// an action after the other, the form with `*` all that are left. Exit code: 0 when the workflow succeeded, 1 when not
// (or inspection found something), 2 for wrong arguments.
int run_workflow(const WorkflowArguments& arguments);
// Prints what inspection finds, with line and column. Exit code: 0 when that is nothing, else 1; 2 for wrong arguments.
int inspect_workflow(const WorkflowArguments& arguments);
// Prints the graph. Exit code: 0; 1 when the document cannot be read; 2 for wrong arguments.
int draw_workflow(const WorkflowArguments& arguments);

}  // namespace squall::cli
