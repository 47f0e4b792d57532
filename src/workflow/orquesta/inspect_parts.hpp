// The four inspections. Not for other folders.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workflow/orquesta/graph.hpp"
#include "workflow/orquesta/inspect.hpp"

namespace squall::workflow::orquesta {

inline constexpr std::string_view kTaskSchemaPath = "properties.tasks.patternProperties.^\\w+$";
inline std::string task_path(std::string_view name) { return "tasks." + std::string(name); }

// Orquesta follows tasks without noting which it has queued already, so it visits a task once for each way that leads
// there and repeats what it finds. That is kept up to this many visits a task (on average), and then each task is
// queued once only: with many forks and merges in a row the ways are more than any computer could follow.
inline constexpr size_t kVisitsPerTask = 16;

List inspect_syntax(const WorkflowSpec& spec);
List inspect_semantics(const WorkflowSpec& spec, const Graph& graph);
List inspect_expressions(const WorkflowSpec& spec);
List inspect_context(const WorkflowSpec& spec, const Graph& graph, const std::vector<std::string>& given);

}  // namespace squall::workflow::orquesta
