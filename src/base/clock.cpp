#include "base/clock.hpp"

#include <cstdio>

namespace squall {
namespace {

class SystemClock final : public Clock {
 public:
  Timestamp now() const override { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }
  Duration monotonic() const override {
    return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
  }
};

bool read_digits(std::string_view& text, int count, int& value) {
  if (text.size() < static_cast<size_t>(count)) return false;
  value = 0;
  for (int i = 0; i < count; ++i) {
    const char c = text[static_cast<size_t>(i)];
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(static_cast<size_t>(count));
  return true;
}

bool read_char(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

// Microseconds of ".123456789"; more than six digits are cut.
bool read_fraction(std::string_view& text, int& micros) {
  micros = 0;
  if (!read_char(text, '.')) return true;
  int digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (digits < 6) micros = micros * 10 + (text.front() - '0');
    ++digits;
    text.remove_prefix(1);
  }
  for (int i = digits; i < 6; ++i) micros *= 10;
  return digits >= 1 && digits <= 9;
}

bool read_offset(std::string_view& text, int& minutes) {
  minutes = 0;
  if (read_char(text, 'Z')) return text.empty();
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return false;
  const int sign = text.front() == '+' ? 1 : -1;
  text.remove_prefix(1);
  int hour = 0;
  int minute = 0;
  if (!read_digits(text, 2, hour)) return false;
  if (!text.empty()) {
    read_char(text, ':');
    if (!read_digits(text, 2, minute)) return false;
  }
  minutes = sign * (hour * 60 + minute);
  return text.empty() && hour < 24 && minute < 60;
}

}  // namespace

const Clock& Clock::system() {
  static const SystemClock clock;
  return clock;
}

std::string format_timestamp(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return buffer;
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micros = 0, offset = 0;
  if (!read_digits(text, 4, year) || !read_char(text, '-') || !read_digits(text, 2, month) || !read_char(text, '-') ||
      !read_digits(text, 2, day)) {
    return std::nullopt;
  }
  if (!read_char(text, 'T') && !read_char(text, ' ')) return std::nullopt;
  if (!read_digits(text, 2, hour) || !read_char(text, ':') || !read_digits(text, 2, minute) || !read_char(text, ':') ||
      !read_digits(text, 2, second) || !read_fraction(text, micros) || !read_offset(text, offset)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return Timestamp(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute - offset) +
         std::chrono::seconds(second) + Duration(micros);
}

}  // namespace squall
