// Runtime: one render's view of Python. What an operation on a value means, within the limits of the render.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"
#include "expr/expr.hpp"
#include "expr/jinja/environment.hpp"
#include "expr/jinja/objects.hpp"
#include "expr/jinja/undefined.hpp"
#include "expr/python/errors.hpp"
#include "expr/python/numbers.hpp"
#include "value/value.hpp"

namespace squall::expr::jinja {

// Work of one render: evaluated nodes, elements that are looked at, and text (kBytesPerStep). As many as 100 ms allow.
inline constexpr uint64_t kStepsMax = 1'500'000;
inline constexpr size_t kBytesPerStep = 64;       // of text that is made
inline constexpr size_t kInputBytesPerStep = 16;  // of text that a filter or a method reads, which may change its case
inline constexpr uint64_t kLoopSteps = 10;        // to begin a loop
// Text that one render makes, in one piece. MongoDB holds StackStorm's to the same.
inline constexpr size_t kTextBytesMax = 16u << 20;

// Recursion of one render: expressions in expressions and containers in containers count one, calls in calls
// kCallDepth. Keeps the stack far below what a thread has.
inline constexpr size_t kRecursionMax = 2000;
inline constexpr size_t kCallDepth = 10;

enum class CompareOp : uint8_t { kEq, kNe, kLt, kLtEq, kGt, kGtEq, kIn, kNotIn };

// Lives for one render on one thread.
class Runtime {
 public:
  Runtime(const Scope& scope, const RenderOptions& options, Environment environment = Environment::kStackStorm)
      : scope_(scope), options_(options), environment_(environment) {}
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  ~Runtime();

  // --- Limits ---------------------------------------------------------------------------------------------------
  // Uses up fuel; fails when the render has none left.
  Status charge(uint64_t steps = 1) {
    if (steps > fuel_) return out_of_fuel();
    fuel_ -= steps;
    return {};
  }
  // For a text of this size that is about to be made.
  Status charge_text(size_t bytes);
  // For a text that is about to be read; other values count when their parts are looked at.
  Status charge_input(const Value& value);
  // Goes deeper into something nested; every success needs the same leave(). Use Nested.
  Status enter(size_t levels) {
    if (depth_ + levels > kRecursionMax) return too_deep();
    SQ_CHECK(charge(levels));
    depth_ += levels;
    return {};
  }
  void leave(size_t levels) { depth_ -= levels; }

  // --- Undefined ------------------------------------------------------------------------------------------------
  Value undefined(std::string_view message) const;
  Value undefined_name(std::string_view name) const;
  Value undefined_member(const Value& object, const Value& name) const;

  // --- Names ----------------------------------------------------------------------------------------------------
  const Scope& scope() const { return scope_; }
  Environment environment() const { return environment_; }
  // Autoescaping is off until {% autoescape true %}.
  bool autoescape = false;

  // --- Containers that were changed in place ----------------------------------------------------------------------
  // A Value shares its containers with everybody else and must not change them. `list.append(x)` therefore gives the
  // list a new content that only this render sees: whoever holds the list (that very storage) sees the change, as in
  // Python. Everything that looks into a container resolves it first.
  const Value& resolve(const Value& value) const;
  // The same at any depth, with objects replaced by the data they stand for.
  Result<Value> freeze(const Value& value);
  // The content to change of a list or a dict.
  List& mutable_list(const Value& list);
  Value& mutable_container(const Value& container);
  // An object that can come to hold itself, made here and passed through: it is emptied at the end of the render.
  Value track(Value object);

  // --- Protocols ------------------------------------------------------------------------------------------------
  Result<std::string> str(const Value& value);
  Result<std::string> repr(const Value& value);
  Result<bool> truthy(const Value& value);
  // "StrictUndefined", "dict", ...
  std::string_view type_name(const Value& value) const;
  // Jinja's object_type_repr: "dict object", "None".
  std::string type_repr(const Value& value) const;
  // Nothing: no len().
  Result<std::optional<size_t>> length(const Value& value);
  // TypeError "'int' object is not iterable".
  Result<Cursor> iterate(const Value& value);
  Result<List> to_list(const Value& value);
  bool is_iterable(const Value& value);
  bool is_hashable(const Value& value);
  bool is_callable(const Value& value) const;
  bool is_mapping(const Value& value) const;

  Result<bool> equal(const Value& a, const Value& b);
  Result<bool> compare(CompareOp op, const Value& a, const Value& b);
  Result<bool> less(const Value& a, const Value& b) { return compare(CompareOp::kLt, a, b); }
  Result<bool> contains(const Value& item, const Value& container);

  Result<Value> binary(py::BinaryOp op, const Value& a, const Value& b);
  Result<Value> negate(const Value& value);
  Result<Value> positive(const Value& value);

  // --- Members --------------------------------------------------------------------------------------------------
  // a.name and a[key] of the sandbox: attribute first, or item first; undefined when neither is there.
  Result<Value> get_attribute(const Value& object, std::string_view name);
  Result<Value> get_item(const Value& object, const Value& key);
  Result<Value> get_slice(const Value& object, const Value& start, const Value& stop, const Value& step);
  // Only the attribute: nothing when the object has none of that name. Unsafe ones come as undefined.
  Result<std::optional<Value>> find_attribute(const Value& object, std::string_view name);
  // Only the item.
  Result<std::optional<Value>> find_item(const Value& object, const Value& key);

  // --- Calls ----------------------------------------------------------------------------------------------------
  Result<Value> call(const Value& callee, CallArguments arguments);
  // A method of a plain value without the detour of a bound method; nothing when it has none of that name.
  std::optional<Result<Value>> call_method(const Value& object, std::string_view name, CallArguments& arguments);
  // By name, for map() and select(); the name may be unknown.
  Result<Value> call_filter(std::string_view name, const Value& input, const CallArguments& arguments);
  Result<bool> call_test(std::string_view name, const Value& input, const CallArguments& arguments);

 private:
  Status out_of_fuel();
  Status too_deep() const;
  Result<std::string> object_text(const Value& value, bool as_repr);
  Result<bool> equal_frozen(const Value& a, const Value& b);
  Result<bool> equal_objects(const Value& a, const Value& b);
  Result<bool> order(CompareOp op, const Value& a, const Value& b);
  Result<std::optional<Value>> sequence_item(const Value& sequence, const Value& key);

  const Scope& scope_;
  RenderOptions options_;
  Environment environment_;
  uint64_t fuel_ = kStepsMax;
  size_t depth_ = 0;

  struct Cell {
    Value original;  // keeps the storage, and with it the key of the map, alive
    Value content;
  };
  static const void* identity(const Value& value);
  std::unordered_map<const void*, Cell> cells_;
  std::vector<Value> tracked_;
};

// One level of recursion, until the end of the scope.
class Nested {
 public:
  static Result<Nested> enter(Runtime& rt, size_t levels = 1) {
    SQ_CHECK(rt.enter(levels));
    return Nested(rt, levels);
  }
  static Result<Nested> call(Runtime& rt) { return enter(rt, kCallDepth); }
  Nested(Nested&& other) noexcept : rt_(std::exchange(other.rt_, nullptr)), levels_(other.levels_) {}
  Nested& operator=(Nested&&) = delete;
  ~Nested() {
    if (rt_ != nullptr) rt_->leave(levels_);
  }

 private:
  Nested(Runtime& rt, size_t levels) : rt_(&rt), levels_(levels) {}
  Runtime* rt_;
  size_t levels_;
};

}  // namespace squall::expr::jinja
