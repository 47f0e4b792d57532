// Filters on numbers: abs, int, float, round, filesizeformat.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "expr/jinja/filters.hpp"
#include "value/number_text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::type_error;

namespace {

bool is_text(const Value& value) { return value.is_string() || value.kind() == Kind::kMarkup; }

tl::unexpected<Error> not_a_number(const Runtime& rt, const Value& value, std::string_view function) {
  return type_error(std::string(function) + "() argument must be a string or a real number, not '" +
                    std::string(rt.type_name(value)) + "'");
}

Result<double> to_float(Runtime& rt, const Value& value) {
  if (is_undefined(value)) return raise_undefined(value);
  if (is_text(value)) return py::parse_float(value.as_string());
  if (py::is_numeric(value)) return py::to_double(value);
  return not_a_number(rt, value, "float");
}

Result<Value> to_int(Runtime& rt, const Value& value) {
  if (is_undefined(value)) return raise_undefined(value);
  if (value.is_double()) return py::truncate(value.as_double());
  if (py::is_integer(value)) return py::positive(value);
  return not_a_number(rt, value, "int");
}

bool is_of_type(const Error& error, std::initializer_list<std::string_view> types) {
  for (const std::string_view type : types) {
    if (error.type() == type) return true;
  }
  return false;
}

Result<Value> absolute(Runtime& rt, const Bound& a) {
  if (py::is_numeric(a[0])) return py::absolute(a[0]);
  if (a[0].kind() == Kind::kTimeDelta) return Value::time_delta(std::abs(a[0].as_time_delta()));
  return type_error("bad operand type for abs(): '" + std::string(rt.type_name(a[0])) + "'");
}

Result<Value> integer(Runtime& rt, const Bound& a) {
  const Value fallback = a.value_or(1, 0);
  const auto parsed = [&]() -> Result<Value> {
    // The base counts for text only.
    SQ_TRY(const int64_t base, to_index(rt, a.value_or(2, 10)));
    return py::parse_integer(a[0].as_string(), static_cast<int>(std::clamp<int64_t>(base, -1, 99)));
  };
  Result<Value> whole = is_text(a[0]) ? parsed() : to_int(rt, a[0]);
  if (whole || !is_of_type(whole.error(), {"TypeError", "ValueError"})) return whole;
  // "42.23" is 42.
  const Result<double> real = to_float(rt, a[0]);
  Result<Value> cut = real ? py::truncate(*real) : Result<Value>(fail(real.error()));
  if (!cut && is_of_type(cut.error(), {"TypeError", "ValueError", "OverflowError"})) return fallback;
  return cut;
}

Result<Value> real(Runtime& rt, const Bound& a) {
  const Result<double> value = to_float(rt, a[0]);
  if (value) return Value(*value);
  if (is_of_type(value.error(), {"TypeError", "ValueError"})) return a.value_or(1, Value(0.0));
  return fail(value.error());
}

Result<Value> round_common(Runtime& rt, const Value& value, const Value& precision) {
  if (is_undefined(value) || !py::is_numeric(value)) {
    return type_error("type " + std::string(rt.type_name(value)) + " doesn't define __round__ method");
  }
  if (precision.is_null()) {
    return value.is_double() ? py::round_to_integer(value.as_double()) : py::positive(value);
  }
  // round(0.1, 2 ** 70) is as exact as a float can be.
  const bool exact = value.is_double() && py::is_integer(precision) && !py::to_int64(precision);
  if (exact) return py::is_negative(precision) ? Value(0.0) : value;
  SQ_TRY(const int64_t places, to_index(rt, precision));
  if (!value.is_double()) return py::round_integer(value, places);
  const double rounded = py::round_places(value.as_double(), places);
  if (std::isinf(rounded) && !std::isinf(value.as_double())) {
    return raise("OverflowError", "rounded value too large to represent");
  }
  return Value(rounded);
}

Result<Value> round(Runtime& rt, const Bound& a) {
  const Value precision = a.value_or(1, 0);
  if (!rt.is_hashable(a[2])) return type_error("unhashable type: '" + std::string(rt.type_name(a[2])) + "'");
  const std::string method(a.value_or(2, Value("common")).string_or(""));
  if (method != "common" && method != "ceil" && method != "floor") {
    return raise("FilterArgumentError", "method must be common, ceil or floor");
  }
  if (method == "common") return round_common(rt, a[0], precision);
  // func(value * 10**precision) / 10**precision
  SQ_TRY(const Value scale, rt.binary(py::BinaryOp::kPow, Value(10), precision));
  SQ_TRY(const Value scaled, rt.binary(py::BinaryOp::kMul, a[0], scale));
  Value whole = scaled;
  if (scaled.is_double()) {
    SQ_TRY(whole, py::truncate(method == "ceil" ? std::ceil(scaled.as_double()) : std::floor(scaled.as_double())));
  } else if (!py::is_numeric(scaled)) {
    return type_error("must be real number, not " + std::string(rt.type_name(scaled)));
  }
  return rt.binary(py::BinaryOp::kDiv, whole, scale);
}

Result<Value> file_size(Runtime& rt, const Bound& a) {
  SQ_TRY(const double bytes, to_float(rt, a[0]));
  SQ_TRY(const bool binary, rt.truthy(a.value_or(1, false)));
  const double base = binary ? 1024 : 1000;
  if (bytes == 1) return Value("1 Byte");
  if (bytes < base) {
    SQ_TRY(const Value whole, py::truncate(bytes));
    return Value(python::str(whole) + " Bytes");
  }
  static constexpr const char* kDecimal[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
  static constexpr const char* kBinary[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
  // Python compares with the unit exactly: 1e24 as a float is a little less than 10 ** 24.
  size_t i = 0;
  Value unit(static_cast<int64_t>(base));
  do {
    SQ_TRY(unit, rt.binary(py::BinaryOp::kMul, unit, Value(static_cast<int64_t>(base))));
  } while ((std::isnan(bytes) || compare_integer_with_double(unit, bytes) <= 0) && ++i < 8);
  if (i == 8) {
    i = 7;
    SQ_TRY(unit, rt.binary(py::BinaryOp::kFloorDiv, unit, Value(static_cast<int64_t>(base))));
  }
  SQ_TRY(const double divisor, py::to_double(unit));
  char text[400];
  std::snprintf(text, sizeof text, "%.1f %s", base * bytes / divisor, binary ? kBinary[i] : kDecimal[i]);
  return Value(std::string(text));
}

}  // namespace

std::span<const Filter> number_filters() {
  static const Filter kFilters[] = {
      {"abs", Signature("abs!: x"), absolute, {}},
      {"filesizeformat", Signature("do_filesizeformat: value binary?"), file_size, {}},
      {"float", Signature("do_float: value default?"), real, {}},
      {"int", Signature("do_int: value default? base?"), integer, {}},
      {"round", Signature("do_round: value precision? method?"), round, {}},
  };
  return kFilters;
}

}  // namespace squall::expr::jinja
