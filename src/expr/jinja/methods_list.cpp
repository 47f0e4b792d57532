#include <algorithm>

#include "expr/jinja/filters.hpp"
#include "expr/jinja/methods.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::value_error;

namespace {

const List& items_of(Runtime& rt, const Value& self) { return rt.resolve(self).as_list(); }

// A position as list.insert and list.pop count it: negative from the end.
int64_t from_end(int64_t index, size_t size) { return index < 0 ? index + static_cast<int64_t>(size) : index; }

Result<Value> append(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_CHECK(rt.charge());
  const Value item = arguments[0];
  rt.mutable_list(self).push_back(item);
  return Value();
}

Result<Value> extend(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const List more, rt.to_list(arguments[0]));
  List& items = rt.mutable_list(self);
  items.insert(items.end(), more.begin(), more.end());
  return Value();
}

Result<Value> insert(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const int64_t index, to_index(rt, arguments[0]));
  const Value item = arguments[1];
  List& items = rt.mutable_list(self);
  SQ_CHECK(rt.charge(1 + items.size() / 16));
  const int64_t at = std::clamp<int64_t>(from_end(index, items.size()), 0, static_cast<int64_t>(items.size()));
  items.insert(items.begin() + at, item);
  return Value();
}

Result<Value> pop(Runtime& rt, const Value& self, const Bound& arguments) {
  int64_t index = -1;
  if (arguments.has(0)) {
    SQ_TRY(index, to_index(rt, arguments[0]));
  }
  List& items = rt.mutable_list(self);
  SQ_CHECK(rt.charge(1 + items.size() / 16));
  if (items.empty()) return raise("IndexError", "pop from empty list");
  const int64_t at = from_end(index, items.size());
  if (at < 0 || at >= static_cast<int64_t>(items.size())) return raise("IndexError", "pop index out of range");
  Value item = std::move(items[static_cast<size_t>(at)]);
  items.erase(items.begin() + at);
  return item;
}

Result<std::optional<size_t>> position_of(Runtime& rt, const List& items, const Value& wanted, size_t start,
                                          size_t stop) {
  for (size_t i = start; i < std::min(stop, items.size()); ++i) {
    SQ_TRY(const bool same, rt.equal(items[i], wanted));
    if (same) return std::optional(i);
  }
  return std::optional<size_t>();
}

Result<Value> remove(Runtime& rt, const Value& self, const Bound& arguments) {
  const Value now = rt.resolve(self);
  SQ_TRY(const auto at, position_of(rt, now.as_list(), arguments[0], 0, SIZE_MAX));
  if (!at) return value_error("list.remove(x): x not in list");
  List& items = rt.mutable_list(self);
  items.erase(items.begin() + static_cast<ptrdiff_t>(*at));
  return Value();
}

Result<Value> index(Runtime& rt, const Value& self, const Bound& arguments) {
  const Value now = rt.resolve(self);
  const size_t size = now.size();
  int64_t start = 0;
  auto stop = static_cast<int64_t>(size);
  if (arguments.has(1)) {
    SQ_TRY(start, to_index(rt, arguments[1]));
  }
  if (arguments.has(2)) {
    SQ_TRY(stop, to_index(rt, arguments[2]));
  }
  const auto clamp = [&](int64_t i) { return static_cast<size_t>(std::max<int64_t>(0, from_end(i, size))); };
  SQ_TRY(const auto at, position_of(rt, now.as_list(), arguments[0], clamp(start), clamp(stop)));
  if (at) return Value(static_cast<int64_t>(*at));
  if (now.kind() == Kind::kTuple) return value_error("tuple.index(x): x not in tuple");
  SQ_TRY(const std::string shown, rt.repr(arguments[0]));
  return value_error(shown + " is not in list");
}

Result<Value> count(Runtime& rt, const Value& self, const Bound& arguments) {
  const Value now = rt.resolve(self);
  int64_t found = 0;
  for (const Value& item : now.as_list()) {
    SQ_TRY(const bool same, rt.equal(item, arguments[0]));
    if (same) ++found;
  }
  return Value(found);
}

Result<Value> reverse(Runtime& rt, const Value& self, const Bound&) {
  List& items = rt.mutable_list(self);
  SQ_CHECK(rt.charge(items.size()));
  std::reverse(items.begin(), items.end());
  return Value();
}

Result<Value> sort(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const bool reversed, rt.truthy(arguments.value_or(1, false)));
  List items = items_of(rt, self);
  List keys;
  for (const Value& item : items) {
    Value key = item;
    if (!arguments[0].is_null()) {
      SQ_TRY(key, rt.call(arguments[0], {{item}, {}}));
    }
    keys.push_back(std::move(key));
  }
  SQ_CHECK(sort_by_keys(rt, items, keys, reversed));
  rt.mutable_list(self) = std::move(items);
  return Value();
}

Result<Value> clear(Runtime& rt, const Value& self, const Bound&) {
  rt.mutable_list(self).clear();
  return Value();
}

Result<Value> copy(Runtime& rt, const Value& self, const Bound&) {
  SQ_CHECK(rt.charge(items_of(rt, self).size()));
  return Value(List(items_of(rt, self)));
}

// A GroupTuple is a tuple too.
Value as_tuple(Runtime& rt, const Value& self) {
  const PyObject* object = as_py_object(self);
  return object != nullptr ? *object->plain(rt) : self;
}

Result<Value> tuple_index(Runtime& rt, const Value& self, const Bound& arguments) {
  return index(rt, as_tuple(rt, self), arguments);
}
Result<Value> tuple_count(Runtime& rt, const Value& self, const Bound& arguments) {
  return count(rt, as_tuple(rt, self), arguments);
}

}  // namespace

std::span<const Method> list_methods() {
  static const Method kMethods[] = {
      {"append", Signature("list.append: object"), append},
      {"clear", Signature("list.clear:"), clear},
      {"copy", Signature("list.copy:"), copy},
      {"count", Signature("list.count: value"), count},
      {"extend", Signature("list.extend: iterable"), extend},
      {"index", Signature("list.index: value start? stop?"), index},
      {"insert", Signature("list.insert: index object"), insert},
      {"pop", Signature("list.pop: index?"), pop},
      {"remove", Signature("list.remove: value"), remove},
      {"reverse", Signature("list.reverse:"), reverse},
      {"sort", Signature("list.sort: key?= reverse?="), sort},
  };
  return kMethods;
}

std::span<const Method> tuple_methods() {
  static const Method kMethods[] = {
      {"count", Signature("tuple.count: value"), tuple_count},
      {"index", Signature("tuple.index: value start? stop?"), tuple_index},
  };
  return kMethods;
}

}  // namespace squall::expr::jinja
