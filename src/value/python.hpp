// Python's view of a Value: str(), repr(), literals. Jinja and StackStorm's casts are full of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::python {

// str(value): "None", "True", "1e+16", "{'a': 1}", text as it is.
std::string str(const Value& value);
// repr(value): text quoted as Python 3.11 does, "1.0", "datetime.datetime(2001, 1, 2, 0, 0)". Containers nested deeper
// than limits::kJsonDepthMax show as "...".
std::string repr(const Value& value);
// repr of a float: shortest digits, "1e+16", "1.0", "nan", "inf".
std::string float_repr(double value);
// pprint.pformat(value, width=width, sort_dicts=False): repr() over several lines when it is wider than that.
std::string pretty(const Value& value, size_t width = 80);
// The type's name as messages about operators have it: "int", "datetime.date".
std::string full_type_name(const Value& value);
// isoformat(): "2020-01-02", "2020-01-02T03:04:05.678000+00:00"; str() of a datetime has a blank for the 'T'.
std::string iso_date(int32_t days_since_epoch);
std::string iso_date_time(const DateTime& time, char separator = 'T');
// ast.literal_eval: literals, lists, tuples, sets, dicts, signs, complex left out. type() of the error is "SyntaxError"
// or "ValueError" as in Python.
Result<Value> literal_eval(std::string_view text);

// Python's ==: True == 1 == 1.0, lists never equal tuples.
bool equal(const Value& a, const Value& b);
// Python's < for orderable kinds; an error of type "TypeError" with Python's message otherwise
// ("'<' not supported between instances of 'str' and 'int'").
Result<bool> less(const Value& a, const Value& b);
// Python's `in`: substring, list member, dict key. "TypeError" where Python raises it.
Result<bool> in(const Value& item, const Value& container);

}  // namespace squall::python
