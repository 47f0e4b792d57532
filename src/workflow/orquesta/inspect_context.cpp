// Variables that are used before anything assigns them. Follows the tasks from the start with a set of the names that
// are known on each way.
#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "expr/workflow_text.hpp"
#include "workflow/orquesta/graph.hpp"
#include "workflow/orquesta/inline_params.hpp"
#include "workflow/orquesta/inspect_parts.hpp"

namespace squall::workflow::orquesta {

namespace {

// A set of names, shared by the ways that know the same ones. Sorted.
using Names = std::shared_ptr<const std::vector<uint32_t>>;

Names united(const Names& a, const std::vector<uint32_t>& b) {
  if (std::includes(a->begin(), a->end(), b.begin(), b.end())) return a;
  std::vector<uint32_t> all;
  std::set_union(a->begin(), a->end(), b.begin(), b.end(), std::back_inserter(all));
  return std::make_shared<const std::vector<uint32_t>>(std::move(all));
}

struct Use {
  expr::VariableReference reference;
  uint32_t name = 0;
  std::string spec_path;
  std::string schema_path;
};

// Uses and assignments of one member, in the order in which Orquesta looks at them.
struct Step {
  std::vector<Use> uses;
  std::vector<uint32_t> assigned;  // after the uses
};
using Steps = std::vector<Step>;

class Inspector {
 public:
  Inspector(const WorkflowSpec& spec, const Graph& graph, const std::vector<std::string>& given)
      : spec_(spec), graph_(graph) {
    for (const std::string& name : given) rolling_.push_back(number(name));
    normalise(rolling_);
  }

  List run() {
    follow(document_steps("input"));
    follow(document_steps("vars"));
    follow_tasks();
    follow(document_steps("output"));
    std::stable_sort(entries_.begin(), entries_.end(), [](const Value& a, const Value& b) {
      return a["spec_path"].string_or("") < b["spec_path"].string_or("");
    });
    return std::move(entries_);
  }

 private:
  uint32_t number(const std::string& name) {
    return numbers_.emplace(name, static_cast<uint32_t>(numbers_.size())).first->second;
  }
  static void normalise(std::vector<uint32_t>& names) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
  }

  // --- From the document to steps

  Step step_of(const Value& value, const std::string& spec_path, const std::string& schema_path, bool assigns) {
    Step step;
    for (expr::VariableReference& reference : expr::workflow_variables(value)) {
      const uint32_t name = number(reference.name);
      step.uses.push_back({std::move(reference), name, spec_path, schema_path});
    }
    if (!assigns) return step;
    if (value.is_string()) step.assigned.push_back(number(value.string()));
    if (value.is_dict()) {
      for (const auto& [name, unused] : value.as_dict()) step.assigned.push_back(number(name));
    }
    normalise(step.assigned);
    return step;
  }

  // A text with inline parameters counts as the list of these; the items of a list are looked at one by one.
  void add_steps(const Value& given, const std::string& spec_path, const std::string& schema_path, bool assigns,
                 Steps& steps) {
    if (!given.truthy()) return;
    Value value = given;
    if (given.is_string()) {
      const auto parameters = parse_inline_params(given.as_string());
      if (!parameters.empty()) value = Value::empty_list();
      for (const auto& [name, parameter] : parameters) value.push_back(Value::dict({{name, parameter}}));
    }
    if (!value.is_list()) {
      Step step = step_of(value, spec_path, schema_path, assigns);
      if (!step.uses.empty() || !step.assigned.empty()) steps.push_back(std::move(step));
      return;
    }
    for (size_t i = 0; i < value.size(); ++i) {
      Step step = step_of(value[i], spec_path + "[" + std::to_string(i) + "]", schema_path, assigns);
      if (!step.uses.empty() || !step.assigned.empty()) steps.push_back(std::move(step));
    }
  }

  Steps document_steps(const std::string& name) {
    Steps steps;
    add_steps(spec_.document()[name], name, "properties." + name, true, steps);
    return steps;
  }

  struct TaskSteps {
    bool made = false;
    Steps own;
    std::vector<Steps> next;  // one for each transition
  };

