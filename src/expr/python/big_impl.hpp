// Integers without bounds, for the .cpp files of this folder.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>

#include <limits>
#include <string>

#include "value/value.hpp"

namespace squall::expr::py {

using BigInt = boost::multiprecision::cpp_int;

inline BigInt to_big(const Value& value) {
  switch (value.kind()) {
    case Kind::kBool: return value.as_bool() ? 1 : 0;
    case Kind::kInt: return value.as_int();
    case Kind::kUInt: return value.as_uint();
    default: return BigInt(std::string(value.as_string()));
  }
}

inline Value from_big(const BigInt& big) {
  static const BigInt kMin = std::numeric_limits<int64_t>::min();
  static const BigInt kMax = std::numeric_limits<uint64_t>::max();
  if (big < kMin || big > kMax) return Value::big_int(big.str());
  if (big < 0) return static_cast<int64_t>(big);
  return Value(static_cast<uint64_t>(big));
}

}  // namespace squall::expr::py
