// Python's numbers: int without bounds, float, bool as 0 and 1.
//
// An integer Value is normal: kInt when it fits 64 bits signed, kUInt when only unsigned, else kBigInt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::expr::py {

// Integers grow by multiplication alone; beyond this size an operation fails instead of eating the memory.
inline constexpr size_t kIntegerBitsMax = 1u << 17;

enum class BinaryOp : uint8_t { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod, kPow };
// "+", "//", ...; "** or pow()" for kPow, as Python's messages have it.
std::string_view symbol(BinaryOp op);

// bool, int or float.
bool is_numeric(const Value& value);
// bool or int.
bool is_integer(const Value& value);

// Both operands must be numeric.
Result<Value> arithmetic(BinaryOp op, const Value& a, const Value& b);
// The operand must be numeric; bool becomes int.
Value negate(const Value& value);
Value absolute(const Value& value);
Value positive(const Value& value);

// A numeric value as a float; OverflowError for integers that are too large.
Result<double> to_double(const Value& value);
// An integer or bool that fits 64 bits signed.
std::optional<int64_t> to_int64(const Value& integer);

// int(text, base): blanks, sign, underscores, prefixes, digits of any script.
Result<Value> parse_integer(std::string_view text, int base = 10);
// float(text).
Result<double> parse_float(std::string_view text);
// int(float): cuts off; ValueError for nan, OverflowError for infinity.
Result<Value> truncate(double value);

// The digits of |integer| in base 2, 8, 10 or 16.
std::string digits(const Value& integer, int base);
bool is_negative(const Value& number);
// int.bit_length().
int64_t bit_length(const Value& integer);

// round(float, places) as a float.
double round_places(double value, int64_t places);
// round(float): half to even, an int; ValueError and OverflowError as truncate().
Result<Value> round_to_integer(double value);
// round(int, places): half to even for negative places.
Value round_integer(const Value& integer, int64_t places);

enum class BitOp : uint8_t { kAnd, kOr, kXor };
// Both operands must be integers or bools; two bools give a bool.
Result<Value> bitwise(BitOp op, const Value& a, const Value& b);
// a << bits or a >> bits. "ValueError" for a negative count; kLimit beyond kIntegerBitsMax.
Result<Value> shift(const Value& integer, const Value& count, bool left);
// pow(base, exponent, modulus) of integers; the modulus is not 0.
Result<Value> power_mod(const Value& base, const Value& exponent, const Value& modulus);

// float.as_integer_ratio(): numerator and denominator; the value must be finite.
std::pair<Value, Value> integer_ratio(double value);

}  // namespace squall::expr::py
