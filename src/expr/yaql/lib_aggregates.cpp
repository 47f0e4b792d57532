// What makes one value of a sequence, and groupBy().
#include "expr/yaql/lib_shared.hpp"
#include "expr/yaql/runtime.hpp"

namespace squall::expr::yaql {

namespace {

using LambdaPtr = std::shared_ptr<const Lambda>;

Result<Value> any(Call& c) {
  const LambdaPtr predicate = c.lambda(1);
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  for (Value item;;) {
    SQ_TRY(const bool more, cursor.next(c.rt, item));
    if (!more) return Value(false);
    if (predicate == nullptr) return Value(true);
    SQ_TRY(const bool holds, c.rt.test(*predicate, item));
    if (holds) return Value(true);
  }
}

Result<Value> all(Call& c) {
  const LambdaPtr predicate = c.lambda(1);
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  for (Value item;;) {
    SQ_TRY(const bool more, cursor.next(c.rt, item));
    if (!more) return Value(true);
    SQ_TRY(const bool holds, predicate == nullptr ? c.rt.truthy(item) : c.rt.test(*predicate, item));
    if (!holds) return Value(false);
  }
}

Result<Value> count(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  int64_t number = 0;
  for (Value item;; ++number) {
    SQ_TRY(const bool more, cursor.next(c.rt, item));
    if (!more) return Value(number);
  }
}

// sum(), max(), min(): a binary function over all elements, `initial` first when given.
Result<Value> reduce_by(Call& c, std::string_view function) {
  const ContextPtr& context = c.context();
  return reduce(c.rt, c[0], c.has(1) ? &c[1] : nullptr,
                [&](const Value& a, const Value& b) { return c.rt.call_operator(function, a, b, context); });
}
Result<Value> sum(Call& c) { return reduce_by(c, "#operator_+"); }
Result<Value> max(Call& c) { return reduce_by(c, "max"); }
Result<Value> min(Call& c) { return reduce_by(c, "min"); }

Result<Value> aggregate(Call& c) {
  const LambdaPtr selector = c.lambda(1);
  return reduce(c.rt, c[0], c.has(2) ? &c[2] : nullptr, [&](const Value& a, const Value& b) {
    return c.rt.call_lambda(*selector, {a, b});
  });
}

Result<Value> accumulate(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  struct State {
    bool started = false;
    Value total = {};
  };
  return make_iterator("generator:accumulate",
                       [cursor, selector = c.lambda(1), has_seed = c.has(2), seed = c[2], s = State()](
                           Runtime& rt, Value& out) mutable -> Result<bool> {
                         if (!s.started) {
                           s.started = true;
                           s.total = seed;
                           if (!has_seed) {
                             SQ_TRY(const bool more, cursor.next(rt, s.total));
                             if (!more) return py::type_error("accumulate() of empty sequence with no initial value");
                           }
                           out = s.total;
                           return true;
                         }
                         Value item;
                         SQ_TRY(const bool more, cursor.next(rt, item));
                         if (!more) return false;
                         SQ_TRY(s.total, rt.call_lambda(*selector, {s.total, item}));
                         out = s.total;
                         return true;
                       });
}

tl::unexpected<Error> stop(std::string message = {}) { return py::raise("StopIteration", std::move(message)); }

Result<Value> first(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  Value item;
  SQ_TRY(const bool more, cursor.next(c.rt, item));
  if (more) return item;
  if (!c.has(1)) return stop();
  return c[1];
}

Result<Value> single(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  Value item;
  SQ_TRY(const bool one, cursor.next(c.rt, item));
  if (!one) return stop();
  Value other;
  SQ_TRY(const bool two, cursor.next(c.rt, other));
  if (two) return stop("Collection contains more than one item");
  return item;
}

Result<Value> last(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  if (const List* items = c.rt.items_of(c[0]); items != nullptr && c.rt.is_sequence(c[0]) && !items->empty()) {
    return items->back();
  }
  Value item = c[1];
  bool any_item = false;
  for (Value next;;) {
    SQ_TRY(const bool more, cursor.next(c.rt, next));
    if (!more) break;
    item = std::move(next);
    any_item = true;
  }
  if (!any_item && !c.has(1)) return stop();
  return item;
}

Result<Value> index_of(Call& c, bool want_last, const std::function<Result<bool>(const Value&)>& matches) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  int64_t found = -1;
  Value item;
  for (int64_t i = 0;; ++i) {
    SQ_TRY(const bool more, cursor.next(c.rt, item));
    if (!more) return Value(found);
    SQ_TRY(const bool match, matches(item));
    if (!match) continue;
    found = i;
    if (!want_last) return Value(found);
  }
}

template <bool Last>
Result<Value> index_of_item(Call& c) {
  return index_of(c, Last, [&](const Value& item) { return c.rt.equal(item, c[1]); });
}

template <bool Last>
Result<Value> index_where(Call& c) {
  const LambdaPtr predicate = c.lambda(1);
  return index_of(c, Last, [&](const Value& item) { return c.rt.test(*predicate, item); });
}

// --- groupBy
// ----------------------------------------------------------------------------------------------------------

// The aggregator gets the values of a group. Old expressions wanted the pair (key, values): yaql finds out on the first
// group whether the new way fails, or gives what looks like a pair, and then tries the old one.
class Aggregator {
 public:
  explicit Aggregator(LambdaPtr lambda) : lambda_(std::move(lambda)) {}

