#include "text/human_time.hpp"

#include <fmt/core.h>

#include <chrono>
#include <cmath>

#include "value/python.hpp"

namespace squall {
namespace {

constexpr int64_t kSecondsPerDay = 86400;
constexpr int64_t kDaysMax = 3652058;  // 9999-12-31 counted from 0001-01-01
constexpr int64_t kTimeDeltaDaysMax = 999999999;

tl::unexpected<Error> python_error(const char* type, std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type(type));
}

std::string parts_from(int64_t days, int64_t seconds) {
  using namespace std::chrono;
  const year_month_day date(sys_days(year(1) / January / 1) + std::chrono::days(days));
  const std::pair<int64_t, char> parts[] = {{static_cast<int>(date.year()) - 1, 'y'},
                                            {static_cast<unsigned>(date.day()) - 1, 'd'},
                                            {seconds / 3600, 'h'},
                                            {seconds / 60 % 60, 'm'},
                                            {seconds % 60, 's'}};
  std::string text;
  for (const auto& [count, unit] : parts) {
    if (text.empty() && count == 0 && unit != 's') continue;
    text += std::to_string(count) + unit;
  }
  return text;
}

}  // namespace

Result<std::string> human_time_from_seconds(const Value& seconds) {
  const bool small = seconds.is_bool() || seconds.kind() == Kind::kInt;
  if (!small && !seconds.is_number()) return python_error("AssertionError", "");
  if (seconds.kind() == Kind::kUInt || seconds.kind() == Kind::kBigInt) {
    if (seconds.kind() == Kind::kBigInt && seconds.as_string().starts_with('-')) {
      return std::string(seconds.as_string()) + "μs";
    }
    return python_error("OverflowError", "Python int too large to convert to C int");
  }
  const double real = seconds.is_double() ? seconds.as_double() : 0;
  const int64_t whole = seconds.is_bool() ? seconds.as_bool() : small ? seconds.as_int() : 0;
  if (small ? whole == 0 : real == 0) return std::string("0s");
  if (small ? whole < 1 : real < 1) return python::str(seconds) + "μs";
  if (std::isnan(real)) return python_error("ValueError", "cannot convert float NaN to integer");
  if (std::isinf(real)) return python_error("OverflowError", "cannot convert float infinity to integer");
  if (real >= 9e18) return python_error("OverflowError", "Python int too large to convert to C int");
  const int64_t rounded = small ? whole : static_cast<int64_t>(std::nearbyint(real));  // half to even
  const int64_t days = rounded / kSecondsPerDay;
  if (days > INT32_MAX) return python_error("OverflowError", "Python int too large to convert to C int");
  if (days > kTimeDeltaDaysMax) {
    return python_error("OverflowError", fmt::format("days={}; must have magnitude <= {}", days, kTimeDeltaDaysMax));
  }
  if (days > kDaysMax) return python_error("OverflowError", "date value out of range");
  return parts_from(days, rounded % kSecondsPerDay);
}

}  // namespace squall
