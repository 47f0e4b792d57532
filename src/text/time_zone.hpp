// Time zones: wall-clock time and back, with Python's rules for the hours that a change of the clock skips or repeats.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace squall {

// What a clock on the wall shows, in microseconds since 1970-01-01T00:00:00 on that same clock. `fold` is Python's (PEP
// 495): 1 is the second of two equal readings.
struct WallTime {
  int64_t micros = 0;
  int fold = 0;
};

// A zone of the machine's tz database, or a fixed offset. Immutable, cheap to copy, thread-safe.
class TimeZone {
 public:
  // UTC.
  TimeZone();
  // By IANA name ("Europe/Berlin") or "UTC". The error's type() is "ZoneInfoNotFoundError", its text Python's.
  static Result<TimeZone> find(std::string_view name);
  static TimeZone fixed(int32_t offset_seconds);
  // The machine's own (TZ, else /etc/localtime).
  static TimeZone local();

  WallTime wall(Timestamp time) const;
  // A reading that was skipped counts with the offset of before the change, or of after it when fold is 1.
  Timestamp instant(const WallTime& wall) const;
  int32_t offset_seconds(const WallTime& wall) const;

  bool operator==(const TimeZone& other) const { return impl_ == other.impl_; }

 private:
  struct Impl;
  explicit TimeZone(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace squall
