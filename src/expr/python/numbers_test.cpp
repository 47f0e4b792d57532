#include "expr/python/numbers.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "value/python.hpp"

namespace squall::expr::py {
namespace {

Value number(std::string_view text) { return parse_integer(text).value(); }

std::string compute(const Value& a, BinaryOp op, const Value& b) {
  const auto result = arithmetic(op, a, b);
  return result ? python::repr(*result) : result.error().type();
}

// Every expectation below is CPython 3.11's.
TEST(Numbers, IntegersGrowAndShrink) {
  const Value big = number("1000000000000000000000000000000");
  EXPECT_EQ(compute(Value(INT64_MAX), BinaryOp::kAdd, 1), "9223372036854775808");
  EXPECT_EQ(compute(Value(INT64_MIN), BinaryOp::kSub, 1), "-9223372036854775809");
  EXPECT_EQ(compute(number("9223372036854775808"), BinaryOp::kSub, 1), "9223372036854775807");
  EXPECT_EQ(arithmetic(BinaryOp::kSub, number("9223372036854775808"), 1)->kind(), Kind::kInt);
  EXPECT_EQ(compute(big, BinaryOp::kFloorDiv, 7), "142857142857142857142857142857");
  EXPECT_EQ(compute(big, BinaryOp::kMod, 7), "1");
  EXPECT_EQ(compute(negate(big), BinaryOp::kFloorDiv, 7), "-142857142857142857142857142858");
  EXPECT_EQ(compute(negate(big), BinaryOp::kMod, -7), "-1");
  EXPECT_EQ(compute(big, BinaryOp::kDiv, 3), "3.333333333333333e+29");
  EXPECT_EQ(compute(3, BinaryOp::kPow, 100), "515377520732011331036461129765621272702107522001");
  EXPECT_EQ(compute(2, BinaryOp::kPow, -2), "0.25");
  EXPECT_EQ(compute(0, BinaryOp::kPow, 0), "1");
  EXPECT_EQ(compute(-1, BinaryOp::kPow, big), "1");
  EXPECT_EQ(compute(Value(true), BinaryOp::kAdd, Value(true)), "2");
}

TEST(Numbers, FloatsDivideDownwards) {
  EXPECT_EQ(compute(7.5, BinaryOp::kFloorDiv, -2), "-4.0");
  EXPECT_EQ(compute(7.5, BinaryOp::kMod, -2), "-0.5");
  EXPECT_EQ(compute(-7.5, BinaryOp::kMod, 2), "0.5");
  EXPECT_EQ(compute(-7, BinaryOp::kFloorDiv, 2), "-4");
  EXPECT_EQ(compute(1.0, BinaryOp::kMod, 0), "ZeroDivisionError");
  EXPECT_EQ(compute(0.0, BinaryOp::kPow, -1), "ZeroDivisionError");
  EXPECT_EQ(compute(1e200, BinaryOp::kPow, 2), "OverflowError");
  EXPECT_EQ(compute(number("1" + std::string(400, '0')), BinaryOp::kAdd, 0.5), "OverflowError");
}

TEST(Numbers, GrowthHasALimit) {
  const auto power = arithmetic(BinaryOp::kPow, 10, 1'000'000'000);
  ASSERT_FALSE(power);
  EXPECT_EQ(power.error().code(), ErrorCode::kLimit);
}

TEST(Numbers, TextToInteger) {
  EXPECT_EQ(number(" -1_000 "), Value(-1000));
  EXPECT_EQ(number("\u0663"), Value(3));
  EXPECT_EQ(parse_integer("0x_ff", 16).value(), Value(255));
  EXPECT_EQ(parse_integer("0b11", 0).value(), Value(3));
  EXPECT_EQ(parse_integer("zz", 36).value(), Value(1295));
  for (const std::string_view bad : {"", " ", "1.5", "_1", "1_", "1__0", "0x10", "--1", "1 2", "+"}) {
    EXPECT_EQ(parse_integer(bad).error().type(), "ValueError") << bad;
  }
  EXPECT_EQ(parse_integer("010", 0).error().message(), "invalid literal for int() with base 0: '010'");
  EXPECT_EQ(parse_integer("1", 1).error().message(), "int() base must be >= 2 and <= 36, or 0");
}

TEST(Numbers, TextToFloat) {
  EXPECT_EQ(parse_float(" 1_0.5 ").value(), 10.5);
  EXPECT_EQ(parse_float("-1e3").value(), -1000.0);
  EXPECT_EQ(parse_float("1.").value(), 1.0);
  EXPECT_TRUE(std::isinf(parse_float("-Infinity").value()));
  EXPECT_TRUE(std::isnan(parse_float("nAn").value()));
  for (const std::string_view bad : {"", "x", "0x10", "1e", "e5", "1_", "1__0", "infin", "+-1", "nan(1)", "1f", "."}) {
    EXPECT_EQ(parse_float(bad).error().type(), "ValueError") << bad;
  }
}

TEST(Numbers, Rounding) {
  EXPECT_EQ(round_places(2.675, 2), 2.67);
  EXPECT_EQ(round_places(1e300, -299), 1e300);
  EXPECT_EQ(round_places(1250.0, -2), 1200.0);
  EXPECT_EQ(round_places(5e-324, 323), 0.0);
  EXPECT_EQ(round_places(0.5, 0), 0.0);
  EXPECT_EQ(round_to_integer(-2.5).value(), Value(-2));
  EXPECT_EQ(round_integer(15, -1), Value(20));
  EXPECT_EQ(round_integer(25, -1), Value(20));
  EXPECT_EQ(round_integer(-25, -1), Value(-20));
  EXPECT_EQ(round_to_integer(NAN).error().type(), "ValueError");
}

TEST(Numbers, DigitsAndParts) {
  const Value two_to_70 = arithmetic(BinaryOp::kPow, 2, 70).value();
  EXPECT_EQ(digits(two_to_70, 16), "400000000000000000");
  EXPECT_EQ(digits(Value(-5), 2), "101");
  EXPECT_EQ(digits(Value(0), 8), "0");
  EXPECT_EQ(bit_length(two_to_70), 71);
  const auto [numerator, denominator] = integer_ratio(0.1);
  EXPECT_EQ(numerator, Value(3602879701896397));
  EXPECT_EQ(denominator, Value(36028797018963968));
}

// Values of CPython.
TEST(Bits, AsInPython) {
  const auto show = [](const Result<Value>& value) { return value ? python::repr(*value) : value.error().message(); };
  EXPECT_EQ(show(bitwise(BitOp::kAnd, -6, 5)), "0");
  EXPECT_EQ(show(bitwise(BitOp::kOr, -6, 5)), "-1");
  EXPECT_EQ(show(bitwise(BitOp::kXor, -6, Value::big_int("18446744073709551616"))), "-18446744073709551622");
  EXPECT_EQ(show(bitwise(BitOp::kAnd, true, true)), "True");
  EXPECT_EQ(show(shift(1, 70, true)), "1180591620717411303424");
  EXPECT_EQ(show(shift(-5, 1, false)), "-3");
  EXPECT_EQ(show(shift(-5, 100, false)), "-1");
  EXPECT_EQ(show(shift(1, -1, true)), "negative shift count");
  EXPECT_EQ(show(power_mod(3, 200, 7)), "2");
  EXPECT_EQ(show(power_mod(3, 200, -7)), "-5");
  EXPECT_EQ(show(power_mod(3, -1, 7)), "5");
  EXPECT_EQ(show(power_mod(2, -1, 4)), "base is not invertible for the given modulus");
}

}  // namespace
}  // namespace squall::expr::py
