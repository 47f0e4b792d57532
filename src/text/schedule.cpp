#include "text/schedule.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "base/strings.hpp"
#include "text/cron_field.hpp"
#include "text/dates.hpp"
#include "value/python.hpp"

namespace squall {
namespace {

using namespace std::chrono;

constexpr int64_t kSecond = 1'000'000;
// timedelta.max: what Python counts no further than.
constexpr double kDaysMax = 999'999'999;

Error error_of(const char* type, std::string message) {
  return Error(ErrorCode::kInvalid, std::move(message)).with_type(type);
}

CivilTime civil_of(int64_t wall_micros) {
  const auto time = sys_time<microseconds>(microseconds(wall_micros));
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          static_cast<int>(clock.hours().count()),
          static_cast<int>(clock.minutes().count()),
          static_cast<int>(clock.seconds().count())};
}

int64_t wall_micros(const CivilTime& time) {
  const sys_days date = sys_days(year(time.year) / time.month / time.day);
  return duration_cast<microseconds>(date.time_since_epoch()).count() +
         (time.hour * 3600LL + time.minute * 60 + time.second) * kSecond;
}

void set_unit(CivilTime& time, CronUnit unit, int value) {
  switch (unit) {
    case CronUnit::kYear: time.year = value; break;
    case CronUnit::kMonth: time.month = value; break;
    case CronUnit::kDay: time.day = value; break;
    case CronUnit::kHour: time.hour = value; break;
    case CronUnit::kMinute: time.minute = value; break;
    case CronUnit::kSecond: time.second = value; break;
    case CronUnit::kWeek:
    case CronUnit::kDayOfWeek: break;
  }
}

ZonedTime ceil_to_second(const ZonedTime& time) {
  const int64_t rest = ((time.wall.micros % kSecond) + kSecond) % kSecond;
  return rest == 0 ? time : time.plus(Duration(kSecond - rest));
}

ZonedTime in_zone(const ZonedTime& time, const TimeZone& zone) {
  return time.zone == zone ? time : ZonedTime::of(time.instant(), zone);
}

// "Y-m-d[ H:M:S[.micros][offset]]", the only form that start_date and end_date have.
Result<std::optional<ZonedTime>> bound(const Value& value, const TimeZone& zone, const char* name) {
  if (value.is_null()) return std::optional<ZonedTime>();
  if (!value.is_string()) {
    return fail(error_of("TypeError", fmt::format("Unsupported type for {}: {}", name, value.type_name())));
  }
  const std::string text = value.string();
  // A date alone is midnight.
  const bool date_only = text.find(':') == std::string::npos;
  const auto parsed = parse_lenient_date_time(text, Timestamp());
  const bool known_form =
      text.size() >= 8 && text.find('-') == 4 && (date_only || text.find_first_of(" T") != std::string::npos);
  if (!known_form || !parsed) return fail(error_of("ValueError", "Invalid date string"));
  const TimeZone own = parsed->has_offset ? TimeZone::fixed(parsed->offset_seconds) : zone;
  return std::optional(ZonedTime{{parsed->micros, 0}, own});
}

}  // namespace

bool operator<(const ZonedTime& a, const ZonedTime& b) {
  return a.zone == b.zone ? a.wall.micros < b.wall.micros : a.instant() < b.instant();
}

struct Schedule::Impl {
  virtual ~Impl() = default;
  virtual std::optional<ZonedTime> next(const std::optional<ZonedTime>& previous, const ZonedTime& now) const = 0;
};

struct Schedule::Cron final : Impl {
  std::vector<CronField> fields;  // by CronUnit
  std::optional<ZonedTime> start, end;
  TimeZone zone;

  std::optional<ZonedTime> next(const std::optional<ZonedTime>& previous, const ZonedTime& now) const override;
  // Counts the unit at `index` up, and finer ones start anew; moves to a coarser one where it is at its end. Returns
  // the index that was counted up, -1 when there is none.
  int increment(ZonedTime& time, int index) const;
};

int Schedule::Cron::increment(ZonedTime& time, int index) const {
  const CivilTime from = civil_of(time.wall.micros);
  while (index >= 0) {
    const auto unit = static_cast<CronUnit>(index);
    if (cron_unit_is_real(unit) && cron_unit_value(unit, from) != cron_unit_max(unit, from)) break;
    --index;
  }
  if (index < 0) return -1;
  CivilTime to;
  for (int i = 0; i < kCronUnits; ++i) {
    const auto unit = static_cast<CronUnit>(i);
    if (i <= index) set_unit(to, unit, cron_unit_value(unit, from) + (i == index ? 1 : 0));
  }
  const int64_t difference = wall_micros(to) - time.wall.micros;
  time = ZonedTime::of(time.instant() + Duration(difference), zone);
  return index;
}

std::optional<ZonedTime> Schedule::Cron::next(const std::optional<ZonedTime>& previous, const ZonedTime& now) const {
  ZonedTime from = now;
  if (previous) {
    const ZonedTime after = previous->plus(Duration(1));
    from = after < now ? after : now;
    if (!(from < *previous) && !(*previous < from)) from = from.plus(Duration(1));
  } else if (start && now < *start) {
    from = *start;
  }
  ZonedTime time = in_zone(ceil_to_second(from), zone);
  int index = 0;
  while (index >= 0 && index < kCronUnits) {
    const auto unit = static_cast<CronUnit>(index);
    const CivilTime civil = civil_of(time.wall.micros);
    const std::optional<int> value = fields[static_cast<size_t>(index)].next(civil);
    if (!value) {
      index = increment(time, index - 1);
    } else if (*value > cron_unit_value(unit, civil)) {
      if (cron_unit_is_real(unit)) {
        CivilTime to;
        for (int i = 0; i < index; ++i) {
          set_unit(to, static_cast<CronUnit>(i), cron_unit_value(static_cast<CronUnit>(i), civil));
        }
        set_unit(to, unit, *value);
        time.wall.micros = wall_micros(to);
        ++index;
      } else {
        index = increment(time, index);
      }
    } else {
      ++index;
    }
    if (end && *end < time) return std::nullopt;
  }
  if (index < 0) return std::nullopt;
  return time;
}