  Result<Value> apply(Runtime& rt, const Value& key, const Value& values) {
    Value pair = Value::tuple({key, values});
    if (lambda_ == nullptr) return pair;
    if (!failure_) {
      Result<Value> result = rt.call_lambda(*lambda_, {values});
      if (result) {
        SQ_TRY(const bool pair_like, looks_like_pair(rt, *result, values));
        if (!pair_like) fallback_ = false;
        return Value::tuple({key, *std::move(result)});
      }
      const std::string& type = result.error().type();
      const bool retry =
          type == "NoMatchingMethodException" || type == "NoMatchingFunctionException" || type == "IndexError";
      if (!retry) return result;
      failure_ = result.error();
    }
    if (fallback_) {
      const Result<Value> result = rt.call_lambda(*lambda_, {pair});
      if (!result && result.error().code() == ErrorCode::kLimit) return result;
      if (result && length(rt, *result) == 2) return result;
    }
    return fail(*failure_);
  }

 private:
  static size_t length(Runtime& rt, const Value& value) {
    if (const List* items = rt.items_of(value)) return items->size();
    if (const auto map = MapRef::of(value)) return map->size();
    return value.is_string() ? value.size() : 0;
  }

  static Result<bool> looks_like_pair(Runtime& rt, const Value& result, const Value& values) {
    const List* items = rt.items_of(result);
    const List& group = *rt.items_of(values);
    if (group.size() != 2 || items == nullptr || !rt.is_sequence(result) || items->size() != 2) return false;
    return rt.equal((*items)[0], group[0]);
  }

  LambdaPtr lambda_;
  bool fallback_ = true;
  std::optional<Error> failure_;
};

Result<Value> group_by(Call& c) {
  const LambdaPtr key_selector = c.lambda(1);
  const LambdaPtr value_selector = c.lambda(2);
  std::vector<std::pair<Value, List>> groups;
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  std::unordered_multimap<uint64_t, size_t> by_hash;
  for (Value item;;) {
    SQ_TRY(const bool more, cursor.next(c.rt, item));
    if (!more) break;
    Value value = item;
    if (value_selector != nullptr) {
      SQ_TRY(value, c.rt.call_lambda(*value_selector, {item}));
    }
    SQ_TRY(Value key, c.rt.call_lambda(*key_selector, {item}));
    SQ_TRY(const uint64_t hash, c.rt.hash(key));
    SQ_CHECK(c.rt.charge_elements(1));
    size_t at = groups.size();
    const auto [begin, end] = by_hash.equal_range(hash);
    for (auto it = begin; it != end; ++it) {
      SQ_TRY(const bool same, c.rt.equal(groups[it->second].first, key));
      if (same) at = it->second;
    }
    if (at == groups.size()) {
      by_hash.emplace(hash, at);
      groups.emplace_back(std::move(key), List());
    }
    groups[at].second.push_back(std::move(value));
  }
  return make_iterator("map",
                       [groups = std::move(groups), aggregator = std::make_shared<Aggregator>(c.lambda(3)),
                        i = size_t{0}](Runtime& rt, Value& out) mutable -> Result<bool> {
                         if (i == groups.size()) return false;
                         auto& [key, values] = groups[i++];
                         SQ_TRY(out, aggregator->apply(rt, key, make_list(std::move(values))));
                         return true;
                       });
}

}  // namespace

std::span<const Definition> aggregate_functions() {
  static const Definition kFunctions[] = {
      {"any collection:iterable predicate:lambda=null", any, Use::kBoth},
      {"all collection:iterable predicate:lambda=null", all, Use::kBoth},
      {"len collection:iterator", count, Use::kBoth},
      {"count collection:iterable", count, Use::kMethod},
      {"sum collection:iterable initial=none", sum, Use::kMethod},
      {"max collection:iterable initial=none", max, Use::kMethod},
      {"min collection:iterable initial=none", min, Use::kMethod},
      {"first collection:iterable default=none", first, Use::kMethod},
      {"single collection:iterable", single, Use::kMethod},
      {"last collection:iterable default=none", last, Use::kMethod},
      {"indexOf collection:iterable item", index_of_item<false>, Use::kMethod},
      {"lastIndexOf collection:iterable item", index_of_item<true>, Use::kMethod},
      {"indexWhere collection:iterable predicate:lambda", index_where<false>, Use::kMethod},
      {"lastIndexWhere collection:iterable predicate:lambda", index_where<true>, Use::kMethod},
      {"aggregate collection:iterable selector:lambda seed=none", aggregate, Use::kMethod},
      {"reduce collection:iterable selector:lambda seed=none", aggregate, Use::kMethod},
      {"accumulate collection:iterable selector:lambda seed=none", accumulate, Use::kMethod},
      {"groupBy collection:iterable key_selector:lambda value_selector:lambda=null aggregator:lambda=null", group_by,
       Use::kMethod},
  };
  return kFunctions;
}

}  // namespace squall::expr::yaql
