#include "sensors/timer_sensor.hpp"

#include <gtest/gtest.h>

#include "clients/kubernetes/manual_executor.hpp"
#include "store/memory/memory_store.hpp"
#include "value/json.hpp"

namespace squall::sensors {
namespace {

using kubernetes::testing::ManualExecutor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Commits as the engine does: the sensor's state in one transaction with its events.
class Host final : public SensorHost {
 public:
  Host(store::Store& store, ManualExecutor& executor) : store_(store), executor_(executor) {}

  void commit(SensorCommit commit, std::function<void(Status)> done) override {
    const Status status = store_.write_and_wait(
        [&](store::WriteTx& transaction) -> Status { return commit.state ? commit.state(transaction) : Status(); });
    for (Emission& emission : commit.emissions) emitted.push_back(std::move(emission));
    executor_.post([done, status] { done(status); });
  }
  store::Store& store() override { return store_; }

  std::vector<Emission> emitted;

 private:
  store::Store& store_;
  ManualExecutor& executor_;
};

Value trigger(const char* name, std::string_view type, const char* parameters) {
  return Value::dict({{"ref", std::string("core.") + name},
                      {"name", name},
                      {"type", type},
                      {"parameters", parse_json(parameters).value()}});
}

class TimerSensorTest : public ::testing::Test {
 protected:
  TimerSensorTest() : store_(std::make_unique<store::MemoryStore>()), host_(*store_, executor_) { begin(); }

  void begin() { sensor_ = std::make_unique<TimerSensor>(executor_, TimeZone(), executor_.clock); }
  // As after a crash: nothing is left but the store. The time that squall is away passes.
  void restart(const std::vector<Value>& triggers, Duration away) {
    sensor_.reset();
    executor_.advance(away);
    begin();
    for (const Value& each : triggers) sensor_->add_trigger(each);
    sensor_->start(host_);
    executor_.advance(Duration(1));
  }
  size_t fired() const { return host_.emitted.size(); }

  ManualExecutor executor_;  // 2019-12-20T00:00:00Z
  std::unique_ptr<store::Store> store_;
  Host host_;
  std::unique_ptr<TimerSensor> sensor_;
};

TEST_F(TimerSensorTest, AnIntervalFiresAfterEachOfItsLengths) {
  const Value every = trigger("a", kIntervalTimer, R"({"unit": "seconds", "delta": 30})");
  sensor_->add_trigger(every);
  sensor_->start(host_);
  executor_.advance(seconds(29));
  EXPECT_EQ(fired(), 0u);
  executor_.advance(seconds(1));
  ASSERT_EQ(fired(), 1u);
  EXPECT_EQ(host_.emitted[0].trigger, "core.a");
  EXPECT_EQ(host_.emitted[0].trace_tag, "st2.IntervalTimer-a");
  EXPECT_EQ(host_.emitted[0].payload["executed_at"].string(), "2019-12-20 00:00:30+00:00");
  EXPECT_TRUE(host_.emitted[0].payload["schedule"].is_null());
  executor_.advance(minutes(10));
  EXPECT_EQ(fired(), 21u);
}

TEST_F(TimerSensorTest, ARestartNeitherDelaysNorRepeats) {
  const Value every = trigger("a", kIntervalTimer, R"({"unit": "minutes", "delta": 10})");
  sensor_->add_trigger(every);
  sensor_->start(host_);
  executor_.advance(minutes(10));
  EXPECT_EQ(fired(), 1u);
  executor_.advance(minutes(4));
  restart({every}, minutes(1));
  EXPECT_EQ(fired(), 1u);
  executor_.advance(minutes(5));
  EXPECT_EQ(fired(), 2u);
}

TEST_F(TimerSensorTest, WhatWasMissedFiresOnceAndInStepAfterwards) {
  const Value every = trigger("a", kIntervalTimer, R"({"unit": "minutes", "delta": 10})");
  const Value daily = trigger("b", kCronTimer, R"({"hour": 3, "minute": 0})");
  sensor_->add_trigger(every);
  sensor_->add_trigger(daily);
  sensor_->start(host_);
  restart({every, daily}, hours(24 * 3) + minutes(5));
  EXPECT_EQ(fired(), 2u);
  executor_.advance(minutes(4));
  EXPECT_EQ(fired(), 2u);
  executor_.advance(minutes(1));
  EXPECT_EQ(fired(), 3u) << "00:10, as if nothing had happened";
}

TEST_F(TimerSensorTest, ADateFiresOnceEvenWhenItPassedWhileSquallWasAway) {
  const Value once = trigger("a", kDateTimer, R"({"date": "2019-12-20 01:00:00"})");
  const Value past = trigger("b", kDateTimer, R"({"date": "2019-12-19T23:00:00Z"})");
  sensor_->add_trigger(once);
  sensor_->add_trigger(past);
  sensor_->start(host_);
  executor_.advance(minutes(30));
  restart({once, past}, hours(1));
  ASSERT_EQ(fired(), 1u);
  EXPECT_EQ(host_.emitted[0].trigger, "core.a");
  restart({once, past}, hours(1));
  EXPECT_EQ(fired(), 1u);
}

TEST_F(TimerSensorTest, CronFollowsItsZone) {
  // 05:30 in Kolkata is midnight UTC.
  sensor_->add_trigger(trigger("a", kCronTimer, R"({"hour": 5, "minute": 30, "timezone": "Asia/Kolkata"})"));
  sensor_->start(host_);
  executor_.advance(hours(24) - seconds(1));
  EXPECT_EQ(fired(), 1u) << "the time of the start itself";
  executor_.advance(seconds(1));
  EXPECT_EQ(fired(), 2u);
}

TEST_F(TimerSensorTest, AnHourThatComesTwiceFiresOnceAnHour) {
  // Berlin sets its clocks back at 01:00Z.
  executor_.clock.advance(*parse_timestamp("2024-10-26T22:10:00Z") - executor_.clock.now());
  sensor_->add_trigger(trigger("a", kCronTimer, R"({"minute": 0, "timezone": "Europe/Berlin"})"));
  sensor_->start(host_);
  executor_.advance(hours(5));
  EXPECT_EQ(fired(), 5u);
}

TEST_F(TimerSensorTest, ARemovedTimerIsForgotten) {
  const Value every = trigger("a", kIntervalTimer, R"({"unit": "seconds", "delta": 30})");
  sensor_->start(host_);
  sensor_->add_trigger(every);
  executor_.advance(seconds(20));
  sensor_->remove_trigger(every);
  executor_.advance(seconds(60));
  EXPECT_EQ(fired(), 0u);
  sensor_->add_trigger(every);
  executor_.advance(seconds(29));
  EXPECT_EQ(fired(), 0u) << "it begins anew";
  executor_.advance(seconds(1));
  EXPECT_EQ(fired(), 1u);
}

TEST_F(TimerSensorTest, WhatCannotWorkIsTold) {
  sensor_->add_trigger(trigger("a", kDateTimer, R"({"date": "soon"})"));
  sensor_->add_trigger(trigger("b", kIntervalTimer, R"({"unit": "seconds", "delta": 1, "timezone": "Nowhere/Zone"})"));
  sensor_->start(host_);
  const Value refused = sensor_->status()["refused"];
  EXPECT_EQ(refused["core.a"].string(), "Unknown string format: soon");
  EXPECT_EQ(refused["core.b"].string(), "'No time zone found with key Nowhere/Zone'");
}

}  // namespace
}  // namespace squall::sensors
