#include "value/number_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/assert.hpp"

namespace squall {

namespace {

// The shortest digits that read back as `value`, and the place of the point before them: 0.digits * 10^point.
struct Shortest {
  std::string digits;
  int point = 0;
};

Shortest shortest_digits(double value) {
  std::array<char, 32> buffer;
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value), std::chars_format::scientific);
  SQ_ASSERT(error == std::errc());
  Shortest result;
  const char* at = buffer.data();
  for (; at != end && *at != 'e'; ++at) {
    if (*at != '.') result.digits += *at;
  }
  ++at;
  if (*at == '+') ++at;
  int exponent = 0;
  std::from_chars(at, end, exponent);
  result.point = exponent + 1;
  return result;
}

// Both dialects write digits with the point in its place while it lies in [point_min, 16]; outside, an exponent.
std::string positional(const Shortest& shortest) {
  const auto count = static_cast<int>(shortest.digits.size());
  if (shortest.point <= 0) return "0." + std::string(static_cast<size_t>(-shortest.point), '0') + shortest.digits;
  if (shortest.point >= count) {
    return shortest.digits + std::string(static_cast<size_t>(shortest.point - count), '0') + ".0";
  }
  const auto point = static_cast<size_t>(shortest.point);
  return shortest.digits.substr(0, point) + "." + shortest.digits.substr(point);
}

std::string mantissa(const std::string& digits) {
  return digits.size() == 1 ? digits : digits.substr(0, 1) + "." + digits.substr(1);
}

constexpr int kPointMax = 16;

}  // namespace

std::string python_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  const std::string sign = std::signbit(value) ? "-" : "";
  if (value == 0) return sign + "0.0";
  const Shortest shortest = shortest_digits(value);
  if (shortest.point > -4 && shortest.point <= kPointMax) return sign + positional(shortest);
  const int exponent = shortest.point - 1;
  std::string power = std::to_string(std::abs(exponent));
  if (power.size() < 2) power.insert(power.begin(), '0');
  return sign + mantissa(shortest.digits) + (exponent < 0 ? "e-" : "e+") + power;
}

std::string orjson_float(double value) {
  SQ_ASSERT(std::isfinite(value));
  const std::string sign = std::signbit(value) ? "-" : "";
  if (value == 0) return sign + "0.0";
  const Shortest shortest = shortest_digits(value);
  if (shortest.point > -5 && shortest.point <= kPointMax) return sign + positional(shortest);
  return sign + mantissa(shortest.digits) + "e" + std::to_string(shortest.point - 1);
}

namespace {

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  return c - 'A' + 10;
}

// Little-endian groups of nine decimal digits.
std::string to_decimal(std::string_view digits, int base) {
  constexpr uint64_t kGroup = 1'000'000'000;
  std::vector<uint32_t> groups{0};
  for (const char c : digits) {
    uint64_t carry = static_cast<uint64_t>(digit_value(c));
    for (uint32_t& group : groups) {
      carry += static_cast<uint64_t>(group) * static_cast<uint64_t>(base);
      group = static_cast<uint32_t>(carry % kGroup);
      carry /= kGroup;
    }
    if (carry != 0) groups.push_back(static_cast<uint32_t>(carry));
  }
  std::string text = std::to_string(groups.back());
  for (size_t i = groups.size() - 1; i-- > 0;) {
    const std::string part = std::to_string(groups[i]);
    text += std::string(9 - part.size(), '0') + part;
  }
  return text;
}

// The digits of an integer Value without its sign.
std::string magnitude(const Value& value, bool& negative) {
  if (value.kind() == Kind::kBigInt) {
    const std::string_view text = value.as_string();
    negative = text.front() == '-';
    return std::string(negative ? text.substr(1) : text);
  }
  if (value.kind() == Kind::kUInt) {
    negative = false;
    return std::to_string(value.as_uint());
  }
  const int64_t number = value.is_bool() ? (value.as_bool() ? 1 : 0) : value.as_int();
  negative = number < 0;
  const uint64_t size = negative ? uint64_t{0} - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  return std::to_string(size);
}

}  // namespace

Result<Value> integer_from_digits(std::string_view digits, int base, bool negative) {
  SQ_ASSERT(!digits.empty() && base >= 2 && base <= 36);
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  if (digits.size() > kIntegerDigitsMax) {
    return fail(Error(ErrorCode::kLimit, "Exceeds the limit (" + std::to_string(kIntegerDigitsMax) +
                                             " digits) for integer string conversion: value has " +
                                             std::to_string(digits.size()) +
                                             " digits; use sys.set_int_max_str_digits() to increase the limit")
                    .with_type("ValueError"));
  }
  uint64_t small = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), small, base);
  if (error == std::errc()) {
    SQ_ASSERT(end == digits.data() + digits.size());
    if (!negative) return Value(small);
    if (small <= uint64_t{1} << 63) return Value(static_cast<int64_t>(uint64_t{0} - small));
  }
  std::string text(negative ? "-" : "");
  text += base == 10 ? std::string(digits) : to_decimal(digits, base);
  return Value::big_int(std::move(text));
}

Value integer_from_double(double value) {
  SQ_ASSERT(std::isfinite(value));
  value = std::trunc(value);
  if (value >= -9223372036854775808.0 && value < 9223372036854775808.0) return Value(static_cast<int64_t>(value));
  // Fixed notation without decimals is exact; a double has at most 309 digits.
  std::array<char, 320> buffer;
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value), std::chars_format::fixed, 0);
  SQ_ASSERT(error == std::errc());
  return *integer_from_digits(std::string_view(buffer.data(), static_cast<size_t>(end - buffer.data())), 10, value < 0);
}

int compare_integers(const Value& a, const Value& b) {
  bool a_negative = false;
  bool b_negative = false;
  const std::string a_digits = magnitude(a, a_negative);
  const std::string b_digits = magnitude(b, b_negative);
  if (a_negative != b_negative) return a_negative ? -1 : 1;
  const int sign = a_negative ? -1 : 1;
  if (a_digits.size() != b_digits.size()) return a_digits.size() < b_digits.size() ? -sign : sign;
  const int order = a_digits.compare(b_digits);
  return order < 0 ? -sign : order > 0 ? sign : 0;
}

int compare_integer_with_double(const Value& integer, double real) {
  SQ_ASSERT(!std::isnan(real));
  if (std::isinf(real)) return real > 0 ? -1 : 1;
  const int order = compare_integers(integer, integer_from_double(real));
  if (order != 0) return order;
  const double rest = real - std::trunc(real);
  return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

}  // namespace squall
