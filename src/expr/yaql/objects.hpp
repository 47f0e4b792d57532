// Values of an evaluation that plain data cannot express.
//
// Plain kinds keep their meaning, with two readings of our own: a list counts as a Python tuple (data comes in frozen),
// and a dict as yaql's FrozenDict. What Python holds as a list, as a dict that can change, as a set and so on are the
// objects below. They live as long as the evaluation and are never shared between threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "text/regex.hpp"
#include "value/value.hpp"

namespace squall::expr::yaql {

class Runtime;
struct Node;

// A Python list: not hashable, shown with brackets.
class PyList final : public Object {
 public:
  explicit PyList(List list) : items(std::move(list)) {}
  std::string_view type_name() const override { return "list"; }
  const List items;
};

// A dict that is not frozen, or has keys that are not text. Made by MapBuilder.
class PyMap final : public Object {
 public:
  std::string_view type_name() const override { return frozen ? "FrozenDict" : "dict"; }
  size_t size() const { return plain ? plain->size() : entries.size(); }

  bool frozen = true;
  std::shared_ptr<const Dict> plain;  // when all keys are text; else:
  std::vector<std::pair<Value, Value>> entries;
  std::unordered_multimap<uint64_t, size_t> index;  // hash of the key -> entry
};

// A frozenset. Made by SetBuilder.
class PySet final : public Object {
 public:
  std::string_view type_name() const override { return "frozenset"; }
  List items;
  std::unordered_multimap<uint64_t, size_t> index;  // hash -> item
};

// keys(), values() or items() of a dict.
class MapView final : public Object {
 public:
  enum class Part : uint8_t { kKeys, kValues, kItems };
  MapView(Part which, Value mapping) : part(which), dict(std::move(mapping)) {}
  // FrozenDict has the views of collections.abc, a dict its own.
  std::string_view type_name() const override;
  const Part part;
  const Value dict;
};

// Something to be read once, element by element.
class Iterator final : public Object {
 public:
  using Next = std::function<Result<bool>(Runtime&, Value& out)>;  // false at the end
  // "map", or "generator:select_many" with the name of the function. Texts that live for ever.
  Iterator(std::string_view type, Next next)
      : type_(type.substr(0, type.find(':'))),
        function_(type.substr(std::min(type.size(), type_.size() + 1))),
        next_(std::move(next)) {}
  std::string_view type_name() const override { return type_; }
  std::string_view function() const { return function_; }
  Result<bool> next(Runtime& rt, Value& out) const;
  // A repr() of its own; by default it is the type and an address.
  mutable std::function<Result<std::string>(Runtime&)> show = {};

 private:
  std::string_view type_;
  std::string_view function_;
  mutable Next next_;  // empty at the end
};

// The elements that an iterator gave so far; the iterator that memorize() makes starts anew each time it is read.
class Memory final : public Object {
 public:
  explicit Memory(Value source) : source_(std::move(source)) {}
  std::string_view type_name() const override { return "RememberingIterator"; }
  // False when there is no element of that number.
  Result<bool> at(Runtime& rt, size_t index, Value& out) const;
  // For next(): memorize() itself is an iterator, too.
  mutable size_t position = 0;

 private:
  Value source_;
  mutable List seen_;
};

struct Lambda;

// orderBy(): sorted when first read; thenBy() adds a key.
class Ordering final : public Object {
 public:
  struct Key {
    std::shared_ptr<const Lambda> selector;
    bool ascending;
  };
  explicit Ordering(Value source) : source_(std::move(source)) {}
  std::string_view type_name() const override { return "OrderingIterable"; }
  void add(Key key) const { keys_.push_back(std::move(key)); }
  Result<const List*> sorted(Runtime& rt) const;

 private:
  Result<int> compare(Runtime& rt, const Value& left, const Value& right) const;

  Value source_;
  mutable std::vector<Key> keys_;
  mutable bool done_ = false;
  mutable List items_;
};

// A compiled regular expression.
class Pattern final : public Object {
 public:
  Pattern(Regex compiled, RegexFlags with) : regex(std::move(compiled)), flags(with) {}
  std::string_view type_name() const override { return "Pattern"; }
  std::string repr() const override;
  const Regex regex;
  const RegexFlags flags;
};

// An evaluated `key => value`.
class MappingRule final : public Object {
 public:
  MappingRule(Value from, Value to) : source(std::move(from)), destination(std::move(to)) {}
  std::string_view type_name() const override { return "MappingRule"; }
  const Value source;
  const Value destination;
};

// An argument that was left out where a list takes all it gets.
class NoValue final : public Object {
 public:
  std::string_view type_name() const override { return "MarkerClass"; }
  std::string repr() const override { return "<NoValue>"; }
};

template <typename T>
const T* as(const Value& value) {
  return value.kind() == Kind::kObject ? dynamic_cast<const T*>(value.as_object().get()) : nullptr;
}
template <typename T, typename... Args>
Value make(Args&&... args) {
  return Value::object(std::make_shared<T>(std::forward<Args>(args)...));
}
inline Value make_iterator(std::string_view type, Iterator::Next next) { return make<Iterator>(type, std::move(next)); }
inline Value make_list(List items) { return make<PyList>(std::move(items)); }

// --- Dicts
// ------------------------------------------------------------------------------------------------------------

// A plain dict or a PyMap.
class MapRef {
 public:
  // Nothing when the value is no mapping.
  static std::optional<MapRef> of(const Value& value);
  size_t size() const { return dict_ != nullptr ? dict_->size() : map_->entries.size(); }
  bool is_frozen() const { return map_ == nullptr || map_->frozen; }
  // Only with text keys; else null.
  const Dict* plain() const { return dict_; }
  Value key(size_t index) const;
  const Value& value(size_t index) const;
  // Null when absent. "TypeError" for a key that has no hash.
  Result<const Value*> find(Runtime& rt, const Value& key) const;

 private:
  const Dict* dict_ = nullptr;
  const PyMap* map_ = nullptr;
};

class MapBuilder {
 public:
  explicit MapBuilder(Runtime& rt) : rt_(rt) {}
  Status set(const Value& key, Value value);
  Status merge(const MapRef& other);
  Status erase(const Value& key);
  Value finish(bool frozen);

 private:
  Status to_entries();
  Result<size_t> find(const Value& key, uint64_t hash) const;

  Runtime& rt_;
  Dict plain_;
  bool is_plain_ = true;
  std::vector<std::pair<Value, Value>> entries_;
  std::unordered_multimap<uint64_t, size_t> index_;
};

// --- Sets
// -------------------------------------------------------------------------------------------------------------

class SetBuilder {
 public:
  explicit SetBuilder(Runtime& rt) : rt_(rt), set_(std::make_shared<PySet>()) {}
  // True when it is new.
  Result<bool> add(const Value& item);
  Value finish();

 private:
  Runtime& rt_;
  std::shared_ptr<PySet> set_;
};

// Puts numbers into the order in which CPython's hash table has them.
void order_like_python(List& items);

}  // namespace squall::expr::yaql
