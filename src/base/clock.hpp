// Time as squall uses it: UTC with microseconds, as StackStorm stores it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace squall {

using Duration = std::chrono::microseconds;
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

// Where the time comes from. Injected everywhere, so that tests and the simulator can own it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall-clock time, for records. May jump.
  virtual Timestamp now() const = 0;
  // Monotonic time since an arbitrary start, for timeouts and intervals.
  virtual Duration monotonic() const = 0;

  // The machine's clock.
  static const Clock& system();
};

// A clock that stands still until told otherwise. Not thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start) : now_(start) {}
  Timestamp now() const override { return now_; }
  Duration monotonic() const override { return now_.time_since_epoch(); }
  void advance(Duration by) { now_ += by; }

 private:
  Timestamp now_;
};

// "2026-01-31T12:00:00.123456Z": the API's form, always six digits (stackstorm-api.md section 3).
std::string format_timestamp(Timestamp time);

// Parses what StackStorm's API accepts: date, 'T' or blank, time, optional fraction of 1 to 9 digits,
// then 'Z', '+00', '+0000', '+00:00' or another offset. Nothing if the text is not of that form.
std::optional<Timestamp> parse_timestamp(std::string_view text);

}  // namespace squall
