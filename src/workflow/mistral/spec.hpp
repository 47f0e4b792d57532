// Mistral's documents as this program sees them: workflows, their tasks, ad-hoc actions. Immutable once parsed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::workflow::mistral {

// One entry of an on-... clause: a task or an engine command, its guard, its parameters ("fail msg=...").
struct NextStep {
  std::string name;
  std::string guard;  // empty: always
  Value parameters;   // dict
};

struct PublishSpec {
  Value branch, global;  // dicts, or null
  bool empty() const { return branch.is_null() && global.is_null(); }
};

struct OnClause {
  std::vector<NextStep> next;
  PublishSpec publish;
};

struct RetrySpec {
  Value count, delay;                 // a number or an expression
  std::string break_on, continue_on;  // expressions; empty: none
};

// Values are as written: a number, a boolean or an expression; null when there is nothing to do.
struct Policies {
  Value pause_before, wait_before, wait_after, fail_on, timeout, concurrency;
  std::optional<RetrySpec> retry;
};

enum class JoinKind { kNone, kAll, kCount };

struct TaskSpec {
  std::string name;
  std::string action;    // a name or an expression; "std.noop" when the task names nothing
  std::string workflow;  // likewise; empty for tasks that run an action
  Value input;           // a dict, or an expression that gives one
  std::vector<std::pair<std::string, Value>> with_items;  // name, list or expression
  PublishSpec publish, publish_on_error, publish_on_skip;
  Policies policies;  // with those of task-defaults filled in
  Value target, keep_result, safe_rerun;
  JoinKind join = JoinKind::kNone;
  int64_t join_count = 0;
  OnClause on_success, on_error, on_complete, on_skip;  // as written; next with task-defaults filled in
  std::vector<std::string> requirements;                // reverse workflows
  Value document;

  bool runs_workflow() const { return !workflow.empty(); }
  std::string_view type_name() const { return runs_workflow() ? "WORKFLOW" : "ACTION"; }
};

struct InputSpec {
  std::string name;
  bool required = true;
  Value fallback;
};

struct WorkflowSpec {
  std::string name;  // as in the document; the library may know it by a longer one
  bool reverse = false;
  std::vector<InputSpec> inputs;
  Value output, output_on_error, vars;  // dicts, or null
  std::vector<TaskSpec> tasks;          // in document order
  std::unordered_map<std::string, size_t> task_index;
  std::unordered_map<std::string, std::vector<size_t>> inbound;  // task -> those that name it in a clause, sorted
  Value document;

  const TaskSpec* find_task(std::string_view task) const {
    const auto found = task_index.find(std::string(task));
    return found == task_index.end() ? nullptr : &tasks[found->second];
  }
  const std::vector<size_t>& inbound_of(const std::string& task) const;
  std::string_view class_name() const { return reverse ? "ReverseWorkflowSpec" : "DirectWorkflowSpec"; }
};

// An ad-hoc action: a base with some of its input filled in.
struct ActionSpec {
  std::string name;
  std::vector<InputSpec> inputs;
  std::string base;
  Value base_input;  // dict
  Value output;      // null: the base's result as it is
};

inline constexpr size_t kTaskNameMax = 255;
inline constexpr size_t kJoinTaskNameMax = 208;

// noop, fail, succeed and pause: what a clause may name besides tasks. Like the real engine, a task of that name never
// runs.
bool is_engine_command(std::string_view name);

// `document` is one workflow, with "name" and "version" filled in. Errors have Mistral's exception class as type() and
// its words; `at`, when given, becomes the path of the fault in the document.
Result<WorkflowSpec> parse_workflow(Value document, std::string* at);
Result<ActionSpec> parse_action(Value document, std::string* at);

// "std.echo output=\"x\"": the command and what follows as a dict. The whole text is the command when it has no blank.
struct InlineCommand {
  std::string command;
  Value parameters;
};
Result<InlineCommand> parse_inline(std::string_view text);

// mistral_lib's merge_dicts(): members of `right` go into `left`, dicts in dicts too; what `left` has already stays
// unless `overwrite`.
Value merged(Value left, const Value& right, bool overwrite = true);

}  // namespace squall::workflow::mistral
