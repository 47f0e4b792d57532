#include "text/time_zone.hpp"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

namespace squall {
namespace {

constexpr int64_t kMicros = 1'000'000;

int64_t floor_div(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

cctz::civil_second civil(int64_t seconds) { return cctz::civil_second(1970, 1, 1, 0, 0, 0) + seconds; }

}  // namespace

struct TimeZone::Impl {
  cctz::time_zone zone;
};

TimeZone::TimeZone() {
  static const auto utc = std::make_shared<const Impl>(Impl{cctz::utc_time_zone()});
  impl_ = utc;
}

Result<TimeZone> TimeZone::find(std::string_view name) {
  if (name == "UTC") return TimeZone();
  cctz::time_zone zone;
  // cctz also takes "libc:..." and paths; Python only keys of the database.
  const bool is_key = !name.empty() && name.front() != '/' && name.find(':') == std::string_view::npos &&
                      name.find("..") == std::string_view::npos;
  if (!is_key || !cctz::load_time_zone(std::string(name), &zone)) {
    return fail(Error(ErrorCode::kInvalid, "'No time zone found with key " + std::string(name) + "'")
                    .with_type("ZoneInfoNotFoundError"));
  }
  return TimeZone(std::make_shared<const Impl>(Impl{zone}));
}

TimeZone TimeZone::fixed(int32_t offset_seconds) {
  if (offset_seconds == 0) return TimeZone();
  return TimeZone(std::make_shared<const Impl>(Impl{cctz::fixed_time_zone(cctz::seconds(offset_seconds))}));
}

TimeZone TimeZone::local() { return TimeZone(std::make_shared<const Impl>(Impl{cctz::local_time_zone()})); }

WallTime TimeZone::wall(Timestamp time) const {
  const int64_t micros = time.time_since_epoch().count();
  const int64_t seconds = floor_div(micros, kMicros);
  const auto at = cctz::time_point<cctz::seconds>(cctz::seconds(seconds));
  const auto found = impl_->zone.lookup(at);
  const auto back = impl_->zone.lookup(found.cs);
  const bool second_reading = back.kind == cctz::time_zone::civil_lookup::REPEATED && back.pre != at;
  return {(seconds + found.offset) * kMicros + (micros - seconds * kMicros), second_reading ? 1 : 0};
}

Timestamp TimeZone::instant(const WallTime& wall) const {
  const int64_t seconds = floor_div(wall.micros, kMicros);
  const auto found = impl_->zone.lookup(civil(seconds));
  const auto at = wall.fold == 0 ? found.pre : found.post;
  return Timestamp(Duration(at.time_since_epoch().count() * kMicros + (wall.micros - seconds * kMicros)));
}

int32_t TimeZone::offset_seconds(const WallTime& wall) const {
  return static_cast<int32_t>(floor_div(wall.micros - instant(wall).time_since_epoch().count(), kMicros));
}

}  // namespace squall
