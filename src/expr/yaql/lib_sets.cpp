// Sets.
#include "expr/yaql/lib_shared.hpp"
#include "expr/yaql/runtime.hpp"

namespace squall::expr::yaql {

namespace {

// The views of a dict count as sets, but have no methods.
Status check_set(Runtime& rt, const Value& value, std::string_view method) {
  if (as<MapView>(value) == nullptr) return {};
  return py::raise("AttributeError",
                   "'" + std::string(rt.type_name(value)) + "' object has no attribute '" + std::string(method) + "'");
}

Status add_all(Runtime& rt, SetBuilder& builder, const Value& iterable) {
  SQ_TRY(Cursor cursor, rt.iterate(iterable));
  for (Value item;;) {
    SQ_TRY(const bool more, cursor.next(rt, item));
    if (!more) return {};
    SQ_CHECK(builder.add(item));
  }
}

Status gather(Runtime& rt, SetBuilder& builder, const Value& value) {
  if (!rt.is_iterator(value)) {
    SQ_CHECK(builder.add(value));
    return {};
  }
  SQ_TRY(Cursor cursor, rt.iterate(value));
  for (Value item;;) {
    SQ_TRY(const bool more, cursor.next(rt, item));
    if (!more) return {};
    SQ_CHECK(gather(rt, builder, item));
  }
}

Result<Value> is_set(Call& c) { return Value(c.rt.is_set(c[0])); }

// set(...): iterators among the arguments are spread.
Result<Value> set(Call& c) {
  SetBuilder builder(c.rt);
  for (const Arg& arg : c.rest) SQ_CHECK(gather(c.rt, builder, arg.value));
  return builder.finish();
}

Result<Value> to_set(Call& c) {
  if (as<PySet>(c[0]) != nullptr) return c[0];
  SetBuilder builder(c.rt);
  SQ_CHECK(add_all(c.rt, builder, c[0]));
  return builder.finish();
}

Result<Value> set_length(Call& c) {
  if (const List* items = c.rt.items_of(c[0])) return Value(items->size());
  return Value(MapRef::of(as<MapView>(c[0])->dict)->size());
}

// The items of `a` that are in `b`, or those that are not.
Status add_filtered(Runtime& rt, SetBuilder& builder, const Value& a, const Value& b, bool wanted) {
  SetBuilder known(rt);
  SQ_CHECK(add_all(rt, known, b));
  const Value others = known.finish();
  SQ_TRY(Cursor cursor, rt.iterate(a));
  for (Value item;;) {
    SQ_TRY(const bool more, cursor.next(rt, item));
    if (!more) return {};
    SQ_TRY(const bool inside, rt.contains(others, item));
    if (inside == wanted) SQ_CHECK(builder.add(item));
  }
}

Result<Value> set_union(Call& c) {
  SQ_CHECK(check_set(c.rt, c[0], "union"));
  return union_of(c.rt, c[0], c[1]);
}

Result<Value> intersect(Call& c) {
  SQ_CHECK(check_set(c.rt, c[0], "intersection"));
  SetBuilder builder(c.rt);
  // CPython goes through the smaller set, so that of equal items (1 and 1.0) its one stays.
  const List* left = c.rt.items_of(c[0]);
  const List* right = c.rt.items_of(c[1]);
  const bool from_right = left != nullptr && right != nullptr && right->size() <= left->size();
  SQ_CHECK(add_filtered(c.rt, builder, from_right ? c[1] : c[0], from_right ? c[0] : c[1], true));
  return builder.finish();
}

Result<Value> difference(Call& c) {
  SQ_CHECK(check_set(c.rt, c[0], "difference"));
  SetBuilder builder(c.rt);
  SQ_CHECK(add_filtered(c.rt, builder, c[0], c[1], false));
  return builder.finish();
}

Result<Value> symmetric_difference(Call& c) {
  SQ_CHECK(check_set(c.rt, c[0], "symmetric_difference"));
  SetBuilder builder(c.rt);
  SQ_CHECK(add_filtered(c.rt, builder, c[0], c[1], false));
  SQ_CHECK(add_filtered(c.rt, builder, c[1], c[0], false));
  return builder.finish();
}

Value rest_as_tuple(const Call& c) {
  List items;
  for (const Arg& arg : c.rest) items.push_back(arg.value);
  return Value::tuple(std::move(items));
}

Result<Value> add(Call& c) {
  SQ_CHECK(check_set(c.rt, c[0], "union"));
  return union_of(c.rt, c[0], rest_as_tuple(c));
}

Result<Value> remove(Call& c) {
  SQ_CHECK(check_set(c.rt, c[0], "difference"));
  SetBuilder builder(c.rt);
  SQ_CHECK(add_filtered(c.rt, builder, c[0], rest_as_tuple(c), false));
  return builder.finish();
}

}  // namespace

Result<Value> union_of(Runtime& rt, const Value& a, const Value& b) {
  SetBuilder builder(rt);
  SQ_CHECK(add_all(rt, builder, a));
  SQ_CHECK(add_all(rt, builder, b));
  return builder.finish();
}

std::span<const Definition> set_functions() {
  static const Definition kFunctions[] = {
      {"isSet arg", is_set},
      {"set *args", set},
      {"toSet collection:iterable", to_set, Use::kMethod},
      {"len set:set", set_length, Use::kBoth},
      {"union left:set right:set", set_union, Use::kMethod},
      {"intersect left:set right:set", intersect, Use::kMethod},
      {"difference left:set right:set", difference, Use::kMethod},
      {"#operator_- left:set right:set", difference},
      {"symmetricDifference left:set right:set", symmetric_difference, Use::kMethod},
      {"add set:set *values", add, Use::kMethod},
      {"remove set:set *values", remove, Use::kMethod},
  };
  return kFunctions;
}

}  // namespace squall::expr::yaql
