// Python's integers as rows of bits, and modular powers.
#include <optional>

#include "expr/python/big_impl.hpp"
#include "expr/python/errors.hpp"
#include "expr/python/numbers.hpp"

namespace squall::expr::py {

Result<Value> bitwise(BitOp op, const Value& a, const Value& b) {
  const BigInt left = to_big(a);
  const BigInt right = to_big(b);
  const BigInt result = op == BitOp::kAnd  ? BigInt(left & right)
                        : op == BitOp::kOr ? BigInt(left | right)
                                           : BigInt(left ^ right);
  if (a.is_bool() && b.is_bool()) return Value(result != 0);
  return from_big(result);
}

Result<Value> shift(const Value& integer, const Value& count, bool left) {
  if (is_negative(count)) return value_error("negative shift count");
  const BigInt number = to_big(integer);
  const auto bits = to_int64(count);
  if (number == 0) return Value(0);
  if (left) {
    const bool fits = bits && *bits <= static_cast<int64_t>(kIntegerBitsMax) &&
                      bit_length(integer) + *bits <= static_cast<int64_t>(kIntegerBitsMax);
    if (!fits) {
      return limit_error("integer exceeds the limit of " + std::to_string(kIntegerBitsMax) + " bits (kIntegerBitsMax)");
    }
    return from_big(number << static_cast<unsigned>(*bits));
  }
  if (!bits || *bits > bit_length(integer)) return Value(number < 0 ? -1 : 0);
  // Rounds down, also below zero.
  const BigInt divisor = BigInt(1) << static_cast<unsigned>(*bits);
  BigInt quotient;
  BigInt remainder;
  divide_qr(number, divisor, quotient, remainder);
  if (remainder < 0) --quotient;
  return from_big(quotient);
}

namespace {

// The number whose product with `value` leaves 1; nothing when there is none. The modulus is positive.
std::optional<BigInt> inverse(BigInt value, const BigInt& modulus) {
  BigInt old_rest = value % modulus;
  if (old_rest < 0) old_rest += modulus;
  BigInt rest = modulus;
  BigInt old_factor = 1;
  BigInt factor = 0;
  while (rest != 0) {
    const BigInt quotient = old_rest / rest;
    BigInt next = old_rest - quotient * rest;
    old_rest = rest;
    rest = next;
    next = old_factor - quotient * factor;
    old_factor = factor;
    factor = next;
  }
  if (old_rest != 1) return std::nullopt;
  return old_factor < 0 ? BigInt(old_factor + modulus) : old_factor;
}

}  // namespace

Result<Value> power_mod(const Value& base, const Value& exponent, const Value& modulus) {
  const BigInt mod = to_big(modulus);
  const BigInt size = abs(mod);
  BigInt factor = to_big(base);
  BigInt power = to_big(exponent);
  if (bit_length(modulus) > 4096 || bit_length(exponent) > 4096) {
    return limit_error("pow() takes an exponent and a modulus of at most 4096 bits");
  }
  if (power < 0) {
    const auto inverted = inverse(factor, size);
    if (!inverted) return value_error("base is not invertible for the given modulus");
    factor = *inverted;
    power = -power;
  }
  factor %= size;
  if (factor < 0) factor += size;
  BigInt result = powm(factor, power, size);
  if (mod < 0 && result != 0) result += mod;
  return from_big(result);
}

}  // namespace squall::expr::py
