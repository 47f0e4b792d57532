// Timers: interval, date and cron triggers of the pack `core`.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "sensors/sensor.hpp"
#include "sensors/timer_schedule.hpp"

namespace squall::sensors {

// The wall clock is looked at this often at least, so that a jump of it is noticed.
inline constexpr Duration kTimerLookMax = std::chrono::seconds(30);

// When a timer is due next is in the store (kCursors, id "timer/<digest>"), and is moved on in the transaction that
// holds its event: a restart repeats none. What fell due while squall was away fires once, at the start, however many
// times it was; so does a wall clock that jumps ahead. A date that is past already when the timer is made never fires
// (G-8).
//
// An interval is measured by the monotonic clock while squall runs. Executor's thread only, as every Sensor.
class TimerSensor final : public Sensor {
 public:
  // `zone`: of timers that name none.
  TimerSensor(Executor& executor, TimeZone zone, const Clock& clock = Clock::system());
  ~TimerSensor() override;

  std::string ref() const override { return "core.TimerSensor"; }
  std::vector<std::string> trigger_types() const override;
  void add_trigger(const Value& trigger) override;
  void remove_trigger(const Value& trigger) override;
  void start(SensorHost& host) override;
  void stop() override;
  // {state: stopped | running, timers: [{trigger, type, parameters, next}], refused: {trigger: why}}.
  Value status() const override;

 private:
  struct Timer {
    Value trigger;
    std::string key;  // in the store
    Schedule schedule;
    std::optional<ZonedTime> due;  // nothing: does not fire any more
    Duration due_monotonic{};      // of intervals
    bool is_interval = false;
  };

  void take_up(Timer& timer, const std::map<std::string, std::string>& saved);
  void set_due(Timer& timer, std::optional<ZonedTime> due);
  bool is_due(const Timer& timer) const;
  // The occurrence after `previous` that lies ahead of now: what was missed in between is left out.
  std::optional<ZonedTime> following(const Timer& timer, const ZonedTime& previous) const;
  void fire(Timer& timer);
  void look();
  void arm();
  void save(const Timer& timer, std::vector<Emission> emissions);

  Executor& executor_;
  const TimeZone zone_;
  const Clock& clock_;
  SensorHost* host_ = nullptr;
  Executor::TimerId wake_up_ = 0;
  std::map<std::string, Timer> timers_;         // by trigger ref
  std::map<std::string, std::string> refused_;  // trigger ref -> why it cannot work
};

}  // namespace squall::sensors
