// Errors that carry the class name of the Python exception a compatible engine would raise.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace squall::expr::py {

// `return raise("TypeError", "...")` from a function that returns any Result.
inline tl::unexpected<Error> raise(std::string_view type, std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type(std::string(type)));
}
inline tl::unexpected<Error> type_error(std::string message) { return raise("TypeError", std::move(message)); }
inline tl::unexpected<Error> value_error(std::string message) { return raise("ValueError", std::move(message)); }

// A limit of base/limits.hpp was reached.
inline tl::unexpected<Error> limit_error(std::string message) { return fail(ErrorCode::kLimit, std::move(message)); }

}  // namespace squall::expr::py
