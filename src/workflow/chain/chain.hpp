// Action chains: StackStorm's simple workflows, as a pure state machine.
//
// No clock, no I/O: the driver (engine/) feeds events in, saves the new state, and carries out the command that comes
// back. Semantics: stackstorm-features.md section E and V; recorded in tests/conformance/action_chain.json.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "expr/expr.hpp"
#include "value/value.hpp"

namespace squall::workflow {

struct ChainNode {
  std::string name;
  std::string ref;
  Value parameters;  // dict
  std::string on_success, on_failure;
  Value publish;   // dict
  Value document;  // the node as written, for the child's context
};

// A parsed chain file. Immutable after parse.
class Chain {
 public:
  // `name` is shown in errors; `file` too. Only what StackStorm refuses is refused: it checks the first node against
  // the schema and the others loosely (section V). The error's first line is StackStorm's.
  static Result<Chain> parse(std::string_view text, std::string_view name, std::string_view file);
  static Result<Chain> from_document(const Value& document, std::string_view name);

  const std::vector<ChainNode>& nodes() const { return nodes_; }
  const ChainNode* find(std::string_view name) const;
  const Value& vars() const { return vars_; }
  // The first node to run; null when the default names no node (a Jinja default: the chain succeeds without tasks).
  const ChainNode* start() const { return find(start_); }

 private:
  Status check_links() const;
  Status choose_start(std::string_view chain_name, const Value& given_default);

  std::vector<ChainNode> nodes_;
  Value vars_;
  std::string start_;
};

// What templates of the chain may see besides parameters, results and variables.
struct ChainEnvironment {
  Value parameters;      // the chain's own action parameters
  Value action_context;  // {"parent": {...}}
  Value config_context;
  Value st2kv;  // {"system": lazy, "user": lazy}
  bool display_published = true;
  // Schema properties (runner and action merged) of an action, or nothing when there is no such action.
  std::function<std::optional<Value>(std::string_view action_ref)> action_parameters;
};

// How a task's child execution ended, or that it could not be started.
struct TaskEnd {
  std::string status;  // a final state of StackStorm
  Value result;
  std::string execution_id;  // empty: never started
  std::string liveaction_id;
  std::string created_at, updated_at;
};

struct RunTask {
  const ChainNode* node = nullptr;
  Value parameters;  // rendered and cast
};

struct FinishChain {
  std::string status;  // "succeeded", "failed", "timeout", "canceled", "paused"
  Value result;
};

// What to do next: exactly one of the two.
struct ChainCommand {
  std::optional<RunTask> run;
  std::optional<FinishChain> finish;
};

// The state of one run of a chain. As a document: {"vars", "published", "tasks", "current", "last_status", "answered"}.
class ChainRun {
 public:
  ChainRun(const Chain& chain, ChainEnvironment environment);
  // Continues from a saved document().
  ChainRun(const Chain& chain, ChainEnvironment environment, const Value& document);

  ChainCommand start();
  // The current task ended (or, with an empty execution_id, could not be started).
  ChainCommand on_task_end(const TaskEnd& end);
  // The current task is "pending" (it asks for an answer) or "paused": it is shown among the tasks, and the chain
  // waits.
  void on_task_halted(const TaskEnd& end);
  // The halted task goes on; its end comes as on_task_end().
  void on_task_resumed();
  // The halted task ended. Templates find the answer to a question as task.response and, as StackStorm has it after a
  // resume, as task.result.response.
  ChainCommand on_task_answered(const TaskEnd& end);
  // After a pause: goes on behind the last task.
  ChainCommand resume();

  // The chain's result as it would be shown now (E-5).
  Value result() const;
  // Everything needed to go on after a restart.
  Value document() const;
  const std::string& current() const { return current_; }
  size_t tasks_run() const { return tasks_.size(); }

 private:
  void record(const ChainNode& node, const TaskEnd& end);
  ChainCommand run_node(const ChainNode* node, std::string_view chain_status);
  ChainCommand go_on(const std::string& task_status, const ChainNode& node);
  ChainCommand finish(std::string_view status);
  ChainCommand fail_whole(const Error& error) const;
  ChainCommand fail_with_tasks(std::string_view message, const std::string& reason);
  expr::Scope scope() const;
  Value results() const;
  Status publish(const ChainNode& node);
  Result<Value> render_parameters(const ChainNode& node) const;

  const Chain& chain_;
  ChainEnvironment environment_;
  Value vars_;
  Value published_;
  List tasks_;
  Value answered_ = Value::empty_dict();  // names of tasks that were questions
  std::string current_;
  std::string last_status_;
};

}  // namespace squall::workflow
