#include "text/schedule.hpp"

#include <gtest/gtest.h>

#include "value/conformance.hpp"

namespace squall {
namespace {

Timestamp at(std::string_view text) {
  const auto time = parse_timestamp(text);
  EXPECT_TRUE(time) << text;
  return time.value_or(Timestamp());
}

Value shown(const ZonedTime& time) {
  return Value::date_time({time.wall.micros, true, time.zone.offset_seconds(time.wall)});
}

Result<Schedule> make(const Value& trigger, Timestamp from, const TimeZone& zone) {
  Value fields = trigger;
  fields.mut_dict().erase("type");
  const std::string type = trigger["type"].string();
  if (type == "cron") return Schedule::cron(fields, zone);
  if (type == "crontab") return Schedule::crontab(trigger["expr"].as_string(), zone);
  if (type == "interval") return Schedule::interval(fields, from, zone);
  return Schedule::date(trigger["date"].as_string(), from, zone);
}

Result<Value> run(const Value& vector) {
  const Timestamp from = at(vector["from"].as_string());
  SQ_TRY(const TimeZone zone, TimeZone::find(vector["timezone"].as_string()));
  SQ_TRY(const Schedule schedule, make(vector["trigger"], from, zone));
  Value times = Value::empty_list();
  std::optional<ZonedTime> previous;
  ZonedTime now = ZonedTime::of(from, zone);
  for (size_t i = 0; i < 5; ++i) {
    previous = schedule.next(previous, now);
    if (!previous) {
      times.push_back(Value());
      break;
    }
    times.push_back(shown(*previous));
    now = previous->plus(Duration(1));
  }
  return times;
}

TEST(ScheduleConformance, ApScheduler3) {
  SQ_LOAD_TOPIC(topic, "cron");
  conformance::Report report("cron", topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    Value wanted = vector;
    if (vector.contains("next")) {
      Value times = Value::empty_list();
      for (const Value& time : vector["next"].as_list()) {
        times.push_back(time.is_null() ? Value() : Value::dict({{"$type", "datetime"}, {"iso", time}}));
      }
      wanted.set("value", times);
    }
    report.judge(wanted, run(vector));
  }
  report.finish();
}

TEST(TimeZone, SkippedAndRepeatedHours) {
  const auto berlin = TimeZone::find("Europe/Berlin");
  ASSERT_TRUE(berlin);
  // 2024-03-31: 02:00 to 03:00 does not exist. PEP 495: fold 0 counts with the offset of before, fold 1 with that of
  // after.
  const int64_t skipped = at("2024-03-31T02:30:00Z").time_since_epoch().count();
  EXPECT_EQ(berlin->instant({skipped, 0}), at("2024-03-31T01:30:00Z"));
  EXPECT_EQ(berlin->instant({skipped, 1}), at("2024-03-31T00:30:00Z"));
  // 2024-10-27: 02:00 to 03:00 comes twice.
  const int64_t twice = at("2024-10-27T02:30:00Z").time_since_epoch().count();
  EXPECT_EQ(berlin->instant({twice, 0}), at("2024-10-27T00:30:00Z"));
  EXPECT_EQ(berlin->instant({twice, 1}), at("2024-10-27T01:30:00Z"));
  EXPECT_EQ(berlin->wall(at("2024-10-27T00:30:00Z")).fold, 0);
  EXPECT_EQ(berlin->wall(at("2024-10-27T01:30:00Z")).fold, 1);
}

TEST(TimeZone, OnlyNamesOfTheDatabase) {
  for (const char* name : {"", "/etc/localtime", "libc:UTC", "../etc/passwd", "Nowhere/Zone"}) {
    const auto zone = TimeZone::find(name);
    ASSERT_FALSE(zone) << name;
    EXPECT_EQ(zone.error().type(), "ZoneInfoNotFoundError");
  }
}

TEST(Schedule, ADateThatNeverComesEnds) {
  const auto never = Schedule::cron(Value::dict({{"month", 2}, {"day", 30}}), TimeZone());
  ASSERT_TRUE(never);
  EXPECT_FALSE(never->next(std::nullopt, ZonedTime::of(at("2024-01-01T00:00:00Z"), TimeZone())));
}

}  // namespace
}  // namespace squall
