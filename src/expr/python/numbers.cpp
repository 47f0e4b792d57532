#include "expr/python/numbers.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "expr/python/big_impl.hpp"
#include "expr/python/errors.hpp"
#include "expr/python/text.hpp"
#include "value/number_text.hpp"
#include "value/python.hpp"

namespace squall::expr::py {

namespace {

size_t bits(const BigInt& big) { return big == 0 ? 0 : boost::multiprecision::msb(abs(big)) + 1; }

tl::unexpected<Error> too_big() {
  return limit_error("integer exceeds the limit of " + std::to_string(kIntegerBitsMax) + " bits (kIntegerBitsMax)");
}

void floor_divide(const BigInt& a, const BigInt& b, BigInt& quotient, BigInt& remainder) {
  divide_qr(a, b, quotient, remainder);
  if (remainder != 0 && (remainder < 0) != (b < 0)) {
    --quotient;
    remainder += b;
  }
}

// mantissa * 2^exponent, rounded half to even; `sticky`: the true value lies a little above.
double scale(const BigInt& mantissa, int exponent, bool sticky) {
  const int excess = static_cast<int>(bits(mantissa)) - 64;
  BigInt top = mantissa;
  if (excess > 0) {
    sticky = sticky || (mantissa & ((BigInt(1) << excess) - 1)) != 0;
    top >>= excess;
    exponent += excess;
  }
  auto word = static_cast<uint64_t>(top);
  // 64 bits to 53 by hand: the lowest bits with the sticky one decide.
  if (word >> 53 != 0) {
    int drop = 0;
    while (word >> drop >> 53 != 0) ++drop;
    const uint64_t rest = word & ((uint64_t{1} << drop) - 1);
    const uint64_t half = uint64_t{1} << (drop - 1);
    word >>= drop;
    if (rest > half || (rest == half && (sticky || (word & 1) != 0))) ++word;
    exponent += drop;
  }
  return std::ldexp(static_cast<double>(word), exponent);
}

double big_to_double(const BigInt& big) {
  const double magnitude = scale(abs(big), 0, false);
  return big < 0 ? -magnitude : magnitude;
}

Result<Value> true_divide(const Value& a, const Value& b) {
  const BigInt left = to_big(a);
  const BigInt right = to_big(b);
  if (right == 0) return raise("ZeroDivisionError", "division by zero");
  // 66 bits of quotient and a sticky remainder are enough for a correct rounding.
  const int shift = std::max(0, 66 + static_cast<int>(bits(right)) - static_cast<int>(bits(left)));
  BigInt quotient;
  BigInt remainder;
  divide_qr(BigInt(abs(left) << shift), BigInt(abs(right)), quotient, remainder);
  const double magnitude = scale(quotient, -shift, remainder != 0);
  if (std::isinf(magnitude)) return raise("OverflowError", "integer division result too large for a float");
  return Value((left < 0) != (right < 0) ? -magnitude : magnitude);
}

double floor_mod(double a, double b) {
  double mod = std::fmod(a, b);
  if (mod == 0) return std::copysign(0.0, b);
  return (mod < 0) != (b < 0) ? mod + b : mod;
}

double floor_divide(double a, double b) {
  const double mod = floor_mod(a, b);
  const double quotient = (a - mod) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

Result<Value> float_power(double a, double b) {
  if (a == 0 && b < 0) return raise("ZeroDivisionError", "0.0 cannot be raised to a negative power");
  if (a < 0 && std::isfinite(b) && b != std::floor(b)) {
    return raise("TypeError", "a complex number, the result of a negative number to a broken power, is not supported");
  }
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) {
    return raise("OverflowError", "(34, 'Numerical result out of range')");
  }
  return Value(result);
}

Result<Value> float_arithmetic(BinaryOp op, double a, double b) {
  const bool divides = op == BinaryOp::kDiv || op == BinaryOp::kFloorDiv || op == BinaryOp::kMod;
  if (divides && b == 0) {
    return raise("ZeroDivisionError", op == BinaryOp::kDiv        ? "float division by zero"
                                      : op == BinaryOp::kFloorDiv ? "float floor division by zero"
                                                                  : "float modulo");
  }
  switch (op) {
    case BinaryOp::kAdd: return Value(a + b);
    case BinaryOp::kSub: return Value(a - b);
    case BinaryOp::kMul: return Value(a * b);
    case BinaryOp::kDiv: return Value(a / b);
    case BinaryOp::kFloorDiv: return Value(floor_divide(a, b));
    case BinaryOp::kMod: return Value(floor_mod(a, b));
    case BinaryOp::kPow: return float_power(a, b);
  }
  SQ_ASSERT(false);
}

Result<Value> integer_power(const Value& a, const Value& b) {
  if (is_negative(b)) {
    SQ_TRY(const double base, to_double(a));
    SQ_TRY(const double exponent, to_double(b));
    return float_power(base, exponent);
  }
  const auto exponent = to_int64(b);
  if (exponent && *exponent == 0) return Value(1);
  const BigInt base = to_big(a);
  if (base == 0 || base == 1) return from_big(base);
  if (base == -1) return Value((to_big(b) & 1) != 0 ? -1 : 1);
  if (!exponent || static_cast<double>(bits(base)) * static_cast<double>(*exponent) > kIntegerBitsMax) return too_big();
  return from_big(boost::multiprecision::pow(base, static_cast<unsigned>(*exponent)));
}

// The common case: both fit 64 bits signed and so does the result.
std::optional<int64_t> small_arithmetic(BinaryOp op, int64_t a, int64_t b) {
  int64_t result = 0;
  if (op == BinaryOp::kAdd && !__builtin_add_overflow(a, b, &result)) return result;
  if (op == BinaryOp::kSub && !__builtin_sub_overflow(a, b, &result)) return result;
  if (op == BinaryOp::kMul && !__builtin_mul_overflow(a, b, &result)) return result;
  return std::nullopt;
}

Result<Value> big_arithmetic(BinaryOp op, const Value& a, const Value& b) {
  const BigInt left = to_big(a);
  const BigInt right = to_big(b);
  if (op == BinaryOp::kAdd) return from_big(left + right);
  if (op == BinaryOp::kSub) return from_big(left - right);
  if (op == BinaryOp::kMul) {
    if (bits(left) + bits(right) > kIntegerBitsMax) return too_big();
    return from_big(left * right);
  }
  if (right == 0) {
    return raise("ZeroDivisionError",
                 op == BinaryOp::kMod ? "integer modulo by zero" : "integer division or modulo by zero");
  }
  BigInt quotient;
  BigInt remainder;
  floor_divide(left, right, quotient, remainder);
  return from_big(op == BinaryOp::kMod ? remainder : quotient);
}

// Digits of any script as ASCII, blanks at the ends gone.
std::string plain_number(std::string_view text) {
  std::string out;
  text = strip(text);
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    const int digit = decimal_value(c);
    if (digit >= 0) {
      out.push_back(static_cast<char>('0' + digit));
    } else {
      append_utf8(out, c);
    }
  }
  return out;
}

// Without the underscores between digits; nothing when one stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text, bool leading_allowed) {
  std::string out;
  const auto is_alnum = [](char c) {
    return decimal_value(static_cast<unsigned char>(c)) >= 0 || is_alpha(static_cast<unsigned char>(c));
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out.push_back(text[i]);
      continue;
    }
    const bool before = i > 0 ? is_alnum(text[i - 1]) : leading_allowed;
    if (!before || i + 1 == text.size() || !is_alnum(text[i + 1])) return std::nullopt;
  }
  return out;
}

