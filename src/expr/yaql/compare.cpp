// Equality, hashes and order of YAQL's values, as Python has them.
#include <algorithm>
#include <cmath>

#include "base/limits.hpp"
#include "base/strings.hpp"
#include "expr/yaql/runtime.hpp"
#include "value/python.hpp"

namespace squall::expr::yaql {

namespace {

int64_t utc_micros(const DateTime& time) { return time.micros - int64_t{time.offset_seconds} * 1'000'000; }

uint64_t mix(uint64_t seed, uint64_t value) {
  return (seed ^ (value + 0x9e3779b97f4a7c15ULL + (seed << 6) + (seed >> 2))) * 0xff51afd7ed558ccdULL;
}

uint64_t number_hash(const Value& value) {
  // 1, 1.0 and true are one key; a float that is no integer stands for itself.
  if (value.is_bool()) return value.as_bool() ? 1 : 0;
  if (value.kind() == Kind::kInt) return static_cast<uint64_t>(value.as_int());
  if (!value.is_double()) return std::hash<std::string>()(python::str(value));
  const double real = value.as_double();
  constexpr double kInt64Limit = 9.2e18;
  if (real == std::floor(real) && std::fabs(real) < kInt64Limit)
    return static_cast<uint64_t>(static_cast<int64_t>(real));
  const auto integer = py::truncate(real);
  if (integer && python::equal(*integer, value)) return std::hash<std::string>()(python::str(*integer));
  return std::hash<double>()(real);
}

bool is_tuple(const Value& value) { return value.is_list() || value.kind() == Kind::kTuple; }

}  // namespace

Result<bool> Runtime::equal(const Value& a, const Value& b) { return equal_at(a, b, 0); }

Result<bool> Runtime::equal_lists(const List& a, const List& b, size_t depth) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    SQ_TRY(const bool same, equal_at(a[i], b[i], depth + 1));
    if (!same) return false;
  }
  return true;
}

Result<bool> Runtime::equal_sets(const Value& a, const Value& b, size_t depth) {
  SQ_TRY(const List left, to_list(a));
  SQ_TRY(const List right, to_list(b));
  if (left.size() != right.size()) return false;
  if (depth > limits::kExpressionDepthMax) return false;
  SetBuilder all(*this);
  for (const Value& item : left) SQ_CHECK(all.add(item));
  for (const Value& item : right) {
    SQ_TRY(const bool is_new, all.add(item));
    if (is_new) return false;
  }
  return true;
}

Result<bool> Runtime::equal_at(const Value& a, const Value& b, size_t depth) {
  if (depth > limits::kExpressionDepthMax) return py::limit_error("values are nested too deep to be compared");
  if (is_tuple(a) && is_tuple(b)) {
    if (a.same_storage(b)) return true;
    return equal_lists(a.as_list(), b.as_list(), depth);
  }
  const auto left = MapRef::of(a);
  const auto right = MapRef::of(b);
  if (left && right) {
    if (left->size() != right->size()) return false;
    for (size_t i = 0; i < left->size(); ++i) {
      SQ_TRY(const Value* other, right->find(*this, left->key(i)));
      if (other == nullptr) return false;
      SQ_TRY(const bool same, equal_at(left->value(i), *other, depth + 1));
      if (!same) return false;
    }
    return true;
  }
  if (left || right) return false;
  if (is_set(a) && is_set(b)) return equal_sets(a, b, depth);
  if (const auto *x = as<PyList>(a), *y = as<PyList>(b); x != nullptr && y != nullptr) {
    return equal_lists(x->items, y->items, depth);
  }
  if (const auto *x = as<Pattern>(a), *y = as<Pattern>(b); x != nullptr && y != nullptr) {
    return x->regex.pattern() == y->regex.pattern() && x->flags == y->flags;
  }
  return python::equal(a, b);
}

Result<uint64_t> Runtime::hash(const Value& value) { return hash_at(value, 0); }

