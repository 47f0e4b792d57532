// One field of a cron schedule, as APScheduler 3 reads it: `*`, `*/n`, `a`, `a-b`, `a-b/n`, lists; names of months and
// weekdays; `1st mon` and `last` for days.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace squall {

// A day and a time of day, split up.
struct CivilTime {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0;
};

enum class CronUnit { kYear, kMonth, kDay, kWeek, kDayOfWeek, kHour, kMinute, kSecond };
inline constexpr int kCronUnits = 8;

std::string_view cron_unit_name(CronUnit unit);
// The expression of a field that is left out behind the last one given; before it, a field is "*".
std::string_view cron_unit_default(CronUnit unit);
int cron_unit_min(CronUnit unit);
// The largest value the unit has at `time`: days depend on the month.
int cron_unit_max(CronUnit unit, const CivilTime& time);
// Weeks are ISO's, day_of_week 0 is Monday.
int cron_unit_value(CronUnit unit, const CivilTime& time);
// Week and day_of_week follow from the others and cannot be set.
inline bool cron_unit_is_real(CronUnit unit) { return unit != CronUnit::kWeek && unit != CronUnit::kDayOfWeek; }

int days_of_month(int year, int month);

class CronField {
 public:
  // The error's type() is "ValueError", its text APScheduler's.
  static Result<CronField> parse(CronUnit unit, std::string_view expressions);

  // The smallest matching value that is not below that of `time`, within the unit that is above; nothing: none.
  std::optional<int> next(const CivilTime& time) const;

 private:
  enum class Kind { kAll, kRange, kWeekdayPosition, kLastDay };
  struct Expression {
    Kind kind = Kind::kAll;
    std::optional<int64_t> step, last;
    int64_t first = 0;
    int position = 0, weekday = 0;  // kWeekdayPosition: 0 to 4, 5 is "last"
  };
  explicit CronField(CronUnit unit) : unit_(unit) {}
  static Result<Expression> parse_one(CronUnit unit, std::string_view text);
  static Status check_range(CronUnit unit, const Expression& expression, std::string_view text);
  static Result<std::optional<Expression>> parse_named(CronUnit unit, std::string_view text);
  static Result<std::optional<Expression>> parse_day(std::string_view text);
  std::optional<int> next_of(const Expression& expression, const CivilTime& time) const;

  CronUnit unit_;
  std::vector<Expression> expressions_;
};

}  // namespace squall
