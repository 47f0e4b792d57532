// The patient JSON reader: reads what simdjson refuses (big integers, Python's NaN, lone surrogates) and, for what is
// wrong, finds the words and the place that orjson or Python's json would name. Only json_read.cpp uses it.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "value/json.hpp"
#include "value/value.hpp"

namespace squall {

Result<Value> read_json_patiently(std::string_view text, JsonDialect dialect);

}  // namespace squall
