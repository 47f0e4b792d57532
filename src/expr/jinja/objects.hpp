// Values of a render that plain data cannot express: iterators, views, callables.
//
// They live as long as the render that made them and may change inside it, so they are never shared between threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::expr::jinja {

class Runtime;

struct CallArguments {
  List positional;
  Dict keyword;
};

// Yields the next element: false at the end.
using Cursor = std::function<Result<bool>(Value& out)>;

// A Python object with behaviour of its own. The defaults are those of a plain object: nothing is supported.
class PyObject : public Object {
 public:
  virtual std::string_view module() const { return {}; }
  virtual Result<std::string> show(Runtime& rt) const;
  // Nothing: no such attribute.
  virtual Result<std::optional<Value>> attribute(Runtime& rt, std::string_view name) const;
  // Nothing: no such item (a LookupError or TypeError in Python).
  virtual Result<std::optional<Value>> item(Runtime& rt, const Value& key) const;
  virtual bool is_callable() const { return false; }
  virtual Result<Value> call(Runtime& rt, CallArguments arguments) const;
  // Nothing: not iterable.
  virtual std::optional<Cursor> iterate(Runtime& rt) const;
  // Nothing: no len().
  virtual std::optional<size_t> length(Runtime& rt) const;
  virtual bool has_items() const { return false; }  // __getitem__
  // The plain value it stands for where data is wanted (comparison, JSON).
  virtual std::optional<Value> plain(Runtime& rt) const;
  // Drops the values it holds, at the end of the render: objects that can change may form rings (see Runtime::track).
  virtual void forget() const {}
};

const PyObject* as_py_object(const Value& value);
template <typename T>
const T* as_object_of(const Value& value) {
  return value.kind() == Kind::kObject ? dynamic_cast<const T*>(value.as_object().get()) : nullptr;
}
template <typename T, typename... Args>
Value make_object(Args&&... args) {
  return Value::object(std::make_shared<T>(std::forward<Args>(args)...));
}

class Range final : public PyObject {
 public:
  Range(int64_t start, int64_t stop, int64_t step) : start_(start), stop_(stop), step_(step) {}
  std::string_view type_name() const override { return "range"; }
  Result<std::string> show(Runtime& rt) const override;
  Result<std::optional<Value>> attribute(Runtime& rt, std::string_view name) const override;
  Result<std::optional<Value>> item(Runtime& rt, const Value& key) const override;
  std::optional<Cursor> iterate(Runtime& rt) const override;
  std::optional<size_t> length(Runtime&) const override { return size(); }
  bool has_items() const override { return true; }

  size_t size() const;
  int64_t at(size_t index) const { return start_ + static_cast<int64_t>(index) * step_; }
  int64_t step() const { return step_; }

 private:
  int64_t start_, stop_, step_;
};

// dict.keys(), values() or items(): a live view.
class DictView final : public PyObject {
 public:
  enum class Part : uint8_t { kKeys, kValues, kItems };
  DictView(Part part, Value dict) : part_(part), dict_(std::move(dict)) {}
  std::string_view type_name() const override;
  Result<std::string> show(Runtime& rt) const override;
  std::optional<Cursor> iterate(Runtime& rt) const override;
  std::optional<size_t> length(Runtime& rt) const override;
  List elements(Runtime& rt) const;
  const Value& dict() const { return dict_; }

 private:
  Part part_;
  Value dict_;
};

// A generator or another one-way iterator; reading it uses it up.
class Generator final : public PyObject {
 public:
  Generator(std::string_view type, std::string name, Cursor cursor)
      : type_(type), name_(std::move(name)), cursor_(std::move(cursor)) {}
  std::string_view type_name() const override { return type_; }
  Result<std::string> show(Runtime& rt) const override;
  std::optional<Cursor> iterate(Runtime& rt) const override;

 private:
  std::string_view type_;
  std::string name_;
  mutable Cursor cursor_;
};

// A dict with at least one key that is not text.
class Mapping final : public PyObject {
 public:
  using Entries = std::vector<std::pair<Value, Value>>;
  explicit Mapping(Entries entries) : entries_(std::move(entries)) {}
  std::string_view type_name() const override { return "dict"; }
  std::optional<Cursor> iterate(Runtime& rt) const override;
  std::optional<size_t> length(Runtime&) const override { return entries_.size(); }
  bool has_items() const override { return true; }

  void forget() const override { entries_.clear(); }

  // Python objects have reference semantics: every holder sees a change.
  Entries& entries() const { return entries_; }

 private:
  mutable Entries entries_;
};

// A group of groupby(): a tuple with names.
class GroupTuple final : public PyObject {
 public:
  GroupTuple(Value grouper, Value list) : grouper_(std::move(grouper)), list_(std::move(list)) {}
  std::string_view type_name() const override { return "_GroupTuple"; }
  std::string_view module() const override { return "jinja2.filters"; }
  Result<std::string> show(Runtime& rt) const override;
  Result<std::optional<Value>> attribute(Runtime& rt, std::string_view name) const override;
  Result<std::optional<Value>> item(Runtime& rt, const Value& key) const override;
  std::optional<Cursor> iterate(Runtime& rt) const override;
  std::optional<size_t> length(Runtime&) const override { return 2; }
  bool has_items() const override { return true; }
  std::optional<Value> plain(Runtime&) const override { return Value::tuple({grouper_, list_}); }

 private:
  Value grouper_, list_;
};

// A function of ours: a bound method, a global.
class Function final : public PyObject {
 public:
  using Body = std::function<Result<Value>(Runtime&, CallArguments)>;
  // `type` is "builtin_function_or_method" or "function"; `shown` is the whole repr().
  Function(std::string_view type, std::string shown, Body body)
      : type_(type), shown_(std::move(shown)), body_(std::move(body)) {}
  std::string_view type_name() const override { return type_; }
  Result<std::string> show(Runtime&) const override { return shown_; }
  bool is_callable() const override { return true; }
  Result<Value> call(Runtime& rt, CallArguments arguments) const override { return body_(rt, std::move(arguments)); }

 private:
  std::string_view type_;
  std::string shown_;
  Body body_;
};

}  // namespace squall::expr::jinja
