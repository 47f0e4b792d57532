// Durations for people, as StackStorm's filter to_human_time_from_seconds writes them (recorded in
// tests/conformance/human_time.json).
#pragma once

#include <string>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall {

// 61 -> "1m1s", 0.5 -> "0.5μs". StackStorm counts years and the day of the month but drops months: 31 days are "0s".
// type() of an error: "AssertionError" for anything but a number, "OverflowError" or "ValueError" for one out of range.
Result<std::string> human_time_from_seconds(const Value& seconds);

}  // namespace squall
