#include "workflow/orquesta/graph.hpp"

#include <algorithm>
#include <array>

namespace squall::workflow::orquesta {

namespace {

constexpr std::array<std::string_view, 3> kCommands = {"continue", "noop", "fail"};

// What `do: retry` makes of the task that says so.
RetrySpec retry_by_command(const Value& condition) {
  return {condition.is_null() ? Value("<% completed() %>") : condition, Value(3), Value()};
}

struct Target {
  const std::string* name;
  const Transition* transition;
  uint32_t ref;
};

std::vector<Target> sorted_targets(const TaskSpec& task) {
  std::vector<Target> targets;
  for (uint32_t ref = 0; ref < task.next.size(); ++ref) {
    for (const std::string& name : task.next[ref].targets) targets.push_back({&name, &task.next[ref], ref});
  }
  std::stable_sort(targets.begin(), targets.end(), [](const Target& a, const Target& b) { return *a.name < *b.name; });
  return targets;
}

}  // namespace

Graph::Graph(const WorkflowSpec& spec) : spec_(spec) {
  const size_t tasks = spec.tasks().size();
  nodes_.resize(tasks + kCommands.size());
  for (size_t i = 0; i < tasks; ++i) {
    const TaskSpec& task = spec.tasks()[i];
    Node& node = nodes_[i];
    node.name = task.name;
    node.task = &task;
    node.retry = task.retry;
    if (task.is_join()) node.barrier = task.join == Value("all") ? Value("*") : task.join;
  }
  for (size_t i = 0; i < kCommands.size(); ++i) nodes_[tasks + i].name = kCommands[i];
  std::vector<uint32_t> ways(nodes_.size(), 0);
  for (uint32_t from = 0; from < tasks; ++from) {
    add_edges(from);
    for (const Transition& transition : spec.tasks()[from].next) {
      for (const std::string& name : transition.targets) {
        if (const auto to = find(name)) ++ways[*to];
      }
    }
  }
  for (uint32_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    node.split = !node.is_barrier() && ways[i] > 1;
    if (node.in.empty() && node.task != nullptr) roots_.push_back(i);
    for (const uint32_t edge : node.in) node.sources.push_back(edges_[edge].from);
    std::sort(node.sources.begin(), node.sources.end());
    node.sources.erase(std::unique(node.sources.begin(), node.sources.end()), node.sources.end());
  }
  std::sort(roots_.begin(), roots_.end(), [this](uint32_t a, uint32_t b) { return nodes_[a].name < nodes_[b].name; });
  find_reachable();
  find_cycles();
}

std::optional<uint32_t> Graph::find(std::string_view name) const {
  if (const auto index = spec_.index_of(name)) return static_cast<uint32_t>(*index);
  for (size_t i = 0; i < kCommands.size(); ++i) {
    if (kCommands[i] == name) return static_cast<uint32_t>(spec_.tasks().size() + i);
  }
  return std::nullopt;
}

void Graph::add_edges(uint32_t from) {
  Node& source = nodes_[from];
  const std::vector<Target> targets = sorted_targets(*source.task);
  size_t first_of_target = edges_.size();
  for (size_t i = 0; i < targets.size(); ++i) {
    const Target& target = targets[i];
    if (*target.name == "retry") {
      source.retry = retry_by_command(target.transition->when);
      continue;
    }
    if (i == 0 || *targets[i - 1].name != *target.name) first_of_target = edges_.size();
    const auto to = find(*target.name);
    if (!to) continue;
    // The same target named twice by one transition is one edge.
    if (edges_.size() > first_of_target && edges_.back().ref == target.ref) continue;
    Edge edge;
    edge.from = from;
    edge.to = *to;
    edge.key = static_cast<uint32_t>(edges_.size() - first_of_target);
    edge.ref = target.ref;
    edge.criteria = target.transition->when;
    edge.id = *target.name + "__t" + std::to_string(edge.key);
    edge.back = source.name + "__t" + std::to_string(edge.key);
    source.out.push_back(static_cast<uint32_t>(edges_.size()));
    nodes_[*to].in.push_back(static_cast<uint32_t>(edges_.size()));
    edges_.push_back(std::move(edge));
  }
}

void Graph::find_reachable() {
  std::vector<uint32_t> open = roots_;
  for (const uint32_t root : roots_) nodes_[root].reachable = true;
  while (!open.empty()) {
    const uint32_t at = open.back();
    open.pop_back();
    for (const uint32_t edge : nodes_[at].out) {
      Node& next = nodes_[edges_[edge].to];
      if (next.reachable) continue;
      next.reachable = true;
      open.push_back(edges_[edge].to);
    }
  }
}

// Tarjan's strongly connected components without recursion: a workflow may be one chain of thousands of tasks.
void Graph::find_cycles() {
  constexpr uint32_t kNew = UINT32_MAX;
  const size_t count = nodes_.size();
  std::vector<uint32_t> order(count, kNew), low(count, 0), next_edge(count, 0), stack, path;
  std::vector<bool> on_stack(count, false);
  uint32_t counter = 0;
  for (uint32_t start = 0; start < count; ++start) {
    if (order[start] != kNew) continue;
    path.push_back(start);
    while (!path.empty()) {
      const uint32_t at = path.back();
      if (order[at] == kNew) {
        order[at] = low[at] = counter++;
        stack.push_back(at);
        on_stack[at] = true;
      }
      if (next_edge[at] < nodes_[at].out.size()) {
        const uint32_t to = edges_[nodes_[at].out[next_edge[at]++]].to;
        if (to == at) nodes_[at].in_cycle = true;
        if (order[to] == kNew) {
          path.push_back(to);
        } else if (on_stack[to]) {
          low[at] = std::min(low[at], order[to]);
        }
        continue;
      }
      path.pop_back();
      if (!path.empty()) low[path.back()] = std::min(low[path.back()], low[at]);
      if (low[at] != order[at]) continue;
      const bool alone = stack.back() == at;
      for (;;) {
        const uint32_t member = stack.back();
        stack.pop_back();
        on_stack[member] = false;
        if (!alone) nodes_[member].in_cycle = true;
        if (member == at) break;
      }
    }
  }
}

Value Graph::document() const {
  List nodes;
  List adjacency;
  for (const Node& node : nodes_) {
    if (!node.reachable) continue;
    Value shown = Value::dict({{"id", node.name}});
    if (node.is_barrier()) shown.set("barrier", node.barrier);
    if (node.retry) {
      shown.set("retry",
                Value::dict({{"when", node.retry->when}, {"count", node.retry->count}, {"delay", node.retry->delay}}));
    }
    nodes.push_back(std::move(shown));
    List ways;
    for (const uint32_t index : node.out) {
      const Edge& edge = edges_[index];
      ways.push_back(
          Value::dict({{"criteria", edge.criteria.is_null() ? Value::empty_list() : Value::list({edge.criteria})},
                       {"ref", static_cast<int64_t>(edge.ref)},
                       {"id", nodes_[edge.to].name},
                       {"key", static_cast<int64_t>(edge.key)}}));
    }
    adjacency.push_back(Value(std::move(ways)));
  }
  return Value::dict({{"directed", true},
                      {"multigraph", true},
                      {"graph", Value::empty_list()},
                      {"nodes", Value(std::move(nodes))},
                      {"adjacency", Value(std::move(adjacency))}});
}

}  // namespace squall::workflow::orquesta