int prefix_base(std::string_view text) {
  if (text.size() < 2 || text[0] != '0') return 0;
  const char letter = static_cast<char>(text[1] | 0x20);
  return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
}

}  // namespace

std::string_view symbol(BinaryOp op) {
  static constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};
  return kSymbols[static_cast<size_t>(op)];
}

bool is_integer(const Value& value) { return value.is_bool() || value.is_int() || value.kind() == Kind::kBigInt; }
bool is_numeric(const Value& value) { return is_integer(value) || value.is_double(); }

Result<Value> arithmetic(BinaryOp op, const Value& a, const Value& b) {
  if (a.is_double() || b.is_double()) {
    SQ_TRY(const double left, to_double(a));
    SQ_TRY(const double right, to_double(b));
    return float_arithmetic(op, left, right);
  }
  if (op == BinaryOp::kDiv) return true_divide(a, b);
  if (op == BinaryOp::kPow) return integer_power(a, b);
  const auto left = to_int64(a);
  const auto right = to_int64(b);
  if (left && right) {
    if (const auto result = small_arithmetic(op, *left, *right)) return Value(*result);
  }
  return big_arithmetic(op, a, b);
}

Value negate(const Value& value) {
  if (value.is_double()) return -value.as_double();
  return from_big(-to_big(value));
}

