// A workflow document of Orquesta 1.0 as a model (orquesta.md section 1).
//
// Parsing finds only what Orquesta finds when it builds its objects; everything else is found by inspection
// (inspect.hpp), which works on a model whose parts may be of any type.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::workflow::orquesta {

// `continue`, `noop`, `fail`: targets that the engine carries out itself. `retry` is one too, but never a node.
bool is_engine_command(std::string_view name);
// No name for a task: the engine commands and "retry".
bool is_reserved(std::string_view name);

// One entry of `next`.
struct Transition {
  Value when;                                          // as written; null when there is none
  std::vector<std::pair<std::string, Value>> publish;  // in order
  std::vector<std::string> targets;                    // "continue" when none is written
  Value document;                                      // a dict, with `publish` parsed and `do` filled in
};

struct RetrySpec {
  Value when, count, delay;  // as written; null when left out
};

struct WithItems {
  std::string expression;         // what gives the list
  std::vector<std::string> keys;  // names of an item's parts; empty when there are none
  Value concurrency;              // as written
};

struct TaskSpec {
  std::string name;
  Value action;  // a text, or null
  Value input;   // a dict, a text, or null
  Value delay;
  Value join;
  std::optional<WithItems> items;
  std::optional<RetrySpec> retry;
  std::vector<Transition> next;
  Value document;  // a dict, with inline parameters moved into `input`
  bool is_join() const { return !join.is_null(); }
};

// A member of `input`, `vars` or `output`.
struct NamedValue {
  std::string name;
  Value value;
};

class WorkflowSpec {
 public:
  // YAML text. Errors carry `file` and the place where they are known; type() is Orquesta's exception class.
  static Result<WorkflowSpec> parse(std::string_view text, std::string_view file = {});
  static Result<WorkflowSpec> from_document(const Value& document);

  // As given, but with the short form of `with` written out.
  const Value& document() const { return document_; }
  // In the order of the document.
  const std::vector<TaskSpec>& tasks() const { return tasks_; }
  // Null when there is no such task.
  const TaskSpec* find(std::string_view name) const;
  std::optional<size_t> index_of(std::string_view name) const;

  const std::vector<NamedValue>& input() const { return input_; }
  const std::vector<NamedValue>& vars() const { return vars_; }
  const std::vector<NamedValue>& output() const { return output_; }

 private:
  Value document_;
  std::vector<TaskSpec> tasks_;
  std::unordered_map<std::string, size_t> index_;
  std::vector<NamedValue> input_, vars_, output_;
};

}  // namespace squall::workflow::orquesta
