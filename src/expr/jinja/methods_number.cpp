#include <cmath>

#include "expr/jinja/methods.hpp"
#include "expr/python/numbers.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

namespace {

Result<Value> conjugate(Runtime&, const Value& self, const Bound&) { return py::positive(self); }
Result<Value> bit_length(Runtime&, const Value& self, const Bound&) { return Value(py::bit_length(self)); }

Result<Value> bit_count(Runtime&, const Value& self, const Bound&) {
  int64_t ones = 0;
  for (const char c : py::digits(self, 2)) ones += c == '1' ? 1 : 0;
  return Value(ones);
}

Result<Value> int_ratio(Runtime&, const Value& self, const Bound&) {
  return Value::tuple({py::positive(self), Value(1)});
}

Result<Value> float_is_integer(Runtime&, const Value& self, const Bound&) {
  const double value = self.as_double();
  return Value(std::isfinite(value) && value == std::floor(value));
}

Result<Value> float_ratio(Runtime&, const Value& self, const Bound&) {
  const double value = self.as_double();
  if (std::isnan(value)) return py::value_error("cannot convert NaN to integer ratio");
  if (std::isinf(value)) return py::raise("OverflowError", "cannot convert Infinity to integer ratio");
  auto [numerator, denominator] = py::integer_ratio(value);
  return Value::tuple({std::move(numerator), std::move(denominator)});
}

Result<Value> iso_format(Runtime&, const Value& self, const Bound&) {
  std::string text = python::str(self);
  if (self.kind() == Kind::kDateTime) {
    if (const size_t blank = text.find(' '); blank != std::string::npos) text[blank] = 'T';
  }
  return Value(std::move(text));
}

Result<Value> total_seconds(Runtime&, const Value& self, const Bound&) {
  if (self.kind() != Kind::kTimeDelta) return py::raise("AttributeError", "only a timedelta has total_seconds()");
  return Value(static_cast<double>(self.as_time_delta()) / 1e6);
}

}  // namespace

std::span<const Method> number_methods(bool is_float) {
  static const Method kInt[] = {
      {"as_integer_ratio", Signature("int.as_integer_ratio:"), int_ratio},
      {"bit_count", Signature("int.bit_count:"), bit_count},
      {"bit_length", Signature("int.bit_length:"), bit_length},
      {"conjugate", Signature("int.conjugate:"), conjugate},
  };
  static const Method kFloat[] = {
      {"as_integer_ratio", Signature("float.as_integer_ratio:"), float_ratio},
      {"conjugate", Signature("float.conjugate:"), conjugate},
      {"is_integer", Signature("float.is_integer:"), float_is_integer},
  };
  return is_float ? std::span<const Method>(kFloat) : std::span<const Method>(kInt);
}

std::span<const Method> time_methods() {
  static const Method kTime[] = {
      {"isoformat", Signature("datetime.isoformat:"), iso_format},
      {"total_seconds", Signature("timedelta.total_seconds:"), total_seconds},
  };
  return kTime;
}

}  // namespace squall::expr::jinja