Value absolute(const Value& value) {
  if (value.is_double()) return std::fabs(value.as_double());
  return is_negative(value) ? negate(value) : positive(value);
}

Value positive(const Value& value) { return value.is_bool() ? Value(value.as_bool() ? 1 : 0) : value; }

Result<double> to_double(const Value& value) {
  if (value.is_bool()) return value.as_bool() ? 1.0 : 0.0;
  if (value.kind() != Kind::kBigInt) return value.as_double();
  const double result = big_to_double(to_big(value));
  if (std::isinf(result)) return raise("OverflowError", "int too large to convert to float");
  return result;
}

std::optional<int64_t> to_int64(const Value& integer) {
  if (integer.is_bool()) return integer.as_bool() ? 1 : 0;
  if (integer.kind() == Kind::kInt) return integer.as_int();
  return std::nullopt;
}

Result<Value> parse_integer(std::string_view text, int base) {
  const auto invalid = [&] {
    return value_error("invalid literal for int() with base " + std::to_string(base) + ": " +
                       python::repr(Value(text)));
  };
  if (base != 0 && (base < 2 || base > 36)) return value_error("int() base must be >= 2 and <= 36, or 0");
  std::string number = plain_number(text);
  std::string_view rest = number;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  int used_base = base;
  const int prefix = prefix_base(rest);
  const bool has_prefix = prefix != 0 && (base == 0 || base == prefix);
  if (has_prefix) {
    used_base = prefix;
    rest.remove_prefix(2);
  } else if (base == 0) {
    used_base = 10;
  }
  const auto plain = without_underscores(rest, has_prefix);
  if (!plain || plain->empty()) return invalid();
  for (const char c : *plain) {
    const bool is_number = c >= '0' && c <= '9';
    const bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    const int digit = is_number ? c - '0' : is_letter ? (c | 0x20) - 'a' + 10 : 99;
    if (digit >= used_base) return invalid();
  }
  // int("010", 0) is refused: that looks like an octal number of old.
  if (base == 0 && !has_prefix && plain->size() > 1 && plain->front() == '0' &&
      plain->find_first_not_of('0') != std::string::npos) {
    return invalid();
  }
  return integer_from_digits(*plain, used_base, negative);
}

Result<double> parse_float(std::string_view text) {
  const auto plain = without_underscores(plain_number(text), false);
  bool valid = plain && !plain->empty();
  if (valid) {
    const std::string word =
        squall::to_lower(plain->front() == '+' || plain->front() == '-' ? plain->substr(1) : *plain);
    const bool is_word = word == "inf" || word == "infinity" || word == "nan";
    valid = is_word || (word.find_first_not_of("0123456789.e+-") == std::string::npos && !word.empty());
    if (valid && plain->size() > 1 && (plain->front() == '+' || plain->front() == '-')) {
      valid = word.front() != '+' && word.front() != '-';
    }
  }
  if (valid) {
    char* end = nullptr;
    const double value = std::strtod(plain->c_str(), &end);
    if (end == plain->c_str() + plain->size()) return value;
  }
  return value_error("could not convert string to float: " + python::repr(Value(text)));
}

