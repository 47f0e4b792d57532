// StackStorm's parameter schemas: JSON Schema draft 4 with StackStorm's extensions (stackstorm-features.md B-2).
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::schema {

struct Violation {
  std::string path;     // "$.a.b[0]" of the value at fault
  std::string message;  // "1 is not of type 'string'", in the words of Python's jsonschema
};

// Checks a value against a full schema ({"type": "object", ...}). Extensions that are no validation keywords (secret,
// position, immutable, a property's boolean `required`) are understood: `required: true` inside a property makes it
// required. Null passes for a property that is not required. Empty when the value is valid.
std::vector<Violation> check(const Value& value, const Value& full_schema);

// The schema of an object with these properties and nothing else allowed.
Value object_schema(const Value& properties, bool additional_properties = false);

// Fills in missing members from `default`s, also in nested objects and in the items of arrays. With `create_objects`
// a missing object that has properties with defaults is made (StackStorm does so for pack configs).
Value with_defaults(const Value& value, const Value& properties, bool create_objects = false);

// The value with every member whose schema says `secret: true` replaced by "********", at any depth of objects and
// arrays. A null or missing secret stays as it is.
Value mask(const Value& value, const Value& properties);

// Is this map of properties itself well-formed (known types, text names, required a boolean, ...)? For pack files.
Status check_properties(const Value& properties);

inline constexpr std::string_view kMask = "********";

}  // namespace squall::schema
