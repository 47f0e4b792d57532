// Lists and dicts.
#include <algorithm>

#include "expr/yaql/lib_shared.hpp"
#include "expr/yaql/runtime.hpp"
#include "value/python.hpp"

namespace squall::expr::yaql {

namespace {

// --- Lists
// ------------------------------------------------------------------------------------------------------------

Status gather(Runtime& rt, const Value& value, List& out) {
  if (!rt.is_iterator(value)) {
    SQ_CHECK(rt.charge_elements(1));
    out.push_back(value);
    return {};
  }
  SQ_TRY(Cursor cursor, rt.iterate(value));
  for (Value item;;) {
    SQ_TRY(const bool more, cursor.next(rt, item));
    if (!more) return {};
    SQ_CHECK(gather(rt, item, out));
  }
}

// list(...): iterators among the arguments are spread.
Result<Value> list(Call& c) {
  List items;
  for (const Arg& arg : c.rest) SQ_CHECK(gather(c.rt, arg.value, items));
  return Value::tuple(std::move(items));
}

Result<Value> build_list(Call& c) {
  List items;
  for (const Arg& arg : c.rest) items.push_back(arg.value);
  return Value::tuple(std::move(items));
}

Result<Value> to_list(Call& c) { return to_tuple(c.rt, c[0]); }

Result<Value> flatten(Call& c) {
  SQ_TRY(Cursor first, c.rt.iterate(c[0]));
  std::vector<Cursor> open;
  open.push_back(std::move(first));
  return make_iterator("generator:flatten", [open = std::move(open)](Runtime& rt, Value& out) mutable -> Result<bool> {
    while (!open.empty()) {
      SQ_TRY(const bool more, open.back().next(rt, out));
      if (!more) {
        open.pop_back();
      } else if (rt.is_iterable(out)) {
        if (open.size() > kDepthMax) return py::limit_error("lists are nested too deep to be flattened");
        SQ_TRY(Cursor inner, rt.iterate(out));
        open.push_back(std::move(inner));
      } else {
        return true;
      }
    }
    return false;
  });
}

Result<Value> list_index(Call& c) {
  const bool is_list = as<PyList>(c[0]) != nullptr;
  const auto index = py::to_int64(c[1]);
  if (!index) return py::raise("IndexError", "cannot fit 'int' into an index-sized integer");
  List bytes;
  const List* items = c.rt.items_of(c[0]);
  if (items == nullptr) {
    SQ_TRY(bytes, c.rt.to_list(c[0]));
    items = &bytes;
  }
  const auto size = static_cast<int64_t>(items->size());
  const int64_t at = *index < 0 ? *index + size : *index;
  if (at < 0 || at >= size) {
    const bool is_bytes = c[0].kind() == Kind::kBytes;
    return py::raise("IndexError", is_bytes  ? "index out of range"
                                   : is_list ? "list index out of range"
                                             : "tuple index out of range");
  }
  return (*items)[static_cast<size_t>(at)];
}

Result<Value> contains(Runtime& rt, const Value& collection, const Value& item) {
  SQ_TRY(const bool found, rt.contains(collection, item));
  return Value(found);
}
Result<Value> in(Call& c) { return contains(c.rt, c[1], c[0]); }
Result<Value> contains_item(Call& c) { return contains(c.rt, c[0], c[1]); }

bool is_tuple(const Value& value) { return value.is_list() || value.kind() == Kind::kTuple; }
bool is_frozen_set(const Value& value) { return value.kind() == Kind::kSet || as<PySet>(value) != nullptr; }

Result<Value> combine_lists(Call& c) {
  if (is_tuple(c[0]) && is_tuple(c[1])) {
    SQ_CHECK(c.rt.charge_elements(c[0].size() + c[1].size()));
    List items = c[0].as_list();
    items.insert(items.end(), c[1].as_list().begin(), c[1].as_list().end());
    return Value::tuple(std::move(items));
  }
  if (is_frozen_set(c[0]) && is_frozen_set(c[1])) return union_of(c.rt, c[0], c[1]);
  return chain(c.rt, {c[0], c[1]});
}

Result<Value> repeat_list(Runtime& rt, const Value& list, const Value& times) {
  const auto count = py::to_int64(times);
  if (!count) return py::raise("OverflowError", "cannot fit 'int' into an index-sized integer");
  SQ_TRY(const List items, rt.to_list(list));
  List out;
  if (!py::is_negative(times) && !items.empty()) {
    if (static_cast<uint64_t>(*count) > kElementsMax / items.size())
      return fail(rt.charge_elements(SIZE_MAX / 2).error());
    SQ_CHECK(rt.charge_elements(items.size() * static_cast<size_t>(*count)));
    for (int64_t i = 0; i < *count; ++i) out.insert(out.end(), items.begin(), items.end());
  }
  return as<PyList>(list) != nullptr ? make_list(std::move(out)) : Value::tuple(std::move(out));
}
Result<Value> list_by_int(Call& c) { return repeat_list(c.rt, c[0], c[1]); }
Result<Value> int_by_list(Call& c) { return repeat_list(c.rt, c[1], c[0]); }

Result<Value> is_list(Call& c) { return Value(c.rt.is_sequence(c[0])); }
Result<Value> is_dict(Call& c) { return Value(c.rt.is_mapping(c[0])); }

Result<Value> sequence_length(Call& c) {
  const List* items = c.rt.items_of(c[0]);
  return Value(items != nullptr ? items->size() : c[0].size());
}

// Where deletions and replacements apply: [position, position + count), or to the end for a negative count.
struct Span {
  int64_t position, count;  // clamped to 64 bits
  bool has(int64_t index) const {
    if (count < 0) return index >= position;
    if (index < position) return false;
    int64_t end = 0;
    return __builtin_add_overflow(position, count, &end) || index < end;
  }
};

Result<Value> remove_span(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  const int64_t position = c.clamped(1);
  const int64_t count = c.clamped(2);
  return make_iterator(
      "generator:delete",
      [cursor, span = Span{position, count}, i = int64_t{0}](Runtime& rt, Value& out) mutable -> Result<bool> {
        for (;;) {
          SQ_TRY(const bool more, cursor.next(rt, out));
          if (!more) return false;
          if (!span.has(i++)) return true;
        }
      });
}

// Puts the elements of `values` where the span begins.
Value replaced_span(std::string_view function, Cursor cursor, Cursor values, Span span) {
  return make_iterator(function,
                       [cursor, values, span, i = int64_t{0}, giving = false, given = false](
                           Runtime& rt, Value& out) mutable -> Result<bool> {
                         for (;;) {
                           if (giving) {
                             SQ_TRY(const bool more, values.next(rt, out));
                             if (more) return true;
                             giving = false;
                           }
                           SQ_TRY(const bool more, cursor.next(rt, out));
                           if (!more) return false;
                           if (!span.has(i++)) return true;
                           giving = !given;
                           given = true;
                         }
                       });
}

Result<Value> replace_item(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  const int64_t position = c.clamped(1);
  const int64_t count = c.clamped(3);
  SQ_TRY(Cursor one, c.rt.iterate(Value::tuple({c[2]})));
  return replaced_span("generator:replace", std::move(cursor), std::move(one), {position, count});
}

Result<Value> replace_items(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  const int64_t position = c.clamped(1);
  const int64_t count = c.clamped(3);
  SQ_TRY(Cursor values, c.rt.iterate(c[2]));
  return replaced_span("generator:replace_many", std::move(cursor), std::move(values), {position, count});
}

Result<Value> insert_into_list(Call& c) {
  SQ_TRY(List items, c.rt.to_list(c[0]));
  const auto size = static_cast<int64_t>(items.size());
  SQ_TRY(int64_t at, c.integer(1));
  if (at < 0) at = std::max<int64_t>(at + size, 0);
  items.insert(items.begin() + std::min(at, size), c[2]);
  return make_list(std::move(items));
}

// insert() on an iterator, and insertMany(): what lies beyond the end is added there; before the start, insertMany()
// puts it first and insert() drops it.
Value inserted(std::string_view function, Cursor cursor, Cursor values, int64_t position, bool first_when_negative) {
  struct State {
    int64_t i = 0;
    bool giving, given;
    bool pending = false;
    bool ended = false;
    Value held = {};
  };
  return make_iterator(
      function,
      [cursor, values, position, s = State{.giving = first_when_negative && position < 0, .given = position < 0}](
          Runtime& rt, Value& out) mutable -> Result<bool> {
        for (;;) {
          if (s.giving) {
            SQ_TRY(const bool more, values.next(rt, out));
            if (more) return true;
            s.giving = false;
          }
          if (s.pending) {
            out = std::move(s.held);
            s.pending = false;
            return true;
          }
          if (s.ended) return false;
          SQ_TRY(const bool more, cursor.next(rt, s.held));
          if (!more) {
            s.ended = true;
            s.giving = position > s.i - 1 && !s.given;
            continue;
          }
          s.pending = true;
          if (s.i++ == position) s.giving = s.given = true;
        }
      });
}

Result<Value> insert_into_iterator(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  const int64_t position = c.clamped(1);
  SQ_TRY(Cursor one, c.rt.iterate(Value::tuple({c[2]})));
  return inserted("generator:iter_insert", std::move(cursor), std::move(one), position, false);
}

Result<Value> insert_many(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  const int64_t position = c.clamped(1);
  SQ_TRY(Cursor values, c.rt.iterate(c[2]));
  return inserted("generator:insert_many", std::move(cursor), std::move(values), position, true);
}

// --- Dicts
// ------------------------------------------------------------------------------------------------------------

Status add_rules(MapBuilder& builder, const std::vector<Arg>& rules) {
  for (const Arg& arg : rules) {
    const auto* rule = as<MappingRule>(arg.value);
    SQ_CHECK(builder.set(rule->source, rule->destination));
  }
  return {};
}

Result<Value> dict(Call& c) {
  MapBuilder builder(c.rt);
  SQ_CHECK(add_rules(builder, c.rest));
  return builder.finish(true);
}

Result<Value> dict_of_pairs(Call& c) {
  MapBuilder builder(c.rt);
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  for (Value pair;;) {
    SQ_TRY(const bool more, cursor.next(c.rt, pair));
    if (!more) return builder.finish(true);
    SQ_TRY(Cursor sides, c.rt.iterate(pair));
    Value key;
    Value value;
    SQ_TRY(const bool has_key, sides.next(c.rt, key));
    if (!has_key) return py::raise("StopIteration", "");
    SQ_TRY(const bool has_value, sides.next(c.rt, value));
    if (!has_value) return py::raise("StopIteration", "");
    SQ_CHECK(builder.set(key, std::move(value)));
  }
}

Result<Value> to_dict(Call& c) {
  MapBuilder builder(c.rt);
  const auto key_selector = c.lambda(1);
  const auto value_selector = c.lambda(2);
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  for (Value item;;) {
    SQ_TRY(const bool more, cursor.next(c.rt, item));
    if (!more) return builder.finish(false);
    SQ_TRY(const Value key, c.rt.call_lambda(*key_selector, {item}));
    Value value = item;
    if (value_selector != nullptr) {
      SQ_TRY(value, c.rt.call_lambda(*value_selector, {item}));
    }
    SQ_CHECK(builder.set(key, std::move(value)));
  }
}

Result<Value> dict_index(Call& c) {
  SQ_TRY(const Value* found, MapRef::of(c[0])->find(c.rt, c[1]));
  if (found != nullptr) return *found;
  SQ_TRY(std::string shown, c.rt.repr(c[1]));
  return py::raise("KeyError", std::move(shown));
}

Result<Value> dict_get(Call& c) {
  SQ_TRY(const Value* found, MapRef::of(c[0])->find(c.rt, c[1]));
  return found != nullptr ? *found : c[2];
}

Result<Value> dict_set(Call& c) {
  MapBuilder builder(c.rt);
  SQ_CHECK(builder.merge(*MapRef::of(c[0])));
  SQ_CHECK(builder.set(c[1], c[2]));
  return builder.finish(true);
}

Result<Value> merged(Call& c) {
  MapBuilder builder(c.rt);
  SQ_CHECK(builder.merge(*MapRef::of(c[0])));
  SQ_CHECK(builder.merge(*MapRef::of(c[1])));
  return builder.finish(true);
}

Result<Value> dict_set_rules(Call& c) {
  MapBuilder builder(c.rt);
  SQ_CHECK(builder.merge(*MapRef::of(c[0])));
  SQ_CHECK(add_rules(builder, c.rest));
  return builder.finish(true);
}

template <MapView::Part P>
Result<Value> dict_view(Call& c) {
  return make<MapView>(P, c[0]);
}

Result<Value> contains_key(Call& c) {
  SQ_TRY(const Value* found, MapRef::of(c[0])->find(c.rt, c[1]));
  return Value(found != nullptr);
}

Result<Value> contains_value(Call& c) {
  const auto map = MapRef::of(c[0]);
  for (size_t i = 0; i < map->size(); ++i) {
    SQ_TRY(const bool same, c.rt.equal(map->value(i), c[1]));
    if (same) return Value(true);
  }
  return Value(false);
}

Result<Value> dict_length(Call& c) { return Value(MapRef::of(c[0])->size()); }

Result<Value> delete_keys(Call& c) {
  MapBuilder builder(c.rt);
  SQ_CHECK(builder.merge(*MapRef::of(c[0])));
  for (const Arg& key : c.rest) SQ_CHECK(builder.erase(key.value));
  return builder.finish(false);
}

Result<Value> delete_all_keys(Call& c) {
  MapBuilder builder(c.rt);
  SQ_CHECK(builder.merge(*MapRef::of(c[0])));
  SQ_TRY(const List keys, c.rt.to_list(c[1]));
  for (const Value& key : keys) SQ_CHECK(builder.erase(key));
  return builder.finish(false);
}

}  // namespace

std::span<const Definition> list_functions() {
  static const Definition kFunctions[] = {
      {"list *args", list},
      {"#list *args", build_list},
      {"toList collection:iterable", to_list, Use::kMethod},
      {"flatten collection:iterable", flatten, Use::kMethod},
      {"#indexer list:sequence index:int", list_index},
      {"#operator_in value collection:iterable", in},
      {"contains collection:iterable value", contains_item, Use::kMethod},
      {"#operator_+ left:iterable right:iterable", combine_lists},
      {"#operator_* left:sequence right:int", list_by_int},
      {"#operator_* left:int right:sequence", int_by_list},
      {"isList arg", is_list},
      {"len sequence:sequence", sequence_length, Use::kBoth},
      {"delete collection:iterable position:int count:int=1", remove_span, Use::kMethod},
      {"replace collection:iterable position:int value count:int=1", replace_item, Use::kMethod},
      {"replaceMany collection:iterable position:int values:iterable count:int=1", replace_items, Use::kMethod},
      {"insert collection:noset position:int value", insert_into_iterator, Use::kMethod},
      {"insert collection:sequence position:int value", insert_into_list, Use::kMethod},
      {"insertMany collection:iterable position:int values:iterable", insert_many, Use::kMethod},
  };
  return kFunctions;
}

std::span<const Definition> dict_functions() {
  static const Definition kFunctions[] = {
      {"dict *args:rulevalue", dict, Use::kFunction, true},
      {"#map *args:rulevalue", dict, Use::kFunction, true},
      {"dict items:iterable", dict_of_pairs, Use::kFunction, true},
      {"toDict collection:iterable key_selector:lambda value_selector:lambda=null", to_dict, Use::kMethod},
      {"#indexer dict:mapping key", dict_index},
      {"#indexer dict:mapping key default", dict_get},
      {"get dict:mapping key default=null", dict_get, Use::kMethod},
      {"set dict:mapping key value", dict_set, Use::kMethod, true},
      {"set dict:mapping replacements:mapping", merged, Use::kMethod, true},
      {"set dict:mapping *args:rulevalue", dict_set_rules, Use::kMethod, true},
      {"keys dict:mapping", dict_view<MapView::Part::kKeys>, Use::kMethod},
      {"values dict:mapping", dict_view<MapView::Part::kValues>, Use::kMethod},
      {"items dict:mapping", dict_view<MapView::Part::kItems>, Use::kMethod},
      {"containsKey dict:mapping key", contains_key, Use::kMethod},
      {"containsValue dict:mapping value", contains_value, Use::kMethod},
      {"#operator_+ left:mapping right:mapping", merged},
      {"isDict arg", is_dict},
      {"len dict:mapping", dict_length, Use::kBoth},
      {"delete dict:mapping *keys", delete_keys, Use::kMethod},
      {"deleteAll dict:mapping keys:iterable", delete_all_keys, Use::kMethod},
  };
  return kFunctions;
}

}  // namespace squall::expr::yaql