struct Schedule::Interval final : Impl {
  Duration length{};
  ZonedTime start;
  std::optional<ZonedTime> end;
  TimeZone zone;

  std::optional<ZonedTime> next(const std::optional<ZonedTime>& previous, const ZonedTime& now) const override {
    Timestamp at = start.instant();
    if (previous) {
      at = previous->instant() + length;
    } else if (!(now < start)) {
      const int64_t passed = (now.instant() - at).count();
      at += Duration((passed + length.count() - 1) / length.count() * length.count());
    }
    if (end && end->instant() < at) return std::nullopt;
    return ZonedTime::of(at, zone);
  }
};

struct Schedule::Once final : Impl {
  ZonedTime at;

  std::optional<ZonedTime> next(const std::optional<ZonedTime>& previous, const ZonedTime&) const override {
    if (previous) return std::nullopt;
    return at;
  }
};

Result<Schedule> Schedule::cron(const Value& fields, const TimeZone& zone) {
  auto cron = std::make_shared<Cron>();
  cron->zone = zone;
  SQ_TRY(cron->start, bound(fields["start_date"], zone, "start_date"));
  SQ_TRY(cron->end, bound(fields["end_date"], zone, "end_date"));
  int last_given = kCronUnits;
  for (int i = 0; i < kCronUnits; ++i) {
    if (!fields[cron_unit_name(static_cast<CronUnit>(i))].is_null()) last_given = i;
  }
  for (int i = 0; i < kCronUnits; ++i) {
    const auto unit = static_cast<CronUnit>(i);
    const Value& given = fields[cron_unit_name(unit)];
    const std::string text =
        !given.is_null() ? python::str(given) : std::string(i > last_given ? cron_unit_default(unit) : "*");
    SQ_TRY(CronField field, CronField::parse(unit, text));
    cron->fields.push_back(std::move(field));
  }
  return Schedule(std::move(cron));
}

Result<Schedule> Schedule::crontab(std::string_view expression, const TimeZone& zone) {
  std::vector<std::string> parts;
  for (const std::string& part : split(expression, ' ')) {
    if (!trim(part).empty()) parts.emplace_back(trim(part));
  }
  if (parts.size() != 5) {
    return fail(error_of("ValueError", fmt::format("Wrong number of fields; got {}, expected 5", parts.size())));
  }
  return cron(Value::dict({{"minute", parts[0]},
                           {"hour", parts[1]},
                           {"day", parts[2]},
                           {"month", parts[3]},
                           {"day_of_week", parts[4]}}),
              zone);
}

Result<Schedule> Schedule::interval(const Value& fields, Timestamp start, const TimeZone& zone) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"weeks", 7 * 86'400.0}, {"days", 86'400.0}, {"hours", 3'600.0}, {"minutes", 60.0}, {"seconds", 1.0}};
  auto interval = std::make_shared<Interval>();
  double total = 0;
  int64_t exact = 0;
  for (const auto& [name, value] : fields.as_dict()) {
    if (name == "start_date" || name == "end_date") continue;
    const auto unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                   [&, key = std::string_view(name)](const auto& u) { return u.first == key; });
    if (unit == std::end(kUnits)) {
      return fail(error_of("TypeError",
                           fmt::format("IntervalTrigger.__init__() got an unexpected keyword argument '{}'", name)));
    }
    if (!value.is_number() && !value.is_bool()) {
      return fail(error_of("TypeError",
                           fmt::format("unsupported type for timedelta {} component: {}", name, value.type_name())));
    }
    const double amount = value.is_double()
                              ? value.as_double()
                              : static_cast<double>(value.is_bool() ? value.as_bool() : value.int_or(INT64_MAX));
    total += amount * unit->second;
    if (std::abs(total) >= kDaysMax * 86'400.0) {
      return fail(
          error_of("OverflowError", fmt::format("days={}; must have magnitude <= 999999999",
                                                static_cast<int64_t>(std::min(std::abs(total) / 86'400.0, 9e18)))));
    }
    exact += value.is_double() ? static_cast<int64_t>(std::nearbyint(amount * unit->second * 1e6))
                               : static_cast<int64_t>(amount) * static_cast<int64_t>(unit->second) * kSecond;
  }
  // APScheduler makes an empty interval a second; a negative one would never end.
  interval->length = Duration(exact == 0 ? kSecond : exact);
  if (exact < 0) return fail(error_of("ValueError", "the interval must be positive"));
  interval->zone = zone;
  SQ_TRY(const std::optional<ZonedTime> given, bound(fields["start_date"], zone, "start_date"));
  interval->start = given ? *given : ZonedTime::of(start, zone);
  SQ_TRY(interval->end, bound(fields["end_date"], zone, "end_date"));
  return Schedule(std::move(interval));
}

Result<Schedule> Schedule::date(std::string_view text, Timestamp now, const TimeZone& zone) {
  auto once = std::make_shared<Once>();
  SQ_TRY(const DateTime parsed, parse_lenient_date_time(text, now));
  once->at = {{parsed.micros, 0}, parsed.has_offset ? TimeZone::fixed(parsed.offset_seconds) : zone};
  return Schedule(std::move(once));
}

std::optional<ZonedTime> Schedule::next(const std::optional<ZonedTime>& previous, const ZonedTime& now) const {
  return impl_->next(previous, now);
}

}  // namespace squall
