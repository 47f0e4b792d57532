// st2common.util.casts.
#include "expr/params.hpp"
#include "expr/python/errors.hpp"
#include "expr/python/numbers.hpp"
#include "expr/python/text.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::expr {

namespace {

// JSON if it can be, else a Python literal.
Result<Value> cast_container(const Value& value) {
  if (!value.is_string()) return value;
  auto json = parse_json(value.as_string());
  if (json) return json;
  return python::literal_eval(value.as_string());
}

Result<Value> cast_boolean(const Value& value) {
  if (!value.is_string()) return value;
  return python::literal_eval(py::capitalize(value.as_string()));
}

tl::unexpected<Error> not_a_number(std::string_view function, const Value& value) {
  const std::string wanted =
      function == "int" ? "a string, a bytes-like object or a real number" : "a string or a real number";
  return py::type_error(std::string(function) + "() argument must be " + wanted + ", not '" +
                        std::string(value.type_name()) + "'");
}

Result<Value> cast_integer(const Value& value) {
  if (value.is_string()) return py::parse_integer(value.as_string());
  if (value.is_double()) return py::truncate(value.as_double());
  if (py::is_integer(value)) return py::positive(value);
  return not_a_number("int", value);
}

Result<Value> cast_number(const Value& value) {
  if (value.is_string()) {
    SQ_TRY(const double number, py::parse_float(value.as_string()));
    return Value(number);
  }
  if (!py::is_numeric(value)) return not_a_number("float", value);
  SQ_TRY(const double number, py::to_double(value));
  return Value(number);
}

Result<Value> cast_string(const Value& value) {
  if (value.is_null() || value.is_string()) return value;
  return py::value_error("Value \"" + python::str(value) + "\" must either be a string or None. Got \"" +
                         std::string(value.type_name()) + "\".");
}

}  // namespace

Result<Value> cast(const Value& value, std::string_view type) {
  using Cast = Result<Value> (*)(const Value&);
  static constexpr std::pair<std::string_view, Cast> kCasts[] = {
      {"array", cast_container}, {"boolean", cast_boolean},  {"integer", cast_integer},
      {"number", cast_number},   {"object", cast_container}, {"string", cast_string},
  };
  for (const auto& [name, cast_it] : kCasts) {
    if (name != type) continue;
    if (value.is_null()) return value;
    if (value.is_string() && value.as_string() == kNoneMarker) return cast_it(Value());
    return cast_it(value);
  }
  return value;
}

}  // namespace squall::expr