Result<Value> truncate(double value) {
  if (std::isnan(value)) return value_error("cannot convert float NaN to integer");
  if (std::isinf(value)) return raise("OverflowError", "cannot convert float infinity to integer");
  return integer_from_double(std::trunc(value));
}

std::string digits(const Value& integer, int base) {
  const BigInt big = abs(to_big(integer));
  if (base == 10) return big.str();
  if (base == 16) return big.str(0, std::ios_base::hex);
  if (base == 8) return big == 0 ? "0" : big.str(0, std::ios_base::oct);
  std::string out;
  for (size_t bit = std::max<size_t>(bits(big), 1); bit > 0; --bit) {
    out.push_back(bit_test(big, static_cast<unsigned>(bit - 1)) ? '1' : '0');
  }
  return out;
}

bool is_negative(const Value& number) {
  if (number.is_double()) return std::signbit(number.as_double());
  if (number.kind() == Kind::kBigInt) return number.as_string().starts_with('-');
  return number.kind() == Kind::kInt && number.as_int() < 0;
}

int64_t bit_length(const Value& integer) { return static_cast<int64_t>(bits(to_big(integer))); }

double round_places(double value, int64_t places) {
  if (!std::isfinite(value) || places > 323 || value == 0) return value;
  if (places < -308) return std::copysign(0.0, value);
  if (places >= 0) {
    // printf rounds the exact value half to even, as Python does; more digits than a double has change nothing.
    char text[768];
    std::snprintf(text, sizeof text, "%.*f", static_cast<int>(places), value);
    return std::strtod(text, nullptr);
  }
  // Round the exact integer part; a broken rest makes a tie a bit larger.
  const BigInt unit = boost::multiprecision::pow(BigInt(10), static_cast<unsigned>(-places));
  const double whole = std::trunc(std::fabs(value));
  BigInt quotient;
  BigInt remainder;
  divide_qr(to_big(integer_from_double(whole)), unit, quotient, remainder);
  const BigInt twice = remainder * 2;
  const bool above_half = twice > unit || (twice == unit && (whole != std::fabs(value) || (quotient & 1) != 0));
  const double magnitude = big_to_double(BigInt((above_half ? quotient + 1 : quotient) * unit));
  return std::copysign(magnitude, value);
}

Result<Value> round_to_integer(double value) {
  if (!std::isfinite(value)) return truncate(value);
  return integer_from_double(std::nearbyint(value));
}

Value round_integer(const Value& integer, int64_t places) {
  if (places >= 0) return positive(integer);
  if (places < -static_cast<int64_t>(kIntegerBitsMax)) return 0;
  const BigInt unit = boost::multiprecision::pow(BigInt(10), static_cast<unsigned>(-places));
  BigInt quotient;
  BigInt remainder;
  floor_divide(to_big(integer), unit, quotient, remainder);
  const BigInt twice = remainder * 2;
  if (twice > unit || (twice == unit && (quotient & 1) != 0)) ++quotient;
  return from_big(quotient * unit);
}

std::pair<Value, Value> integer_ratio(double value) {
  int exponent = 0;
  double mantissa = std::frexp(value, &exponent);
  for (int i = 0; i < 300 && mantissa != std::floor(mantissa); ++i) {
    mantissa *= 2;
    --exponent;
  }
  BigInt numerator = to_big(integer_from_double(mantissa));
  BigInt denominator = 1;
  if (exponent > 0) {
    numerator <<= exponent;
  } else {
    denominator <<= -exponent;
  }
  return {from_big(numerator), from_big(denominator)};
}

}  // namespace squall::expr::py
