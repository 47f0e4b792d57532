// What the meaning of a document forbids: reserved names, no start, undefined tasks, joins that cannot be reached.
#include <algorithm>
#include <deque>
#include <string>

#include "workflow/orquesta/graph.hpp"
#include "workflow/orquesta/inspect_parts.hpp"

namespace squall::workflow::orquesta {

namespace {

Value entry(std::string message, std::string spec_path, std::string schema_path) {
  return Value::dict(
      {{"message", std::move(message)}, {"spec_path", std::move(spec_path)}, {"schema_path", std::move(schema_path)}});
}

Value task_entry(std::string message, const TaskSpec& task) {
  return entry(std::move(message), task_path(task.name), std::string(kTaskSchemaPath));
}

// --- Undefined tasks

void find_undefined(const WorkflowSpec& spec, const Graph& graph, List& found) {
  const size_t visits_max = kVisitsPerTask * spec.tasks().size() + kVisitsPerTask;
  std::vector<bool> visited(spec.tasks().size(), false), queued(spec.tasks().size(), false);
  std::deque<uint32_t> open(graph.roots().begin(), graph.roots().end());
  size_t visits = 0;
  while (!open.empty()) {
    const uint32_t at = open.front();
    open.pop_front();
    visited[at] = true;
    ++visits;
    const TaskSpec& task = spec.tasks()[at];
    for (size_t i = 0; i < task.next.size(); ++i) {
      for (const std::string& name : task.next[i].targets) {
        const auto next = spec.index_of(name);
        if (is_reserved(name)) continue;
        if (!next) {
          found.push_back(entry("The task \"" + name + "\" is not defined.",
                                task_path(task.name) + ".next[" + std::to_string(i) + "].do",
                                std::string(kTaskSchemaPath) + ".properties.next.items.properties.do"));
        } else if (!visited[*next] && (visits < visits_max || !queued[*next])) {
          queued[*next] = true;
          open.push_back(static_cast<uint32_t>(*next));
        }
      }
    }
  }
}

// --- Unreachable joins

// A set of the split tasks that a way went through.
class Splits {
 public:
  bool add(uint32_t bit) {
    if (words_.size() <= bit / 64) words_.resize(bit / 64 + 1, 0);
    const uint64_t mask = uint64_t{1} << (bit % 64);
    const bool is_new = (words_[bit / 64] & mask) == 0;
    words_[bit / 64] |= mask;
    return is_new;
  }
  bool has_all_of(const Splits& other) const {
    for (size_t i = 0; i < other.words_.size(); ++i) {
      if ((other.words_[i] & ~(i < words_.size() ? words_[i] : 0)) != 0) return false;
    }
    return true;
  }
  void add_all(const Splits& other) {
    if (words_.size() < other.words_.size()) words_.resize(other.words_.size(), 0);
    for (size_t i = 0; i < other.words_.size(); ++i) words_[i] |= other.words_[i];
  }
  bool operator==(const Splits& other) const { return has_all_of(other) && other.has_all_of(*this); }

 private:
  std::vector<uint64_t> words_;
};

struct Visited {
  bool yes = false;
  Splits splits;               // of all ways that lead here
  std::vector<uint32_t> prev;  // tasks that queued this one
};

struct Visit {
  uint32_t prev;  // kNobody for a start task
  uint32_t task;
  Splits splits;
};

constexpr uint32_t kNobody = UINT32_MAX;

// Follows all ways from the start. A way that adds no split to a task is not followed again: it could add none further
// on either. Tasks of a cycle are only queued until the first visit.
std::vector<Visited> follow_all_ways(const WorkflowSpec& spec, const Graph& graph) {
  std::vector<Visited> visited(graph.nodes().size());
  std::vector<uint32_t> split_bit(graph.nodes().size(), 0);
  uint32_t bits = 0;
  for (uint32_t i = 0; i < graph.nodes().size(); ++i) {
    if (graph.node(i).split) split_bit[i] = bits++;
  }
  std::deque<Visit> open;
  for (const uint32_t root : graph.roots()) open.push_back({kNobody, root, {}});
  while (!open.empty()) {
    Visit visit = std::move(open.front());
    open.pop_front();
    const Node& node = graph.node(visit.task);
    Visited& here = visited[visit.task];
    if (node.split && !node.in_cycle) visit.splits.add(split_bit[visit.task]);
    if (visit.prev != kNobody && std::find(here.prev.begin(), here.prev.end(), visit.prev) == here.prev.end()) {
      here.prev.push_back(visit.prev);
    }
    if (here.yes && here.splits.has_all_of(visit.splits)) continue;
    here.yes = true;
    here.splits.add_all(visit.splits);
    for (const uint32_t index : node.out) {
      const uint32_t to = graph.edge(index).to;
      if (to >= spec.tasks().size()) continue;
      if (!visited[to].yes || !graph.node(to).in_cycle) open.push_back({visit.task, to, visit.splits});
    }
  }
  return visited;
}

void find_unreachable(const WorkflowSpec& spec, const Graph& graph, List& found) {
  // Without a split all sets are empty and every join is reachable.
  const bool any_split = std::any_of(graph.nodes().begin(), graph.nodes().end(),
                                     [](const Node& node) { return node.split && node.task != nullptr; });
  if (!any_split) return;
  const std::vector<Visited> visited = follow_all_ways(spec, graph);
  for (uint32_t i = 0; i < spec.tasks().size(); ++i) {
    const Visited& here = visited[i];
    if (!here.yes || !spec.tasks()[i].is_join()) continue;
    const bool reachable = std::all_of(here.prev.begin(), here.prev.end(),
                                       [&](uint32_t prev) { return visited[prev].splits == here.splits; });
    if (reachable) continue;
    found.push_back(
        task_entry("The join task \"" + spec.tasks()[i].name +
                       "\" is unreachable. A join task is determined to be unreachable if there are nested "
                       "forks from multi-referenced tasks that join on the said task. This is ambiguous to "
                       "the workflow engine because it does not know at which level should the join occurs.",
                   spec.tasks()[i]));
  }
}

}  // namespace

List inspect_semantics(const WorkflowSpec& spec, const Graph& graph) {
  List found;
  if (spec.tasks().empty()) return found;
  for (const TaskSpec& task : spec.tasks()) {
    if (!is_reserved(task.name)) continue;
    found.push_back(task_entry("The task name \"" + task.name + "\" is reserved with special function.", task));
  }
  if (graph.roots().empty()) {
    found.push_back(
        entry("Unable to identify any tasks to start the workflow. If the workflow has a loop, please add a "
              "task that serves as an entry point (or lead) into the loop.",
              "tasks", "properties.tasks"));
  }
  find_undefined(spec, graph, found);
  find_unreachable(spec, graph, found);
  for (const TaskSpec& task : spec.tasks()) {
    if (!task.items || task.action.truthy()) continue;
    found.push_back(task_entry("The action property is required for with items task.", task));
  }
  return found;
}

}  // namespace squall::workflow::orquesta
