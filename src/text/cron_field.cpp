#include "text/cron_field.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "base/strings.hpp"

namespace squall {
namespace {

struct UnitFacts {
  std::string_view name, fallback;
  int min, max;
};
constexpr UnitFacts kUnits[] = {{"year", "*", 1970, 9999}, {"month", "1", 1, 12},      {"day", "1", 1, 31},
                                {"week", "*", 1, 53},      {"day_of_week", "*", 0, 6}, {"hour", "0", 0, 23},
                                {"minute", "0", 0, 59},    {"second", "0", 0, 59}};
constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kWeekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr std::string_view kPositions[] = {"1st", "2nd", "3rd", "4th", "5th", "last"};
constexpr int kLastPosition = 5;
// Beyond every unit's range, so that a longer number is still out of range.
constexpr int64_t kNumberMax = 1'000'000'000'000;

const UnitFacts& facts(CronUnit unit) { return kUnits[static_cast<int>(unit)]; }

Error value_error(std::string message) {
  return Error(ErrorCode::kInvalid, std::move(message)).with_type("ValueError");
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Takes what is at the front of the text.
struct Reader {
  std::string_view rest;

  bool skip(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  template <typename Predicate>
  std::string_view take(Predicate predicate) {
    const size_t length = static_cast<size_t>(std::find_if_not(rest.begin(), rest.end(), predicate) - rest.begin());
    const std::string_view taken = rest.substr(0, length);
    rest.remove_prefix(length);
    return taken;
  }
  std::optional<int64_t> number() {
    const std::string_view digits = take(is_digit);
    if (digits.empty()) return std::nullopt;
    return std::min(parse_int(digits).value_or(kNumberMax), kNumberMax);
  }
};

template <size_t kSize>
std::optional<int> index_of(const std::string_view (&names)[kSize], std::string_view name) {
  const auto found = std::find(std::begin(names), std::end(names), to_lower(name));
  if (found == std::end(names)) return std::nullopt;
  return static_cast<int>(found - std::begin(names));
}

int first_weekday(int year, int month) {
  using namespace std::chrono;
  return static_cast<int>(weekday(sys_days(std::chrono::year(year) / month / 1)).iso_encoding()) - 1;
}

int iso_week(const CivilTime& time) {
  using namespace std::chrono;
  const sys_days date = sys_days(year(time.year) / time.month / time.day);
  // The week belongs to the year of its Thursday.
  const sys_days thursday = date + days(4 - static_cast<int>(weekday(date).iso_encoding()));
  const sys_days new_year = sys_days(year_month_day(thursday).year() / January / 1);
  return static_cast<int>((thursday - new_year).count() / 7) + 1;
}

}  // namespace

std::string_view cron_unit_name(CronUnit unit) { return facts(unit).name; }
std::string_view cron_unit_default(CronUnit unit) { return facts(unit).fallback; }
int cron_unit_min(CronUnit unit) { return facts(unit).min; }

int days_of_month(int year, int month) {
  using namespace std::chrono;
  return static_cast<int>(static_cast<unsigned>((std::chrono::year(year) / month / last).day()));
}

int cron_unit_max(CronUnit unit, const CivilTime& time) {
  return unit == CronUnit::kDay ? days_of_month(time.year, time.month) : facts(unit).max;
}

int cron_unit_value(CronUnit unit, const CivilTime& time) {
  using namespace std::chrono;
  switch (unit) {
    case CronUnit::kYear: return time.year;
    case CronUnit::kMonth: return time.month;
    case CronUnit::kDay: return time.day;
    case CronUnit::kWeek: return iso_week(time);
    case CronUnit::kDayOfWeek:
      return static_cast<int>(weekday(sys_days(year(time.year) / time.month / time.day)).iso_encoding()) - 1;
    case CronUnit::kHour: return time.hour;
    case CronUnit::kMinute: return time.minute;
    case CronUnit::kSecond: return time.second;
  }
  return 0;
}

// "mon-fri", "jan". What follows behind is not looked at, as in APScheduler.
Result<std::optional<CronField::Expression>> CronField::parse_named(CronUnit unit, std::string_view text) {
  Reader reader{text};
  const std::string_view first = reader.take(is_letter);
  if (first.empty()) return std::optional<Expression>();
  std::string_view last;
  if (reader.skip('-')) last = reader.take(is_letter);
  const bool months = unit == CronUnit::kMonth;
  const auto number = [&](std::string_view name) -> Result<int64_t> {
    const auto index = months ? index_of(kMonths, name) : index_of(kWeekdays, name);
    if (!index) return fail(value_error(fmt::format("Invalid {} name \"{}\"", months ? "month" : "weekday", name)));
    return *index + (months ? 1 : 0);
  };
  Expression expression;
  expression.kind = Kind::kRange;
  SQ_TRY(expression.first, number(first));
  expression.last = expression.first;
  if (!last.empty()) {
    SQ_TRY(expression.last, number(last));
  }
  if (expression.first > *expression.last) {
    return fail(value_error("The minimum value in a range must not be higher than the maximum"));
  }
  return std::optional(expression);
}

// "2nd tue", "last fri", "last".
Result<std::optional<CronField::Expression>> CronField::parse_day(std::string_view text) {
  const std::string lower = to_lower(text);
  for (size_t i = 0; i < std::size(kPositions); ++i) {
    if (!lower.starts_with(kPositions[i])) continue;
    Reader reader{text.substr(kPositions[i].size())};
    if (reader.take([](char c) { return c == ' '; }).empty()) continue;
    const std::string_view name = reader.take([](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
    if (name.empty()) continue;
    const auto weekday = index_of(kWeekdays, name);
    if (!weekday) return fail(value_error(fmt::format("Invalid weekday name \"{}\"", name)));
    Expression expression;
    expression.kind = Kind::kWeekdayPosition;
    expression.position = static_cast<int>(i);
    expression.weekday = *weekday;
    return std::optional(expression);
  }
  if (!lower.starts_with(kPositions[kLastPosition])) return std::optional<Expression>();
  Expression expression;
  expression.kind = Kind::kLastDay;
  return std::optional(expression);
}

Status CronField::check_range(CronUnit unit, const Expression& expression, std::string_view text) {
  const auto invalid = [&](const std::string& why) {
    return fail(value_error(fmt::format("Error validating expression '{}': {}", text, why)));
  };
  const auto check_step = [&](int64_t range) -> Status {
    if (expression.step.value_or(0) <= range) return {};
    return invalid(fmt::format("the step value ({}) is higher than the total range of the expression ({})",
                               *expression.step, range));
  };
  const UnitFacts& unit_facts = facts(unit);
  SQ_CHECK(check_step(unit_facts.max - unit_facts.min));
  if (expression.kind != Kind::kRange) return {};
  if (expression.first < unit_facts.min) {
    return invalid(
        fmt::format("the first value ({}) is lower than the minimum value ({})", expression.first, unit_facts.min));
  }
  if (expression.last && *expression.last > unit_facts.max) {
    return invalid(
        fmt::format("the last value ({}) is higher than the maximum value ({})", *expression.last, unit_facts.max));
  }
  // A last value of 0 counts as none here, as in APScheduler.
  const int64_t last = expression.last.value_or(0) != 0 ? *expression.last : unit_facts.max;
  return check_step(last - expression.first);
}

Result<CronField::Expression> CronField::parse_one(CronUnit unit, std::string_view text) {
  Expression expression;
  Reader reader{text};
  bool read = false;
  if (reader.skip('*')) {
    if (reader.skip('/')) expression.step = reader.number();
    read = reader.rest.empty() && (expression.step || text == "*");
  } else if (const auto first = reader.number()) {
    expression.kind = Kind::kRange;
    expression.first = *first;
    read = true;
    if (reader.skip('-')) {
      expression.last = reader.number();
      read = expression.last.has_value();
    }
    if (read && reader.skip('/')) {
      expression.step = reader.number();
      read = expression.step.has_value();
    }
    read = read && reader.rest.empty();
    if (!expression.last && !expression.step) expression.last = first;
  }
  if (read) {
    if (expression.step == 0) return fail(value_error("Increment must be higher than 0"));
    if (expression.last && expression.first > *expression.last) {
      return fail(value_error("The minimum value in a range must not be higher than the maximum"));
    }
    SQ_CHECK(check_range(unit, expression, text));
    return expression;
  }
  std::optional<Expression> named;
  if (unit == CronUnit::kMonth || unit == CronUnit::kDayOfWeek) {
    SQ_TRY(named, parse_named(unit, text));
  } else if (unit == CronUnit::kDay) {
    SQ_TRY(named, parse_day(text));
  }
  if (named) return *named;
  return fail(value_error(fmt::format("Unrecognized expression \"{}\" for field \"{}\"", text, facts(unit).name)));
}

Result<CronField> CronField::parse(CronUnit unit, std::string_view expressions) {
  CronField field(unit);
  for (const std::string& part : split(trim(expressions), ',')) {
    // Blanks around a comma belong to it; those at the ends are gone already.
    SQ_TRY(const Expression expression, parse_one(unit, trim(part)));
    field.expressions_.push_back(expression);
  }
  return field;
}

std::optional<int> CronField::next_of(const Expression& expression, const CivilTime& time) const {
  const int64_t value = cron_unit_value(unit_, time);
  int64_t min = cron_unit_min(unit_);
  int64_t max = cron_unit_max(unit_, time);
  switch (expression.kind) {
    case Kind::kLastDay: return days_of_month(time.year, time.month);
    case Kind::kWeekdayPosition: {
      const int last_day = days_of_month(time.year, time.month);
      int first_hit = expression.weekday - first_weekday(time.year, time.month) + 1;
      if (first_hit <= 0) first_hit += 7;
      const int weeks = expression.position < kLastPosition ? expression.position : (last_day - first_hit) / 7;
      const int day = first_hit + weeks * 7;
      if (day > last_day || day < time.day) return std::nullopt;
      return day;
    }
    case Kind::kRange:
      min = std::max(min, expression.first);
      if (expression.last) max = std::min(max, *expression.last);
      break;
    case Kind::kAll: break;
  }
  int64_t next = std::max(value, min);
  if (const int64_t step = expression.step.value_or(0); step > 0) next += (step - (next - min) % step) % step;
  if (next > max) return std::nullopt;
  return static_cast<int>(next);
}

std::optional<int> CronField::next(const CivilTime& time) const {
  std::optional<int> smallest;
  for (const Expression& expression : expressions_) {
    const auto value = next_of(expression, time);
    if (value && (!smallest || *value < *smallest)) smallest = value;
  }
  return smallest;
}

}  // namespace squall