  const TaskSteps& steps_of(uint32_t index) {
    TaskSteps& steps = task_steps_[index];
    if (steps.made) return steps;
    steps.made = true;
    const TaskSpec& task = spec_.tasks()[index];
    const std::string path = task_path(task.name);
    const std::string schema(kTaskSchemaPath);
    add_steps(task.document["delay"], path + ".delay", schema + ".properties.delay", false, steps.own);
    const Value& with = task.document["with"];
    for (const std::string name : {"items", "concurrency"}) {
      add_steps(with[name], path + ".with." + name, schema + ".properties.with.properties." + name, false, steps.own);
    }
    for (const std::string name : {"action", "input"}) {
      add_steps(task.document[name], path + "." + name, schema + ".properties." + name, false, steps.own);
    }
    for (size_t i = 0; i < task.next.size(); ++i) {
      Steps& next = steps.next.emplace_back();
      const std::string next_path = path + ".next[" + std::to_string(i) + "].";
      for (const std::string name : {"when", "publish", "do"}) {
        add_steps(task.next[i].document[name], next_path + name, schema + ".properties.next.items.properties." + name,
                  name == "publish", next);
      }
    }
    return steps;
  }

  // --- Following them

  void report(const Use& use, const std::string& message) {
    entries_.push_back(Value::dict({{"type", use.reference.language},
                                    {"expression", use.reference.expression},
                                    {"message", message},
                                    {"spec_path", use.spec_path},
                                    {"schema_path", use.schema_path}}));
  }

  Names follow(const Steps& steps, Names known) {
    for (const Step& step : steps) {
      for (const Use& use : step.uses) {
        if (use.reference.name.starts_with("__")) {
          report(use, "Variable \"" + use.reference.name +
                          "\" that is prefixed with double underscores is considered a private variable and cannot be "
                          "referenced.");
        }
        if (!std::binary_search(known->begin(), known->end(), use.name)) {
          report(use, "Variable \"" + use.reference.name + "\" is referenced before assignment.");
        }
      }
      known = united(known, step.assigned);
    }
    return known;
  }

  void follow(const Steps& steps) {
    rolling_ = *follow(steps, std::make_shared<const std::vector<uint32_t>>(rolling_));
  }

  struct Visit {
    std::string_view task;
    Names known;  // null: what has gathered at the join
  };

  void follow_tasks() {
    const size_t visits_max = kVisitsPerTask * spec_.tasks().size() + kVisitsPerTask;
    const Names none = std::make_shared<const std::vector<uint32_t>>();
    task_steps_.resize(spec_.tasks().size());
    std::unordered_set<std::string_view> visited, queued;
    std::unordered_map<std::string_view, Names> at_join;
    std::deque<Visit> open;
    Names rolling = std::make_shared<const std::vector<uint32_t>>(rolling_);
    for (const uint32_t root : graph_.roots()) open.push_back({spec_.tasks()[root].name, rolling});
    size_t visits = 0;
    while (!open.empty()) {
      Visit visit = std::move(open.front());
      open.pop_front();
      visited.insert(visit.task);
      ++visits;
      Names known = visit.known != nullptr ? visit.known : none;
      if (known->empty()) {
        const auto gathered = at_join.find(visit.task);
        known = gathered == at_join.end() ? none : gathered->second;
      }
      const auto index = spec_.index_of(visit.task);
      if (index) known = follow(steps_of(static_cast<uint32_t>(*index)).own, known);
      rolling = united(rolling, *known);
      if (!index) continue;
      const TaskSpec& task = spec_.tasks()[*index];
      for (size_t i = 0; i < task.next.size(); ++i) {
        for (const std::string& next : task.next[i].targets) {
          const Names branch = follow(steps_of(static_cast<uint32_t>(*index)).next[i], known);
          const TaskSpec* target = spec_.find(next);
          if (visited.contains(next) || (target == nullptr && !is_reserved(next))) continue;
          if (visits >= visits_max && !queued.insert(next).second) continue;
          if (target == nullptr || !target->join.truthy()) {
            open.push_back({next, branch});
            continue;
          }
          Names& gathered = at_join[next];
          gathered = gathered == nullptr ? branch : united(gathered, *branch);
          open.push_back({next, nullptr});
        }
      }
    }
    rolling_ = *rolling;
  }

  const WorkflowSpec& spec_;
  const Graph& graph_;
  std::unordered_map<std::string, uint32_t> numbers_;
  std::vector<uint32_t> rolling_;
  std::vector<TaskSteps> task_steps_;
  List entries_;
};

}  // namespace

List inspect_context(const WorkflowSpec& spec, const Graph& graph, const std::vector<std::string>& given) {
  return Inspector(spec, graph, given).run();
}

}  // namespace squall::workflow::orquesta
