// The border in front of everything that is stored: what comes from outside (API bodies, templates, runners, sensors,
// pack files) either gets a faithful JSON form here or is refused with the place of the fault. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/limits.hpp"
#include "base/result.hpp"
#include "value/value.hpp"

namespace squall {

struct JsonFormOptions {
  size_t depth_max = limits::kDataDepthMax;
  size_t bytes_max = limits::kDataBytesMax;
  // Bad bytes in texts become U+FFFD instead of an error. For results: they must not be lost for a stray byte.
  bool repair_texts = false;
};

// The value as JSON can hold it; the value itself when it is JSON already (nothing is copied then).
//   tuples, sets -> lists; markup and bytes that are UTF-8 -> text; dates and times -> ISO 8601; time spans -> Python's
//   str(); NaN and the infinities -> null, as the API shows them.
// kInvalid for what has no such form (integers outside 64 bits, bytes and texts that are no UTF-8, undefined values,
// objects of the expression engine) and for too much nesting or size (texts and keys plus kValueWeightBytes a value).
// The message begins with the path, "$.a[3].b is ...".
Result<Value> json_form(const Value& value, const JsonFormOptions& options = {});

// What one value counts besides its text when a size is limited.
inline constexpr size_t kValueWeightBytes = 16;

// Bad bytes replaced by U+FFFD.
std::string valid_text(std::string_view bytes);

}  // namespace squall
