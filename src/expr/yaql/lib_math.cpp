// Numbers: conversions, bits, powers, chance.
#include <algorithm>
#include <random>

#include "expr/python/numbers.hpp"
#include "expr/yaql/runtime.hpp"

namespace squall::expr::yaql {

namespace {

Result<Value> absolute(Call& c) { return py::absolute(c[0]); }

Result<Value> to_int(Call& c) {
  const Value& value = c[0];
  if (value.is_null()) return Value(0);
  if (value.is_double()) return py::truncate(value.as_double());
  if (py::is_integer(value)) return py::positive(value);
  if (Runtime::is_text(value)) return py::parse_integer(value.as_string());
  return py::type_error("int() argument must be a string, a bytes-like object or a real number, not '" +
                        std::string(c.rt.type_name(value)) + "'");
}

Result<Value> to_float(Call& c) {
  const Value& value = c[0];
  if (value.is_null()) return Value(0.0);
  if (Runtime::is_text(value)) {
    SQ_TRY(const double number, py::parse_float(value.as_string()));
    return Value(number);
  }
  if (py::is_numeric(value)) {
    SQ_TRY(const double number, py::to_double(value));
    return Value(number);
  }
  return py::type_error("float() argument must be a string or a real number, not '" +
                        std::string(c.rt.type_name(value)) + "'");
}

// The numbers of the scope, or of this process.
class Generator {
 public:
  using result_type = uint64_t;
  explicit Generator(Random* random) : random_(random) {}
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return UINT64_MAX; }
  result_type operator()() {
    if (random_ == nullptr) {
      static thread_local std::mt19937_64 made{std::random_device{}()};
      return made();
    }
    result_type number = 0;
    random_->fill(&number, sizeof(number));
    return number;
  }

 private:
  Random* random_;
};

Generator generator(const Call& c) { return Generator(c.rt.scope().random); }

Result<Value> random(Call& c) {
  Generator numbers = generator(c);
  return Value(std::uniform_real_distribution<double>(0.0, 1.0)(numbers));
}

Result<Value> random_between(Call& c) {
  for (size_t i = 0; i < 2; ++i) {
    if (!py::is_integer(c[i])) {
      return py::type_error("'" + std::string(c.rt.type_name(c[i])) + "' object cannot be interpreted as an integer");
    }
  }
  SQ_TRY(const int64_t from, c.integer(0));
  SQ_TRY(const int64_t to, c.integer(1));
  if (from > to) {
    SQ_TRY(const Value stop, py::arithmetic(py::BinaryOp::kAdd, c[1], Value(1)));
    SQ_TRY(const Value width, py::arithmetic(py::BinaryOp::kSub, stop, c[0]));
    return py::value_error("empty range for randrange() (" + std::to_string(from) + ", " + py::digits(stop, 10) + ", " +
                           (py::is_negative(width) ? "-" : "") + py::digits(width, 10) + ")");
  }
  Generator numbers = generator(c);
  return Value(std::uniform_int_distribution<int64_t>(from, to)(numbers));
}

template <py::BitOp Op>
Result<Value> bitwise(Call& c) {
  return py::bitwise(Op, c[0], c[1]);
}

Result<Value> bitwise_not(Call& c) {
  SQ_TRY(const Value negative, py::arithmetic(py::BinaryOp::kMul, c[0], Value(-1)));
  return py::arithmetic(py::BinaryOp::kSub, negative, Value(1));
}

template <bool Left>
Result<Value> shift(Call& c) {
  return py::shift(c[0], c[1], Left);
}

template <bool Max>
Result<Value> extreme(Call& c) {
  SQ_TRY(const Value greater, c.rt.call_operator("#operator_>", c[1], c[0], c.context()));
  return greater.truthy() == Max ? c[1] : c[0];
}

// pow(base, exponent, modulus).
Result<Value> power_mod(Call& c) {
  Value base = c[0];
  Value exponent = c[1];
  const Value modulus = py::positive(c[2]);
  if (!py::is_integer(base) || !py::is_integer(exponent) || !py::is_integer(modulus)) {
    return py::type_error("pow() 3rd argument not allowed unless all arguments are integers");
  }
  if (!modulus.is_double() && py::digits(modulus, 10) == "0") return py::value_error("pow() 3rd argument cannot be 0");
  return py::power_mod(base, exponent, modulus);
}

Result<Value> power(Call& c) {
  if (!c[2].is_null()) return power_mod(c);
  return py::arithmetic(py::BinaryOp::kPow, c[0], c[1]);
}

Result<Value> sign(Call& c) {
  SQ_TRY(const bool above, c.rt.compare(Order::kGreater, c[0], Value(0)));
  if (above) return Value(1);
  SQ_TRY(const bool below, c.rt.compare(Order::kLess, c[0], Value(0)));
  return Value(below ? -1 : 0);
}

Result<Value> round(Call& c) {
  // More places than a number has change nothing, or leave nothing.
  constexpr int64_t kPlacesMax = 1 << 20;
  const int64_t places = std::clamp(c.clamped(1), -kPlacesMax, kPlacesMax);
  if (c[0].is_double()) return Value(py::round_places(c[0].as_double(), places));
  return py::round_integer(c[0], places);
}

Result<Value> is_integer(Call& c) { return Value(py::is_integer(c[0]) && !c[0].is_bool()); }
Result<Value> is_number(Call& c) { return Value(py::is_numeric(c[0]) && !c[0].is_bool()); }

}  // namespace

std::span<const Definition> math_functions() {
  static const Definition kFunctions[] = {
      {"abs op:number", absolute},
      {"int value", to_int},
      {"float value", to_float},
      {"random", random},
      {"random from to", random_between},
      {"bitwiseAnd left:int right:int", bitwise<py::BitOp::kAnd>},
      {"bitwiseOr left:int right:int", bitwise<py::BitOp::kOr>},
      {"bitwiseXor left:int right:int", bitwise<py::BitOp::kXor>},
      {"bitwiseNot arg:int", bitwise_not},
      {"shiftBitsLeft value:int bits_number:int", shift<true>},
      {"shiftBitsRight value:int bits_number:int", shift<false>},
      {"max a b", extreme<true>},
      {"min a b", extreme<false>},
      {"pow a:number b:number c:number?=null", power},
      {"sign num:number", sign},
      {"round number:number ndigits:int=0", round},
      {"isInteger value", is_integer},
      {"isNumber value", is_number},
  };
  return kFunctions;
}

}  // namespace squall::expr::yaql
