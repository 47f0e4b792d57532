// Runtime: one evaluation. Contexts, calls, and what Python does with a value, within the limits of yaql.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "expr/python/errors.hpp"
#include "expr/python/numbers.hpp"
#include "expr/yaql/ast.hpp"
#include "expr/yaql/functions.hpp"
#include "expr/yaql/objects.hpp"
#include "expr/yaql/yaql.hpp"
#include "value/value.hpp"

namespace squall::expr::yaql {

// Names that an expression sees; every call has one of its own inside its caller's.
class Context final : public Object {
 public:
  explicit Context(ContextPtr outer) : parent(std::move(outer)) {}
  std::string_view type_name() const override { return "Context"; }
  std::string repr() const override;

  // `name` without its '$'; "" is "1".
  void set(std::string_view name, Value value);
  // Here or further out; null when nowhere.
  const Value* find(std::string_view name) const;

  const ContextPtr parent;
  std::vector<std::pair<std::string, Value>> names;
  std::vector<std::shared_ptr<const Function>> functions;  // that def() added
};

enum class Order : uint8_t { kLess, kLessEqual, kGreater, kGreaterEqual };

// Reads the elements of any iterable, as Python's iter() does. Must not outlive the evaluation.
class Cursor {
 public:
  Result<bool> next(Runtime& rt, Value& out);

 private:
  friend class Runtime;
  Value source_;
  const List* items_ = nullptr;
  const Iterator* iterator_ = nullptr;
  const Memory* memory_ = nullptr;
  const Ordering* ordering_ = nullptr;  // not sorted before the first element is asked for
  size_t at_ = 0;
};

// Lives for one evaluation on one thread.
class Runtime {
 public:
  explicit Runtime(const YaqlScope& scope);
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  ~Runtime();

  Result<Value> run(const Program& program, std::string* shown);
  const YaqlScope& scope() const { return scope_; }
  const ContextPtr& root() const { return root_; }

  // --- Limits
  Status charge(uint64_t steps = 1);
  Status charge_text(size_t bytes);
  Status charge_elements(size_t count);

  // --- Evaluation (evaluator.cpp)
  Result<Value> eval(const Node& node, const Value* receiver, const ContextPtr& context);
  Result<Value> call_lambda(const Lambda& lambda, std::initializer_list<Value> arguments);
  // In `context` itself instead of a child.
  Result<Value> call_lambda_in(const Lambda& lambda, const ContextPtr& context);
  Result<bool> test(const Lambda& lambda, const Value& argument);
  // The binary operator or function `name` on values: what sum(), max() and orderBy() use.
  Result<Value> call_operator(std::string_view name, const Value& a, const Value& b, const ContextPtr& context);

  // --- Calls (resolution.cpp)
  struct Request {
    std::string_view name;
    const Overloads* standard = nullptr;
    const Value* receiver = nullptr;  // a method call
    std::vector<Arg> args;            // without the receiver
    std::vector<std::pair<std::string, Arg>> keywords;
  };
  Result<Value> call(Request request, const ContextPtr& context);
  // A context with functions of its own is emptied at the end: they hold it, and it holds them.
  void track(const ContextPtr& context) { tracked_.push_back(context); }
  bool accepts(const Parameter& parameter, const Arg& arg) const;
  // What an element access does: `value.name`.
  Result<Value> member(const Value& object, const Value& name, const ContextPtr& context);

  // --- Python's protocols (protocols.cpp, compare.cpp)
  std::string_view type_name(const Value& value) const;
  Result<std::string> str(const Value& value);
  Result<std::string> repr(const Value& value);
  Result<bool> truthy(const Value& value);
  Result<bool> equal(const Value& a, const Value& b);
  // "TypeError" for what has no hash.
  Result<uint64_t> hash(const Value& value);
  Result<bool> compare(Order order, const Value& a, const Value& b);
  Result<bool> contains(const Value& collection, const Value& item);

  bool is_iterable(const Value& value) const;  // yaql's: no text, no dict
  bool is_iterator(const Value& value) const;
  bool is_sequence(const Value& value) const;
  bool is_set(const Value& value) const;
  bool is_mapping(const Value& value) const;
  static bool is_text(const Value& value) { return value.is_string() || value.kind() == Kind::kMarkup; }

  // "TypeError" for what is not iterable.
  Result<Cursor> iterate(const Value& value);
  Result<List> to_list(const Value& value);
  // The items of a tuple, a list or a set; null for the rest.
  const List* items_of(const Value& value) const;

  // Plain data: what evaluate() gives.
  Result<Value> to_output(const Value& value);
  // yaql's convert_output_data: lists, sets and dicts; a dict with keys that are not text is still a PyMap.
  Result<Value> convert_output(const Value& value);
  // Plain data as Python made it: lists and dicts that can change, where a function brings them along.
  Value from_python(const Value& plain) const;

 private:
  friend class Nested;
  struct Candidate;

  Result<Value> eval_inner(const Node& node, const Value* receiver, const ContextPtr& context);
  Result<Value> eval_call(const Node& node, const Value* receiver, const ContextPtr& context);
  Result<Value> eval_dot(const Node& node, const ContextPtr& context, bool null_safe);
  Result<Value> eval_logic(const Node& node, const ContextPtr& context, bool is_and);
  Result<Value> eval_send(const Node& node, const ContextPtr& context);
  Result<Value> eval_list(const Node& node, const ContextPtr& context);
  std::optional<Result<Value>> eval_numbers(const Node& node, const ContextPtr& context, Value (&values)[2]);

  std::vector<const Overloads*> levels(const Request& request, const ContextPtr& context, std::vector<Overloads>& own);
  const Overloads* host_functions(std::string_view name);
  Result<Value> invoke(const Function& function, const Request& request, const ContextPtr& context);
  bool map_arguments(const Function& function, const Request& request, Candidate& candidate) const;
  bool fits(const Candidate& candidate, const Request& request) const;
  Result<bool> is_specialization(const Candidate& a, const Candidate& b) const;
  Result<Value> run_call(const Candidate& candidate, Request& request, const ContextPtr& context);

  Status append_repr(std::string& out, const Value& value, size_t depth);
  Status append_object(std::string& out, const Value& value, size_t depth);
  Result<bool> equal_at(const Value& a, const Value& b, size_t depth);
  Result<bool> equal_lists(const List& a, const List& b, size_t depth);
  Result<bool> equal_sets(const Value& a, const Value& b, size_t depth);
  Result<uint64_t> hash_at(const Value& value, size_t depth);
  Result<Value> output_at(const Value& value, size_t depth);
  Status append_output(std::string& out, const Value& value, size_t depth);

  const YaqlScope& scope_;
  const std::string* source_ = nullptr;  // for positions
  ContextPtr root_;
  uint64_t steps_ = 0;
  size_t text_bytes_ = 0;
  size_t elements_ = 0;
  size_t depth_ = 0;
  bool has_definitions_ = false;
  std::vector<ContextPtr> tracked_;
  std::vector<std::unique_ptr<Function>> host_made_;
  std::vector<std::pair<std::string, std::unique_ptr<Overloads>>> host_found_;

 public:
  void note_definition() { has_definitions_ = true; }
};

// The whole part of a time difference's and a text's place in messages: "No function ... matches".
tl::unexpected<Error> no_function(std::string_view name);
tl::unexpected<Error> no_matching_function(std::string_view name);

}  // namespace squall::expr::yaql
