// What several modules of YAQL's standard library need.
#pragma once

#include <initializer_list>

#include "base/result.hpp"
#include "expr/yaql/runtime.hpp"
#include "value/value.hpp"

namespace squall::expr::yaql {

// tuple(iterable); a tuple stays itself.
Result<Value> to_tuple(Runtime& rt, const Value& iterable);
// itertools.chain(*iterables).
Result<Value> chain(Runtime& rt, const List& iterables, std::string_view type = "itertools.chain");
// frozenset.union of two sets.
Result<Value> union_of(Runtime& rt, const Value& a, const Value& b);
// functools.reduce(): `seed` null for none. "TypeError" for nothing to reduce.
template <typename Step>
Result<Value> reduce(Runtime& rt, const Value& iterable, const Value* seed, Step step) {
  SQ_TRY(Cursor cursor, rt.iterate(iterable));
  Value total;
  if (seed != nullptr) {
    total = *seed;
  } else {
    SQ_TRY(const bool any, cursor.next(rt, total));
    if (!any) return py::type_error("reduce() of empty iterable with no initial value");
  }
  for (Value item;;) {
    SQ_TRY(const bool more, cursor.next(rt, item));
    if (!more) return total;
    SQ_TRY(total, step(total, item));
  }
}

}  // namespace squall::expr::yaql
