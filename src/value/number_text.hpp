// Numbers as text and back: shortest doubles in Python's and orjson's form, integers of any size.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall {

// Python refuses to convert longer decimal integers too (sys.set_int_max_str_digits), because it takes quadratic time.
inline constexpr size_t kIntegerDigitsMax = 4300;

// repr(float): "1.0", "1e+16", "1e-05", "nan", "-inf".
std::string python_float(double value);
// orjson's form of a finite double: "1.0", "1e16", "0.00001", "1e-6".
std::string orjson_float(double value);

// The integer that `digits` (at least one, valid in `base` 2 to 36, no sign, no underscores) spell: kInt, kUInt or,
// outside 64 bits, kBigInt. kLimit above kIntegerDigitsMax digits, with Python's message and type() "ValueError".
Result<Value> integer_from_digits(std::string_view digits, int base, bool negative);

// A whole double as an integer Value, exactly: int(1e30). The double must be finite.
Value integer_from_double(double value);

// Compares two integers (kInt, kUInt, kBigInt; kBool counts as 0 or 1): negative, zero or positive.
int compare_integers(const Value& a, const Value& b);
// Compares an integer with a double exactly. The double must not be NaN.
int compare_integer_with_double(const Value& integer, double real);

}  // namespace squall
