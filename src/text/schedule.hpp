// When timers fire: cron, interval and date schedules as APScheduler 3 computes them, over time zones and changes of
// the clock. Pure: the time is a parameter.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "text/time_zone.hpp"
#include "value/value.hpp"

namespace squall {

// A moment together with the zone in which it is reckoned.
struct ZonedTime {
  WallTime wall;
  TimeZone zone;

  static ZonedTime of(Timestamp time, const TimeZone& zone) { return {zone.wall(time), zone}; }
  Timestamp instant() const { return zone.instant(wall); }
  // As Python adds a timedelta: on the clock on the wall, and forgetting the fold.
  ZonedTime plus(Duration by) const { return {{wall.micros + by.count(), 0}, zone}; }
};

// As Python compares aware datetimes: readings of one zone by what the clock shows, others by the moment.
bool operator<(const ZonedTime& a, const ZonedTime& b);

// Immutable, cheap to copy, thread-safe. Errors have Python's exception class as type() and APScheduler's text.
class Schedule {
 public:
  // `fields`: year, month, day, week, day_of_week, hour, minute, second (text or number), start_date, end_date (text).
  // A field that is left out is its minimum behind the last one given, else "*".
  static Result<Schedule> cron(const Value& fields, const TimeZone& zone);
  // Five fields: minute, hour, day of month, month, day of week (0 is Monday).
  static Result<Schedule> crontab(std::string_view expression, const TimeZone& zone);
  // `fields`: weeks, days, hours, minutes, seconds (numbers), start_date, end_date (text). Counted from `start` when
  // there is no start_date.
  static Result<Schedule> interval(const Value& fields, Timestamp start, const TimeZone& zone);
  // Once, at a date in any form that dateutil reads; without an offset it is a reading of `zone`.
  static Result<Schedule> date(std::string_view text, Timestamp now, const TimeZone& zone);

  // The first time at or after `now` when there is no `previous`; else the one that follows `previous`. Nothing: it
  // does not fire any more. APScheduler's get_next_fire_time(), with its answer in an hour that the clock repeats,
  // which may lie before `previous`; whoever waits for it has to look.
  std::optional<ZonedTime> next(const std::optional<ZonedTime>& previous, const ZonedTime& now) const;

 private:
  struct Impl;
  struct Cron;
  struct Interval;
  struct Once;
  explicit Schedule(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace squall