Result<uint64_t> Runtime::hash_at(const Value& value, size_t depth) {
  if (depth > limits::kExpressionDepthMax) return py::limit_error("a key is nested too deep");
  if (value.is_null()) return 0x5f375a86ULL;
  if (py::is_numeric(value)) return number_hash(value);
  if (is_text(value) || value.kind() == Kind::kBytes) return std::hash<std::string_view>()(value.as_string());
  if (is_tuple(value)) {
    uint64_t seed = 0x345678;
    for (const Value& item : value.as_list()) {
      SQ_TRY(const uint64_t inner, hash_at(item, depth + 1));
      seed = mix(seed, inner);
    }
    return seed;
  }
  if (const auto map = MapRef::of(value); map && map->is_frozen()) {
    uint64_t all = 0;
    for (size_t i = 0; i < map->size(); ++i) {
      SQ_TRY(const uint64_t key, hash_at(map->key(i), depth + 1));
      SQ_TRY(const uint64_t member, hash_at(map->value(i), depth + 1));
      all ^= mix(key, member);
    }
    return all;
  }
  const bool frozen_set = value.kind() == Kind::kSet || as<PySet>(value) != nullptr;
  if (frozen_set) {
    uint64_t all = 0x77777;
    for (const Value& item : *items_of(value)) {
      SQ_TRY(const uint64_t inner, hash_at(item, depth + 1));
      all += mix(1, inner);
    }
    return all;
  }
  if (value.kind() == Kind::kDateTime) return static_cast<uint64_t>(utc_micros(value.as_date_time()));
  if (value.kind() == Kind::kDate) return static_cast<uint64_t>(value.as_date());
  if (value.kind() == Kind::kTimeDelta) return static_cast<uint64_t>(value.as_time_delta());
  if (const auto* pattern = as<Pattern>(value)) return std::hash<std::string>()(pattern->regex.pattern());
  const auto* view = as<MapView>(value);
  const bool unhashable = as<PyList>(value) != nullptr || as<PyMap>(value) != nullptr ||
                          (view != nullptr && view->part != MapView::Part::kValues);
  if (unhashable) return py::type_error("unhashable type: '" + std::string(type_name(value)) + "'");
  if (value.kind() == Kind::kObject) return std::hash<const void*>()(value.as_object().get());
  return std::hash<std::string>()(python::repr(value));
}

Result<bool> Runtime::compare(Order order, const Value& a, const Value& b) {
  const bool swap = order == Order::kGreater || order == Order::kGreaterEqual;
  const Value& left = swap ? b : a;
  const Value& right = swap ? a : b;
  const bool or_equal = order == Order::kLessEqual || order == Order::kGreaterEqual;
  if (is_set(left) && is_set(right)) {
    SQ_TRY(const List small, to_list(left));
    SQ_TRY(const List large, to_list(right));
    if (or_equal ? small.size() > large.size() : small.size() >= large.size()) return false;
    SetBuilder all(*this);
    for (const Value& item : large) SQ_CHECK(all.add(item));
    for (const Value& item : small) {
      SQ_TRY(const bool is_new, all.add(item));
      if (is_new) return false;
    }
    return true;
  }
  if (or_equal && python::equal(left, right)) return true;
  return python::less(left, right);
}

Result<bool> Runtime::contains(const Value& collection, const Value& item) {
  if (const auto* set = as<PySet>(collection)) {
    SQ_TRY(const uint64_t wanted, hash(item));
    const auto [first, last] = set->index.equal_range(wanted);
    for (auto it = first; it != last; ++it) {
      SQ_TRY(const bool same, equal(set->items[it->second], item));
      if (same) return true;
    }
    return false;
  }
  if (const auto* view = as<MapView>(collection); view != nullptr && view->part == MapView::Part::kKeys) {
    SQ_TRY(const Value* found, MapRef::of(view->dict)->find(*this, item));
    return found != nullptr;
  }
  if (const auto* view = as<MapView>(collection); view != nullptr && view->part == MapView::Part::kItems) {
    // Python's view begins with `key, value = item`.
    if (item.is_null() || item.is_bool() || py::is_numeric(item)) {
      return py::type_error("cannot unpack non-iterable " + std::string(type_name(item)) + " object");
    }
    const List* items = items_of(item);
    const size_t size = is_text(item) ? utf8_length(item.as_string()) : items != nullptr ? items->size() : 2;
    if (size > 2) return py::value_error("too many values to unpack (expected 2)");
    if (size < 2) {
      return py::value_error("not enough values to unpack (expected 2, got " + std::to_string(size) + ")");
    }
  }
  SQ_TRY(Cursor cursor, iterate(collection));
  for (Value other;;) {
    SQ_TRY(const bool more, cursor.next(*this, other));
    if (!more) return false;
    SQ_TRY(const bool same, equal(other, item));
    if (same) return true;
  }
}

}  // namespace squall::expr::yaql
