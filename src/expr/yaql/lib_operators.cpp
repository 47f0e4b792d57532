// Operators on numbers, texts, null, times: comparisons and arithmetic. Those of collections are with their modules.
#include "expr/python/numbers.hpp"
#include "expr/yaql/runtime.hpp"

namespace squall::expr::yaql {

namespace {

template <py::BinaryOp Op>
Result<Value> arithmetic(Call& c) {
  return py::arithmetic(Op, c[0], c[1]);
}

// Integers divide to an integer, rounded down.
Result<Value> divide(Call& c) {
  const bool integers = py::is_integer(c[0]) && py::is_integer(c[1]);
  return py::arithmetic(integers ? py::BinaryOp::kFloorDiv : py::BinaryOp::kDiv, c[0], c[1]);
}

template <Order O>
Result<Value> compare(Call& c) {
  SQ_TRY(const bool holds, c.rt.compare(O, c[0], c[1]));
  return Value(holds);
}

template <bool Answer>
Result<Value> always(Call&) {
  return Value(Answer);
}

Result<Value> equal(Call& c) {
  SQ_TRY(const bool same, c.rt.equal(c[0], c[1]));
  return Value(same);
}

Result<Value> not_equal(Call& c) {
  SQ_TRY(const bool same, c.rt.equal(c[0], c[1]));
  return Value(!same);
}

Result<Value> negate(Call& c) { return py::negate(c[0]); }
Result<Value> positive(Call& c) { return py::positive(c[0]); }

Result<Value> repeat_text(Runtime& rt, const Value& text, const Value& times) {
  const auto count = py::to_int64(times);
  if (!count) return py::raise("OverflowError", "cannot fit 'int' into an index-sized integer");
  if (*count <= 0 || text.empty()) return Value("");
  if (static_cast<uint64_t>(*count) > kTextBytesMax / text.size()) return fail(rt.charge_text(SIZE_MAX / 2).error());
  SQ_CHECK(rt.charge_text(text.size() * static_cast<size_t>(*count)));
  std::string out;
  out.reserve(text.size() * static_cast<size_t>(*count));
  for (int64_t i = 0; i < *count; ++i) out += text.as_string();
  return Value(std::move(out));
}

Result<Value> text_by_int(Call& c) { return repeat_text(c.rt, c[0], c[1]); }
Result<Value> int_by_text(Call& c) { return repeat_text(c.rt, c[1], c[0]); }

Result<Value> text_in(Call& c) { return Value(c.text(1).find(c.text(0)) != std::string_view::npos); }

}  // namespace

std::span<const Definition> operator_functions() {
  static const Definition kFunctions[] = {
      {"*equal left right", equal},
      {"*not_equal left right", not_equal},
      // null is less than everything else
      {"#operator_< left:any right:nulltype", always<false>},
      {"#operator_<= left:any right:nulltype", always<false>},
      {"#operator_> left:any right:nulltype", always<true>},
      {"#operator_>= left:any right:nulltype", always<true>},
      {"#operator_< left:nulltype right:any", always<true>},
      {"#operator_<= left:nulltype right:any", always<true>},
      {"#operator_> left:nulltype right:any", always<false>},
      {"#operator_>= left:nulltype right:any", always<false>},
      {"#operator_< left:nulltype right:nulltype", always<false>},
      {"#operator_<= left:nulltype right:nulltype", always<true>},
      {"#operator_> left:nulltype right:nulltype", always<false>},
      {"#operator_>= left:nulltype right:nulltype", always<true>},
      {"#operator_< left:number right:number", compare<Order::kLess>},
      {"#operator_<= left:number right:number", compare<Order::kLessEqual>},
      {"#operator_> left:number right:number", compare<Order::kGreater>},
      {"#operator_>= left:number right:number", compare<Order::kGreaterEqual>},
      {"#operator_< left:str right:str", compare<Order::kLess>},
      {"#operator_<= left:str right:str", compare<Order::kLessEqual>},
      {"#operator_> left:str right:str", compare<Order::kGreater>},
      {"#operator_>= left:str right:str", compare<Order::kGreaterEqual>},
      {"#operator_< left:set right:set", compare<Order::kLess>},
      {"#operator_<= left:set right:set", compare<Order::kLessEqual>},
      {"#operator_> left:set right:set", compare<Order::kGreater>},
      {"#operator_>= left:set right:set", compare<Order::kGreaterEqual>},
      {"#operator_< dt1:datetime dt2:datetime", compare<Order::kLess>},
      {"#operator_<= dt1:datetime dt2:datetime", compare<Order::kLessEqual>},
      {"#operator_> dt1:datetime dt2:datetime", compare<Order::kGreater>},
      {"#operator_>= dt1:datetime dt2:datetime", compare<Order::kGreaterEqual>},
      {"#operator_< ts1:timespan ts2:timespan", compare<Order::kLess>},
      {"#operator_<= ts1:timespan ts2:timespan", compare<Order::kLessEqual>},
      {"#operator_> ts1:timespan ts2:timespan", compare<Order::kGreater>},
      {"#operator_>= ts1:timespan ts2:timespan", compare<Order::kGreaterEqual>},
      {"#operator_+ left:number right:number", arithmetic<py::BinaryOp::kAdd>},
      {"#operator_- left:number right:number", arithmetic<py::BinaryOp::kSub>},
      {"#operator_* left:number right:number", arithmetic<py::BinaryOp::kMul>},
      {"#operator_/ left:number right:number", divide},
      {"#operator_mod left:number right:number", arithmetic<py::BinaryOp::kMod>},
      {"#unary_operator_+ op:number", positive},
      {"#unary_operator_- op:number", negate},
      {"#operator_* left:str right:int", text_by_int},
      {"#operator_* left:int right:str", int_by_text},
      {"#operator_in left:str right:str", text_in},
  };
  return kFunctions;
}

}  // namespace squall::expr::yaql
