// Jinja's Undefined inside a Value: the message to raise, and how strict to be.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "expr/python/errors.hpp"
#include "value/value.hpp"

namespace squall::expr::jinja {

enum class UndefinedKind : char {
  kStrict = 1,   // StrictUndefined: any use fails
  kLenient = 2,  // Undefined: may be printed, iterated and tested
  kUnsafe = 3,   // StrictUndefined of the sandbox: raises SecurityError
};

// The kind is the first byte of the hint that Value::undefined() carries.
inline Value make_undefined(UndefinedKind kind, std::string_view message) {
  std::string hint(1, static_cast<char>(kind));
  hint += message;
  return Value::undefined(std::move(hint));
}

inline bool is_undefined(const Value& value) { return value.kind() == Kind::kUndefined; }

inline UndefinedKind undefined_kind(const Value& value) {
  const std::string_view hint = value.as_string();
  return hint.empty() ? UndefinedKind::kStrict : static_cast<UndefinedKind>(hint.front());
}

inline bool is_strict_undefined(const Value& value) {
  return is_undefined(value) && undefined_kind(value) != UndefinedKind::kLenient;
}

// The error that using the undefined value raises.
inline tl::unexpected<Error> raise_undefined(const Value& value) {
  const bool unsafe = undefined_kind(value) == UndefinedKind::kUnsafe;
  const std::string_view hint = value.as_string();
  return py::raise(unsafe ? "SecurityError" : "UndefinedError", std::string(hint.substr(hint.empty() ? 0 : 1)));
}

}  // namespace squall::expr::jinja
