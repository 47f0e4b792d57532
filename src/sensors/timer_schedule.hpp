// From a timer trigger's parameters to when it fires (stackstorm-features.md G-7 to G-9).
#pragma once

#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "text/schedule.hpp"
#include "value/value.hpp"

namespace squall::sensors {

inline constexpr std::string_view kIntervalTimer = "core.st2.IntervalTimer";
inline constexpr std::string_view kDateTimer = "core.st2.DateTimer";
inline constexpr std::string_view kCronTimer = "core.st2.CronTimer";

// IntervalTimer {unit, delta, timezone?}, DateTimer {date, timezone?}, CronTimer {year, month, day, week, day_of_week,
// hour, minute, second, timezone?}. `zone` counts when the parameters name none; an interval starts at `now`.
Result<Schedule> make_timer_schedule(std::string_view type, const Value& parameters, Timestamp now,
                                     const TimeZone& zone);

}  // namespace squall::sensors
