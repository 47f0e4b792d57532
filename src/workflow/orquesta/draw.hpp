// Pictures of a workflow: for a terminal and as SVG. Pure.
#pragma once

#include <string>

#include "workflow/orquesta/graph.hpp"

namespace squall::workflow::orquesta {

// One paragraph a task: what it runs, what leads on from it and when.
std::string graph_text(const Graph& graph);
// A layered drawing, top to bottom. Full conditions and variables are tooltips. Takes no scripts, fonts or images.
std::string graph_svg(const Graph& graph);

}  // namespace squall::workflow::orquesta
