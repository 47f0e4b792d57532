// Sequences out of nothing: range(), generate(), cycle().
#include <deque>

#include "expr/yaql/lib_shared.hpp"
#include "expr/yaql/runtime.hpp"

namespace squall::expr::yaql {

namespace {

using LambdaPtr = std::shared_ptr<const Lambda>;

Result<Value> range_of(const Value& start, const Value& stop, const Value& step) {
  if (py::to_int64(step) == 0) return py::value_error("range() arg 3 must not be zero");
  const bool down = py::is_negative(step);
  return make_iterator("range_iterator",
                       [at = py::positive(start), stop, step, down](Runtime& rt, Value& out) mutable -> Result<bool> {
                         SQ_TRY(const bool inside, rt.compare(down ? Order::kGreater : Order::kLess, at, stop));
                         if (!inside) return false;
                         out = at;
                         SQ_TRY(at, py::arithmetic(py::BinaryOp::kAdd, at, step));
                         return true;
                       });
}

Result<Value> range_to(Call& c) { return range_of(Value(0), c[0], Value(1)); }
Result<Value> range_from_to(Call& c) { return range_of(c[0], c[1], c[2]); }

Result<Value> sequence(Call& c) {
  const auto at = std::make_shared<Value>(py::positive(c[0]));
  const Value step = c[1];
  Value made = make_iterator("itertools.count", [at, step](Runtime&, Value& out) -> Result<bool> {
    out = *at;
    SQ_TRY(*at, py::arithmetic(py::BinaryOp::kAdd, *at, step));
    return true;
  });
  as<Iterator>(made)->show = [at, step](Runtime& rt) -> Result<std::string> {
    SQ_TRY(const std::string start, rt.repr(*at));
    SQ_TRY(const std::string by, rt.repr(step));
    return "count(" + start + (by == "1" ? "" : ", " + by) + ")";
  };
  return made;
}

Result<Value> repeat(Call& c) {
  int64_t times = -1;  // for ever
  if (!py::is_negative(c[1])) {
    SQ_TRY(times, c.integer(1));
  }
  const auto left = std::make_shared<int64_t>(times);
  const Value value = c[0];
  Value made = make_iterator("itertools.repeat", [value, left](Runtime&, Value& out) -> Result<bool> {
    if (*left == 0) return false;
    if (*left > 0) --*left;
    out = value;
    return true;
  });
  as<Iterator>(made)->show = [value, left](Runtime& rt) -> Result<std::string> {
    SQ_TRY(const std::string shown, rt.repr(value));
    return "repeat(" + shown + (*left < 0 ? "" : ", " + std::to_string(*left)) + ")";
  };
  return made;
}

Result<Value> cycle(Call& c) {
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  return make_iterator(
      "itertools.cycle",
      [cursor, seen = List(), i = size_t{0}, first = true](Runtime& rt, Value& out) mutable -> Result<bool> {
        if (first) {
          SQ_TRY(const bool more, cursor.next(rt, out));
          if (more) {
            SQ_CHECK(rt.charge_elements(1));
            seen.push_back(out);
            return true;
          }
          first = false;
        }
        if (seen.empty()) return false;
        out = seen[i];
        i = (i + 1) % seen.size();
        return true;
      });
}

Result<Value> generate(Call& c) {
  struct State {
    Value item;
    bool started = false;
  };
  auto past = c.truth(4) ? std::make_shared<SetBuilder>(c.rt) : nullptr;
  return make_iterator("generator:generate",
                       [s = State{c[0]}, predicate = c.lambda(1), producer = c.lambda(2), selector = c.lambda(3), past](
                           Runtime& rt, Value& out) mutable -> Result<bool> {
                         if (s.started) {
                           SQ_TRY(s.item, rt.call_lambda(*producer, {s.item}));
                         }
                         s.started = true;
                         SQ_TRY(const bool goes_on, rt.test(*predicate, s.item));
                         if (!goes_on) return false;
                         if (past != nullptr) {
                           SQ_TRY(const bool is_new, past->add(s.item));
                           if (!is_new) return false;
                         }
                         out = s.item;
                         if (selector != nullptr) {
                           SQ_TRY(out, rt.call_lambda(*selector, {s.item}));
                         }
                         return true;
                       });
}

Result<Value> generate_many(Call& c) {
  struct State {
    std::deque<Value> queue;
    std::optional<Value> last = {};
  };
  auto past = c.truth(3) ? std::make_shared<SetBuilder>(c.rt) : nullptr;
  return make_iterator("generator:generate_many",
                       [s = State{{c[0]}}, producer = c.lambda(1), selector = c.lambda(2), past,
                        depth_first = c.truth(4)](Runtime& rt, Value& out) mutable -> Result<bool> {
                         if (s.last) {
                           SQ_TRY(const Value produced, rt.call_lambda(*producer, {*s.last}));
                           s.last.reset();
                           SQ_TRY(const List items, rt.to_list(produced));
                           s.queue.insert(depth_first ? s.queue.begin() : s.queue.end(), items.begin(), items.end());
                         }
                         while (!s.queue.empty()) {
                           Value item = std::move(s.queue.front());
                           s.queue.pop_front();
                           if (past != nullptr) {
                             SQ_TRY(const bool is_new, past->add(item));
                             if (!is_new) continue;
                           }
                           out = item;
                           if (selector != nullptr) {
                             SQ_TRY(out, rt.call_lambda(*selector, {item}));
                           }
                           s.last = std::move(item);
                           return true;
                         }
                         return false;
                       });
}

Result<Value> default_if_empty(Call& c) {
  if (const List* items = c.rt.items_of(c[0])) return items->empty() ? c[1] : c[0];
  if (c.rt.is_set(c[0]) || c.rt.is_sequence(c[0])) {
    SQ_TRY(const bool any, c.rt.truthy(c[0]));
    return any ? c[0] : c[1];
  }
  Value source = c[0];
  if (!c.rt.is_iterator(source)) {
    SQ_TRY(source, chain(c.rt, {source}));
  }
  const Value memory = as<Memory>(source) != nullptr ? source : make<Memory>(source);
  Value item;
  SQ_TRY(const bool any, as<Memory>(memory)->at(c.rt, 0, item));
  return any ? memory : c[1];
}

}  // namespace

std::span<const Definition> generator_functions() {
  static const Definition kFunctions[] = {
      {"range stop:int", range_to},
      {"range start:int stop:int step:int=1", range_from_to},
      {"sequence start:int=0 step:int=1", sequence},
      {"repeat value times:int=-1", repeat, Use::kMethod},
      {"cycle collection:iterable", cycle, Use::kMethod},
      {"generate initial predicate:lambda producer:lambda selector:lambda=null decycle:bool=false", generate},
      {"generateMany initial producer:lambda selector:lambda=null decycle:bool=false depth_first:bool=false",
       generate_many},
      {"defaultIfEmpty collection:iterable default:iterable", default_if_empty, Use::kMethod},
  };
  return kFunctions;
}

}  // namespace squall::expr::yaql
