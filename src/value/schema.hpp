// StackStorm's parameter schemas: JSON Schema draft 4 with StackStorm's extensions (stackstorm-features.md B-2), judged
// in the words of Python's jsonschema 4.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::schema {

struct Violation {
  std::string path;     // "$.a.b[0]" of the value at fault
  std::string message;  // "1 is not of type 'string'", in the words of Python's jsonschema
  std::string keyword;  // "type"
  List steps;           // from the document checked to `instance`: text for members, integers for items
  List schema_steps;    // from the schema to the keyword
  Value instance;       // the value at fault
  Value schema;         // the schema that has the keyword
  // For anyOf and oneOf: why each alternative failed. Their steps start where this violation's end.
  std::vector<Violation> alternatives;

  // str() of jsonschema's ValidationError: the message, then schema and instance pretty-printed.
  std::string text() const;
};

enum class Nulls {
  kForOptional,  // null passes for a property that is not required and has no default: StackStorm's allow_default_none
  kAsWritten,    // the schema is taken literally
};

// Checks a value against a full schema ({"type": "object", ...}); empty when it is valid. All of draft 4 is known, with
// `$ref` inside the same schema, except that `format` asks for nothing (as in StackStorm). Extensions that are no
// validation keywords (secret, position, immutable, a property's boolean `required`) are understood: `required: true`
// inside a property makes it required. An unknown name of a type accepts every value: check_properties() is the one to
// complain.
std::vector<Violation> check(const Value& value, const Value& full_schema, Nulls nulls = Nulls::kForOptional);

// The one violation that jsonschema.validate() would raise. `violations` must not be empty.
const Violation& best_match(const std::vector<Violation>& violations);

// The schema of an object with these properties and, unless asked for, nothing else allowed. A property without any
// attribute accepts every type but null. Without properties the schema is {} and accepts everything, as in StackStorm.
Value object_schema(const Value& properties, bool additional_properties = false);

// The schema with null allowed wherever Nulls::kForOptional allows it.
Value with_nulls(const Value& full_schema);

// Fills in members that are missing or null from `default`s, also in nested objects and in the items of arrays.
// With `create_objects` it follows StackStorm's rules for pack configs instead: only missing members get their default;
// a missing, null or empty object or array that has a schema for what is in it becomes {} or [], to be filled.
Value with_defaults(const Value& value, const Value& properties, bool create_objects = false);

// The value with every member whose schema says `secret: true` replaced by "********", at any depth of objects and
// arrays. A null or missing secret stays as it is.
Value mask(const Value& value, const Value& properties);

// Is this map of properties itself well-formed (known types, text names, required a boolean, ...)? For pack files.
// The error lists what is wrong, in the words of a check against StackStorm's meta-schema.
Status check_properties(const Value& properties);
// The same as violations, for those who tell only one.
std::vector<Violation> property_violations(const Value& properties);

inline constexpr std::string_view kMask = "********";

// Python's re.search(), for `pattern` and `patternProperties`: this folder lies below the one that has regular
// expressions. A pattern that cannot be compiled matches nothing.
using PatternMatcher = bool (*)(std::string_view pattern, std::string_view text);
// Called once at start, before threads. Without it a schema with patterns is violated by every text, with a message
// that says so.
void set_pattern_matcher(PatternMatcher matcher);

}  // namespace squall::schema
