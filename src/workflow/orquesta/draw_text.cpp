#include <algorithm>

#include "base/strings.hpp"
#include "value/json.hpp"
#include "workflow/orquesta/draw.hpp"

namespace squall::workflow::orquesta {

namespace {

std::string shown(const Value& value) { return value.is_string() ? value.string() : to_json(value); }

std::string heading(const Node& node) {
  std::string line = node.name;
  if (node.task == nullptr) return line;
  line += node.task->action.is_null() ? "  (no action)" : "  " + shown(node.task->action);
  if (node.barrier == Value("*")) line += "  [join all]";
  if (node.barrier.is_int()) line += "  [join " + std::to_string(node.barrier.int_or(0)) + "]";
  if (node.split && !node.in_cycle) line += "  [runs once for each way that leads here]";
  if (node.in_cycle) line += "  [in a cycle]";
  if (node.task->items) line += "  [with items " + node.task->items->expression + "]";
  if (node.retry) line += "  [retry " + shown(node.retry->count) + "]";
  if (node.task->delay.truthy()) line += "  [delay " + shown(node.task->delay) + "]";
  return line;
}

std::string way(const Transition& transition) {
  std::string line = "  ";
  line += transition.when.is_null() ? "always" : "when " + shown(transition.when);
  line += "  ->  " + join(transition.targets, ", ") + "\n";
  for (const auto& [name, value] : transition.publish) line += "    publish " + name + ": " + shown(value) + "\n";
  return line;
}

}  // namespace

std::string graph_text(const Graph& graph) {
  std::vector<std::string> starts;
  for (const uint32_t root : graph.roots()) starts.push_back(graph.node(root).name);
  std::string text = "start  ->  " + join(starts, ", ") + "\n";
  for (const Node& node : graph.nodes()) {
    if (node.task == nullptr) continue;
    text += "\n" + heading(node) + (node.reachable ? "" : "  [never reached]") + "\n";
    for (const Transition& transition : node.task->next) text += way(transition);
    if (node.task->next.empty()) text += "  end\n";
  }
  return text;
}

}  // namespace squall::workflow::orquesta
