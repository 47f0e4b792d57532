// Lazy sequences: filters, projections, slices, order.
#include <algorithm>

#include "expr/yaql/lib_shared.hpp"
#include "expr/yaql/runtime.hpp"
#include "value/python.hpp"

namespace squall::expr::yaql {

Result<Value> to_tuple(Runtime& rt, const Value& iterable) {
  if (iterable.is_list() || iterable.kind() == Kind::kTuple) return iterable;
  SQ_TRY(List items, rt.to_list(iterable));
  return Value::tuple(std::move(items));
}

Result<Value> chain(Runtime&, const List& iterables, std::string_view type) {
  return make_iterator(
      type,
      [iterables, i = size_t{0}, open = std::optional<Cursor>()](Runtime& rt, Value& out) mutable -> Result<bool> {
        for (;;) {
          if (!open) {
            if (i == iterables.size()) return false;
            SQ_TRY(open, rt.iterate(iterables[i++]));
          }
          SQ_TRY(const bool more, open->next(rt, out));
          if (more) return true;
          open.reset();
        }
      });
}

namespace {

using LambdaPtr = std::shared_ptr<const Lambda>;

Result<Value> where(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  return make_iterator("filter", [cursor, predicate = c.lambda(1)](Runtime& rt, Value& out) mutable -> Result<bool> {
    for (;;) {
      SQ_TRY(const bool more, cursor.next(rt, out));
      if (!more) return false;
      SQ_TRY(const bool holds, rt.test(*predicate, out));
      if (holds) return true;
    }
  });
}

Result<Value> select(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  return make_iterator("map", [cursor, selector = c.lambda(1)](Runtime& rt, Value& out) mutable -> Result<bool> {
    Value item;
    SQ_TRY(const bool more, cursor.next(rt, item));
    if (!more) return false;
    SQ_TRY(out, rt.call_lambda(*selector, {item}));
    return true;
  });
}

Result<Value> select_many(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  return make_iterator("generator:select_many",
                       [cursor, selector = c.lambda(1), inner = std::optional<Cursor>()](
                           Runtime& rt, Value& out) mutable -> Result<bool> {
                         for (;;) {
                           if (inner) {
                             SQ_TRY(const bool more, inner->next(rt, out));
                             if (more) return true;
                             inner.reset();
                           }
                           Value item;
                           SQ_TRY(const bool more, cursor.next(rt, item));
                           if (!more) return false;
                           SQ_TRY(out, rt.call_lambda(*selector, {item}));
                           if (!rt.is_iterable(out)) return true;
                           SQ_TRY(inner, rt.iterate(out));
                         }
                       });
}

// islice() takes 0 to sys.maxsize.
Result<int64_t> slice_limit(const Value& number, bool is_stop) {
  const auto count = py::to_int64(number);
  if (count && *count >= 0) return *count;
  // CPython takes -1 for a stop that it could not read.
  const std::string_view what = is_stop && (!count || *count == -1) ? "Stop argument" : "Indices";
  return py::value_error(std::string(what) + " for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
}

Result<Value> skip(Call& c) {
  SQ_TRY(const int64_t count, slice_limit(c[1], false));
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  return make_iterator("itertools.islice", [cursor, left = count](Runtime& rt, Value& out) mutable -> Result<bool> {
    for (; left > 0; --left) {
      SQ_TRY(const bool more, cursor.next(rt, out));
      if (!more) return false;
    }
    return cursor.next(rt, out);
  });
}

Result<Value> limit(Call& c) {
  SQ_TRY(const int64_t count, slice_limit(c[1], true));
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  return make_iterator("itertools.islice", [cursor, left = count](Runtime& rt, Value& out) mutable -> Result<bool> {
    if (left == 0) return false;
    --left;
    return cursor.next(rt, out);
  });
}

Result<Value> append(Call& c) {
  List rest;
  for (const Arg& arg : c.rest) rest.push_back(arg.value);
  return chain(c.rt, {c[0], Value::tuple(std::move(rest))}, "generator:append");
}

Result<Value> concat(Call& c) {
  List iterables;
  for (const Arg& arg : c.rest) iterables.push_back(arg.value);
  return chain(c.rt, iterables);
}

Result<Value> distinct_of(Runtime& rt, const Value& iterable, LambdaPtr selector) {
  SQ_TRY(Cursor cursor, rt.iterate(iterable));
  return make_iterator("generator:distinct",
                       [cursor, selector, seen = std::make_shared<SetBuilder>(rt)](Runtime& runtime,
                                                                                   Value& out) mutable -> Result<bool> {
                         for (;;) {
                           SQ_TRY(const bool more, cursor.next(runtime, out));
                           if (!more) return false;
                           Value key = out;
                           if (selector != nullptr) {
                             SQ_TRY(key, runtime.call_lambda(*selector, {out}));
                           }
                           SQ_TRY(const bool is_new, seen->add(key));
                           if (is_new) return true;
                         }
                       });
}

Result<Value> distinct(Call& c) { return distinct_of(c.rt, c[0], c.lambda(1)); }

Result<Value> enumerate(Call& c) {
  if (c[1].is_null()) return py::type_error("'NoneType' object cannot be interpreted as an integer");
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  return make_iterator("generator:enumerate_",
                       [cursor, number = py::positive(c[1])](Runtime& rt, Value& out) mutable -> Result<bool> {
                         Value item;
                         SQ_TRY(const bool more, cursor.next(rt, item));
                         if (!more) return false;
                         out = make_list({number, std::move(item)});
                         SQ_TRY(number, py::arithmetic(py::BinaryOp::kAdd, number, Value(1)));
                         return true;
                       });
}

Result<Value> memorize(Call& c) {
  if (as<Memory>(c[0]) != nullptr) return c[0];
  if (as<Iterator>(c[0]) != nullptr) return make<Memory>(c[0]);
  // Views and orderings come through yaql's limiter, which makes them iterators.
  if (c.rt.is_sequence(c[0]) || c.rt.is_set(c[0])) return c[0];
  SQ_TRY(Value once, chain(c.rt, {c[0]}));
  return make<Memory>(std::move(once));
}

template <bool Ascending>
Result<Value> order_by(Call& c) {
  auto ordering = std::make_shared<Ordering>(c[0]);
  ordering->add({c.lambda(1), Ascending});
  return Value::object(std::move(ordering));
}

template <bool Ascending>
Result<Value> then_by(Call& c) {
  as<Ordering>(c[0])->add({c.lambda(1), Ascending});
  return c[0];
}

std::vector<std::shared_ptr<Cursor>> no_cursors() { return {}; }

Result<Value> zipped(Call& c, bool longest) {
  auto cursors = no_cursors();
  for (const Arg& arg : c.rest) {
    SQ_TRY(Cursor cursor, c.rt.iterate(arg.value));
    cursors.push_back(std::make_shared<Cursor>(std::move(cursor)));
  }
  Value fill;
  for (const auto& [name, arg] : c.keywords) {
    if (name == "default") fill = arg.value;
  }
  return make_iterator(longest ? "itertools.zip_longest" : "zip",
                       [cursors, longest, fill](Runtime& rt, Value& out) mutable -> Result<bool> {
                         List items;
                         bool any = false;
                         for (auto& cursor : cursors) {
                           Value item = fill;
                           if (cursor != nullptr) {
                             SQ_TRY(const bool more, cursor->next(rt, item));
                             if (!more && !longest) return false;
                             if (!more) {
                               cursor = nullptr;
                               item = fill;
                             }
                             any = any || more;
                           }
                           items.push_back(std::move(item));
                         }
                         if (any) out = Value::tuple(std::move(items));
                         return any;
                       });
}
Result<Value> zip(Call& c) { return zipped(c, false); }
Result<Value> zip_longest(Call& c) { return zipped(c, true); }

Result<Value> join(Call& c) {
  const Value second = as<Iterator>(c[1]) != nullptr ? make<Memory>(c[1]) : c[1];
  SQ_TRY(Cursor outer, c.rt.iterate(c[0]));
  return make_iterator("generator:join",
                       [outer, second, predicate = c.lambda(2), selector = c.lambda(3), inner = std::optional<Cursor>(),
                        item = Value()](Runtime& rt, Value& out) mutable -> Result<bool> {
                         for (;;) {
                           if (!inner) {
                             SQ_TRY(const bool more, outer.next(rt, item));
                             if (!more) return false;
                             SQ_TRY(inner, rt.iterate(second));
                           }
                           Value other;
                           SQ_TRY(const bool more, inner->next(rt, other));
                           if (!more) {
                             inner.reset();
                             continue;
                           }
                           SQ_TRY(const Value matches, rt.call_lambda(*predicate, {item, other}));
                           SQ_TRY(const bool holds, rt.truthy(matches));
                           if (!holds) continue;
                           SQ_TRY(out, rt.call_lambda(*selector, {item, other}));
                           return true;
                         }
                       });
}

Result<Value> take_while(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  return make_iterator("itertools.takewhile",
                       [cursor, predicate = c.lambda(1)](Runtime& rt, Value& out) mutable -> Result<bool> {
                         SQ_TRY(const bool more, cursor.next(rt, out));
                         if (!more) return false;
                         return rt.test(*predicate, out);
                       });
}

Result<Value> skip_while(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  return make_iterator(
      "itertools.dropwhile",
      [cursor, predicate = c.lambda(1), skipping = true](Runtime& rt, Value& out) mutable -> Result<bool> {
        for (;;) {
          SQ_TRY(const bool more, cursor.next(rt, out));
          if (!more || !skipping) return more;
          SQ_TRY(const bool holds, rt.test(*predicate, out));
          skipping = holds;
          if (!holds) return true;
        }
      });
}

Result<Value> slice(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  return make_iterator("generator:slice_", [cursor, length = c[1]](Runtime& rt, Value& out) mutable -> Result<bool> {
    SQ_TRY(const int64_t size, slice_limit(length, true));
    List items;
    for (Value item; static_cast<int64_t>(items.size()) < size;) {
      SQ_TRY(const bool more, cursor.next(rt, item));
      if (!more) break;
      items.push_back(std::move(item));
    }
    if (items.empty()) return false;
    out = Value::tuple(std::move(items));
    return true;
  });
}

Value part_of(const List& items, size_t start, size_t end) {
  return Value::tuple(
      List(items.begin() + static_cast<std::ptrdiff_t>(start), items.begin() + static_cast<std::ptrdiff_t>(end)));
}

// Divides a list: at elements that match (which go), or where the answer of the predicate changes.
Value divided(const Value& source, LambdaPtr predicate, bool at_changes) {
  struct State {
    bool read = false;
    List items = {};
    size_t start = 0;
    size_t end = 0;
    std::optional<Value> last = {};
  };
  return make_iterator(at_changes ? "generator:slice_where" : "generator:split_where",
                       [source, predicate, at_changes, s = State()](Runtime& rt, Value& out) mutable -> Result<bool> {
                         if (!s.read) {
                           SQ_TRY(s.items, rt.to_list(source));
                           s.read = true;
                         }
                         while (s.end < s.items.size()) {
                           SQ_TRY(Value answer, rt.call_lambda(*predicate, {s.items[s.end]}));
                           bool cut = false;
                           if (at_changes) {
                             bool same = true;
                             if (s.last) {
                               SQ_TRY(same, rt.equal(*s.last, answer));
                             }
                             cut = !same;
                             s.last = std::move(answer);
                           } else {
                             SQ_TRY(cut, rt.truthy(answer));
                           }
                           if (cut) {
                             out = part_of(s.items, s.start, s.end);
                             s.start = at_changes ? s.end : s.end + 1;
                             ++s.end;
                             return true;
                           }
                           ++s.end;
                         }
                         if (s.start == s.end) return false;
                         out = part_of(s.items, s.start, s.end);
                         s.start = s.end;
                         return true;
                       });
}

Result<Value> split_where(Call& c) { return divided(c[0], c.lambda(1), false); }
Result<Value> slice_where(Call& c) { return divided(c[0], c.lambda(1), true); }

Result<Value> split_at(Call& c) {
  SQ_TRY(const List items, c.rt.to_list(c[0]));
  const auto size = static_cast<int64_t>(items.size());
  int64_t at = py::to_int64(c[1]).value_or(py::is_negative(c[1]) ? -size : size);
  if (at < 0) at += size;
  const auto middle = static_cast<size_t>(std::clamp<int64_t>(at, 0, size));
  return make_list({part_of(items, 0, middle), part_of(items, middle, items.size())});
}

Result<Value> reverse(Call& c) {
  SQ_TRY(List items, c.rt.to_list(c[0]));
  return make_iterator("reversed", [items = std::move(items)](Runtime&, Value& out) mutable -> Result<bool> {
    if (items.empty()) return false;
    out = std::move(items.back());
    items.pop_back();
    return true;
  });
}

// --- mergeWith
// --------------------------------------------------------------------------------------------------------

struct Merger {
  Runtime& rt;
  LambdaPtr lists;
  LambdaPtr items;

  std::string class_of(const Value& value) const {
    const std::string name(rt.type_name(value));
    return "<class '" + (name == "FrozenDict" ? "yaql.language.utils." + name : name) + "'>";
  }

  tl::unexpected<Error> cannot(const Value& a, const Value& b) const {
    return py::type_error("Cannot merge " + class_of(a) + " with " + class_of(b));
  }

  Result<Value> merge_lists(const Value& a, const Value& b) const {
    if (lists != nullptr) return rt.call_lambda(*lists, {a, b});
    const bool a_list = as<PyList>(a) != nullptr;
    const bool b_list = as<PyList>(b) != nullptr;
    if (a_list != b_list) {
      const std::string type(rt.type_name(a));
      return py::type_error("can only concatenate " + type + " (not \"" + std::string(rt.type_name(b)) + "\") to " +
                            type);
    }
    SQ_TRY(const Value both, chain(rt, {a, b}));
    SQ_TRY(const Value once, distinct_of(rt, both, nullptr));
    return to_tuple(rt, once);
  }

  Result<Value> merge(const Value& left, const Value& right, int64_t levels, size_t depth) const {
    if (depth > kDepthMax) return py::limit_error("dicts are nested too deep to be merged");
    const auto a = MapRef::of(left);
    const auto b = MapRef::of(right);
    MapBuilder builder(rt);
    for (size_t i = 0; i < a->size(); ++i) {
      SQ_TRY(const Value* other, b->find(rt, a->key(i)));
      Value merged = a->value(i);
      if (other != nullptr) {
        SQ_TRY(merged, merge_one(a->value(i), *other, levels, depth));
      }
      SQ_CHECK(builder.set(a->key(i), std::move(merged)));
    }
    for (size_t i = 0; i < b->size(); ++i) {
      SQ_TRY(const Value* known, a->find(rt, b->key(i)));
      if (known == nullptr) SQ_CHECK(builder.set(b->key(i), b->value(i)));
    }
    return builder.finish(false);
  }

  Result<Value> merge_one(const Value& a, const Value& b, int64_t levels, size_t depth) const {
    if (levels != 1 && rt.is_mapping(b)) {
      if (!rt.is_mapping(a)) return cannot(a, b);
      return merge(a, b, levels == 0 ? 0 : levels - 1, depth + 1);
    }
    if (levels != 1 && rt.is_sequence(b)) {
      if (!rt.is_sequence(a)) return cannot(a, b);
      return merge_lists(a, b);
    }
    return items != nullptr ? rt.call_lambda(*items, {a, b}) : b;
  }
};

Result<Value> merge_with(Call& c) {
  const Merger merger{c.rt, c.lambda(2), c.lambda(3)};
  return merger.merge(c[0], c[1], c.clamped(4), 0);
}

Result<Value> is_iterable(Call& c) { return Value(c.rt.is_iterable(c[0])); }

}  // namespace

std::span<const Definition> query_functions() {
  static const Definition kFunctions[] = {
      {"where collection:iterable predicate:lambda", where, Use::kMethod},
      {"filter collection:iterable predicate:lambda", where, Use::kMethod},
      {"select collection:iterable selector:lambda", select, Use::kMethod},
      {"map collection:iterable selector:lambda", select, Use::kMethod},
      {"selectMany collection:iterable selector:lambda", select_many, Use::kMethod},
      {"skip collection:iterable count:int", skip, Use::kMethod},
      {"limit collection:iterable count:int", limit, Use::kMethod},
      {"take collection:iterable count:int", limit, Use::kMethod},
      {"append collection:iterable *args", append, Use::kBoth},
      {"distinct collection:iterable key_selector:lambda=null", distinct, Use::kBoth},
      {"enumerate collection:iterable start:int?=0", enumerate, Use::kBoth},
      {"concat *collections:iterable", concat, Use::kBoth},
      {"memorize collection:iterable", memorize, Use::kMethod},
      {"orderBy collection:iterable selector:lambda", order_by<true>, Use::kMethod},
      {"orderByDescending collection:iterable selector:lambda", order_by<false>, Use::kMethod},
      {"thenBy collection:ordering selector:lambda", then_by<true>, Use::kMethod},
      {"thenByDescending collection:ordering selector:lambda", then_by<false>, Use::kMethod},
      {"zip *collections:iterable", zip, Use::kMethod},
      {"zipLongest *collections:iterable **kwargs", zip_longest, Use::kMethod},
      {"join collection1:iterable collection2:iterable predicate:lambda selector:lambda", join, Use::kMethod},
      {"takeWhile collection:iterable predicate:lambda", take_while, Use::kMethod},
      {"skipWhile collection:iterable predicate:lambda", skip_while, Use::kMethod},
      {"slice collection:iterable length:int", slice, Use::kMethod},
      {"splitWhere collection:iterable predicate:lambda", split_where, Use::kMethod},
      {"sliceWhere collection:iterable predicate:lambda", slice_where, Use::kMethod},
      {"splitAt collection:iterable index:int", split_at, Use::kMethod},
      {"reverse collection:iterable", reverse, Use::kMethod},
      {"mergeWith dict:mapping another:mapping list_merger:lambda=null item_merger:lambda=null max_levels:int=0",
       merge_with, Use::kMethod},
      {"isIterable value", is_iterable},
  };
  return kFunctions;
}

}  // namespace squall::expr::yaql
