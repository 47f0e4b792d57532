// JSON in and out. Two dialects, because StackStorm has two (recorded in tests/conformance/tojson_dialects.json):
//   * the API speaks orjson's: 1e16, NaN as null, non-ASCII as UTF-8;
//   * to_json_string and Jinja speak Python json's: 1e+16, NaN, \uXXXX escapes, ", " and ": " between members.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall {

enum class JsonDialect { kOrjson, kPython };

// Parses one document. Integers outside 64 bits become a double in kOrjson, a kBigInt in kPython; NaN, Infinity and
// -Infinity are read in kPython only. A duplicate key keeps its last value (and first place). Depth is limited
// (limits::kJsonDepthMax). The error has line and column, counted from 1, and Python's exception class as type().
Result<Value> parse_json(std::string_view text, JsonDialect dialect = JsonDialect::kOrjson);

struct JsonStyle {
  JsonDialect dialect = JsonDialect::kOrjson;
  std::optional<int> indent;  // blanks per level; none: all on one line
  bool sort_keys = false;
  bool ensure_ascii = false;  // kPython's default is true, see python()
  std::string item_separator = ",";
  std::string key_separator = ":";

  // json.dumps() without arguments: ensure_ascii, ", " and ": ".
  static JsonStyle python();
  // Two blanks a level, for people.
  static JsonStyle pretty();
};

// Fails for what the dialect refuses: kOrjson refuses integers outside 64 bits; both refuse kinds that JSON lacks
// (type() is "TypeError" then, with the message of the Python library), except that tuples are written as lists.
Result<std::string> write_json(const Value& value, const JsonStyle& style);

// For values that are known to be JSON (records of ours): API dialect on one line; a kind that JSON lacks is written as
// its Python str(). Never fails.
std::string to_json(const Value& value);
std::string to_json_pretty(const Value& value);

}  // namespace squall
