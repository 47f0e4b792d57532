// Dates as Python's datetime counts them.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::expr::yaql {

inline constexpr int64_t kSecond = 1'000'000;  // microseconds
inline constexpr int64_t kMinute = 60 * kSecond;
inline constexpr int64_t kHour = 60 * kMinute;
inline constexpr int64_t kDay = 24 * kHour;

// The fields of a wall clock.
struct Fields {
  int64_t year = 1900, month = 1, day = 1, hour = 0, minute = 0, second = 0, microsecond = 0;
};

Fields fields_of(int64_t micros);
// Microseconds since 1970; "ValueError" with Python's words for a field out of range.
Result<int64_t> micros_of(const Fields& fields);
// "OverflowError" outside the years 1 to 9999.
Result<Value> date_time_value(DateTime time);
int64_t utc_micros(const DateTime& time);
// 0 is Monday.
int weekday_of(int64_t micros);
int64_t days_from_civil(int64_t year, int64_t month, int64_t day);

}  // namespace squall::expr::yaql
