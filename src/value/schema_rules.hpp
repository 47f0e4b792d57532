// What the parts of the schema folder share. Not for other folders.
#pragma once

#include <string_view>

#include "value/schema.hpp"
#include "value/value.hpp"

namespace squall::schema {

// Null until set_pattern_matcher().
PatternMatcher pattern_matcher();

// Is the value of this JSON Schema type? True for names that nobody knows.
bool is_type(const Value& value, std::string_view type);
bool is_known_type(std::string_view type);

// Does `type` (a name or a list of names) name this one?
bool names_type(const Value& type, std::string_view name);

// The schema of a member of an object: from `properties`, else the `patternProperties` that match, else
// `additionalProperties`. Null when there is none.
Value member_schema(const Value& object_schema, std::string_view key);
// The schema of an array's item, from `items` (one schema or a list) and `additionalItems`. Null when there is none.
Value item_schema(const Value& array_schema, size_t index);

}  // namespace squall::schema
