#include "expr/yaql/calendar.hpp"

#include <chrono>

#include "expr/python/errors.hpp"

namespace squall::expr::yaql {

namespace {

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
  using namespace std::chrono;
  const sys_days days = std::chrono::year(static_cast<int>(year)) / static_cast<int>(month) / 1;
  return days.time_since_epoch().count() + day - 1;
}

Fields fields_of(int64_t micros) {
  using namespace std::chrono;
  const int64_t day = floor_div(micros, kDay);
  const int64_t rest = micros - day * kDay;
  const year_month_day date{sys_days(days(day))};
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          rest / kHour,
          rest / kMinute % 60,
          rest / kSecond % 60,
          rest % kSecond};
}

Result<int64_t> micros_of(const Fields& f) {
  using namespace std::chrono;
  if (f.year < 1 || f.year > 9999) return py::value_error("year " + std::to_string(f.year) + " is out of range");
  if (f.month < 1 || f.month > 12) return py::value_error("month must be in 1..12");
  const year_month_day_last end = std::chrono::year(static_cast<int>(f.year)) / static_cast<int>(f.month) / last;
  if (f.day < 1 || f.day > static_cast<unsigned>(end.day())) return py::value_error("day is out of range for month");
  if (f.hour < 0 || f.hour > 23) return py::value_error("hour must be in 0..23");
  if (f.minute < 0 || f.minute > 59) return py::value_error("minute must be in 0..59");
  if (f.second < 0 || f.second > 59) return py::value_error("second must be in 0..59");
  if (f.microsecond < 0 || f.microsecond > 999'999) return py::value_error("microsecond must be in 0..999999");
  return days_from_civil(f.year, f.month, f.day) * kDay + f.hour * kHour + f.minute * kMinute + f.second * kSecond +
         f.microsecond;
}

Result<Value> date_time_value(DateTime time) {
  static const int64_t kFirst = days_from_civil(1, 1, 1) * kDay;
  static const int64_t kEnd = days_from_civil(10000, 1, 1) * kDay;
  if (time.micros < kFirst || time.micros >= kEnd) return py::raise("OverflowError", "date value out of range");
  return Value::date_time(time);
}

int64_t utc_micros(const DateTime& time) { return time.micros - int64_t{time.offset_seconds} * kSecond; }

int weekday_of(int64_t micros) {
  const int64_t day = (floor_div(micros, kDay) + 3) % 7;  // 1970-01-01 was a Thursday
  return static_cast<int>(day < 0 ? day + 7 : day);
}

}  // namespace squall::expr::yaql
