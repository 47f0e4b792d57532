#include "text/dates.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>

#include "base/strings.hpp"
#include "text/date_names.hpp"
#include "text/date_tokens.hpp"

namespace squall {
namespace {

using namespace dates;
using Number = std::optional<int64_t>;
using Label = YearMonthDay::Label;

constexpr int64_t kSecondsPerDay = 86400;

// What a text said; parts that it did not name are nothing.
struct Parsed {
  Number year, month, day, weekday, hour, minute, second, microsecond, offset;
  std::string zone;
  bool has_zone = false;
  bool century_given = false;

  bool empty() const {
    return !year && !month && !day && !weekday && !hour && !minute && !second && !microsecond && !offset && !has_zone;
  }
};

// A number token: whole part, and the digits after its point.
struct Decimal {
  int64_t whole = 0;
  std::string fraction;

  // floor(fraction * 60): minutes of "10.5h".
  Number sixtieths() const {
    if (fraction.find_first_not_of('0') == std::string::npos) return std::nullopt;
    const std::string digits = fraction.substr(0, 15);
    int64_t scale = 1;
    for (size_t i = 0; i < digits.size(); ++i) scale *= 10;
    return *parse_int(digits) * 60 / scale;
  }
};

std::optional<Decimal> decimal_of(const std::string& token) {
  const size_t point = token.find('.');
  const std::string whole = token.substr(0, point);
  if (!all_digits(whole)) return std::nullopt;
  Decimal number{digits_value(whole), point == std::string::npos ? "" : token.substr(point + 1)};
  if (!number.fraction.empty() && !all_digits(number.fraction)) return std::nullopt;
  return number;
}

bool number_in(const std::string& digits, Number& number) {
  if (!all_digits(digits)) return false;
  number = digits_value(digits);
  return true;
}

// Walks over the tokens once. Every function returns false where dateutil calls the text an unknown format.
class DateParser {
 public:
  DateParser(std::vector<std::string> tokens, int64_t current_year)
      : tokens_(std::move(tokens)), current_year_(current_year) {}

  std::optional<Parsed> run() {
    for (at_ = 0; at_ < tokens_.size(); ++at_) {
      if (!step()) return std::nullopt;
    }
    if (!ymd_.resolve()) return std::nullopt;
    parsed_.year = ymd_.year();
    parsed_.month = ymd_.month();
    parsed_.day = ymd_.day();
    parsed_.century_given = ymd_.century_given();
    settle();
    return parsed_;
  }

 private:
  bool has(size_t ahead) const { return at_ + ahead < tokens_.size(); }
  const std::string& token(size_t ahead) const { return tokens_[at_ + ahead]; }
  bool is_sign(size_t ahead) const { return has(ahead) && (token(ahead) == "+" || token(ahead) == "-"); }

  int64_t full_year(int64_t year, bool century_given) const {
    if (year >= 100 || century_given) return year;
    year += current_year_ / 100 * 100;
    if (year >= current_year_ + 50) return year - 100;
    return year < current_year_ - 50 ? year + 100 : year;
  }

  void settle() {
    if (parsed_.year) parsed_.year = full_year(*parsed_.year, parsed_.century_given);
    if (parsed_.has_zone && is_utc_name(parsed_.zone)) parsed_.offset = 0;
  }

  bool step() {
    const std::string& word = token(0);
    if (word[0] >= '0' && word[0] <= '9') return number();
    if (const auto weekday = weekday_of(word)) {
      parsed_.weekday = *weekday;
      return true;
    }
    if (const auto month = month_of(word)) return month_name(*month);
    if (const auto pm = is_pm(word)) {
      if (!parsed_.hour || *parsed_.hour > 12) return false;
      parsed_.hour = hour_with(*parsed_.hour, *pm);
      return true;
    }
    if (could_be_zone(word) && !parsed_.offset) return zone_name();
    if (parsed_.hour && is_sign(0)) return offset();
    return is_filler(word);
  }

  static int64_t hour_with(int64_t hour, bool pm) {
    if (pm) return hour < 12 ? hour + 12 : hour;
    return hour == 12 ? 0 : hour;
  }

  bool could_be_zone(const std::string& word) const {
    if (!parsed_.hour || parsed_.has_zone || word.size() > 5) return false;
    const bool upper = std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    return upper || word == "z";
  }

  bool zone_name() {
    parsed_.zone = token(0);
    parsed_.has_zone = true;
    if (parsed_.zone == "z") parsed_.offset = 0;
    if (!is_sign(1)) return true;
    // "GMT+3" means "my time + 3 is GMT": the sign is the other way round.
    tokens_[at_ + 1] = token(1) == "+" ? "-" : "+";
    parsed_.offset.reset();
    if (is_utc_name(parsed_.zone)) {
      parsed_.has_zone = false;
      parsed_.zone.clear();
    }
    return true;
  }

  // "+0300", "+03:00" or "+3", perhaps with "(BRST)" behind.
  bool offset() {
    const int64_t sign = token(0) == "+" ? 1 : -1;
    if (!has(1)) return false;
    const std::string digits = token(1);
    Number hours = 0, minutes = 0;
    if (digits.size() == 4) {
      if (!number_in(digits.substr(0, 2), hours) || !number_in(digits.substr(2), minutes)) return false;
    } else if (has(2) && token(2) == ":") {
      if (!has(3) || !number_in(digits, hours) || !number_in(token(3), minutes)) return false;
      at_ += 2;
    } else if (digits.size() > 2 || !number_in(digits, hours)) {
      return false;
    }
    parsed_.offset = sign * (std::min<int64_t>(*hours, 10000) * 3600 + std::min<int64_t>(*minutes, 10000) * 60);
    if (has(5) && is_filler(token(2)) && token(3) == "(" && token(5) == ")" && token(4).size() >= 3 &&
        could_be_zone(token(4))) {
      parsed_.zone = token(4);
      parsed_.has_zone = true;
      at_ += 4;
    }
    ++at_;
    return true;
  }

  // "Jan", "Jan-01", "Jan-01-99" or "Jan of 01".
  bool month_name(int month) {
    if (!ymd_.add(month, Label::kMonth)) return false;
    if (!has(1)) return true;
    if (token(1) == "-" || token(1) == "/") {
      const std::string separator = token(1);
      if (!has(2) || !ymd_.add_text(token(2))) return false;
      if (has(3) && token(3) == separator) {
        if (!has(4) || !ymd_.add_text(token(4))) return false;
        at_ += 2;
      }
      at_ += 2;
    } else if (has(4) && token(1) == " " && token(3) == " " && equals_ignore_case(token(2), "of")) {
      Number year;
      if (number_in(token(4), year) && !ymd_.add_text(std::to_string(full_year(*year, false)), Label::kYear)) {
        return false;
      }
      at_ += 4;
    }
    return true;
  }

  bool number() {
    const std::string text = token(0);
    const std::optional<Decimal> value = decimal_of(text);
    if (!value) return false;
    const size_t length = text.size();
    const bool unit_or_colon_next = has(1) && (token(1) == ":" || unit_of(token(1)));
    if (ymd_.size() == 3 && (length == 2 || length == 4) && !parsed_.hour && !unit_or_colon_next) {
      if (!number_in(text.substr(0, 2), parsed_.hour)) return false;
      return length == 2 || number_in(text.substr(2), parsed_.minute);
    }
    if (length == 6 || (length > 6 && text.find('.') == 6)) return six_digits(text);
    if (length == 8 || length == 12 || length == 14) return long_digits(text);
    if (const auto unit = unit_place()) return with_unit(text, *value, *unit);
    if (has(2) && token(1) == ":") return clock_time(*value);
    if (has(1) && (token(1) == "-" || token(1) == "/" || token(1) == ".")) return separated_date(text);
    if (!has(1) || is_filler(token(1))) return lone_number(*value);
    if (const auto pm = is_pm(token(1)); pm && value->whole < 24) {
      parsed_.hour = hour_with(value->whole, *pm);
      ++at_;
      return true;
    }
    return ymd_.could_be_day(value->whole) && ymd_.add(value->whole);
  }

  // YYMMDD, or HHMMSS[.ffffff] after a date.
  bool six_digits(const std::string& text) {
    if (ymd_.size() == 0 && text.find('.') == std::string::npos) {
      return ymd_.add_text(text.substr(0, 2)) && ymd_.add_text(text.substr(2, 2)) && ymd_.add_text(text.substr(4));
    }
    return number_in(text.substr(0, 2), parsed_.hour) && number_in(text.substr(2, 2), parsed_.minute) &&
           seconds(text.substr(4));
  }

  // YYYYMMDD[HHMM[SS]].
  bool long_digits(const std::string& text) {
    if (!ymd_.add_text(text.substr(0, 4), Label::kYear) || !ymd_.add_text(text.substr(4, 2)) ||
        !ymd_.add_text(text.substr(6, 2))) {
      return false;
    }
    if (text.size() == 8) return true;
    if (!number_in(text.substr(8, 2), parsed_.hour) || !number_in(text.substr(10, 2), parsed_.minute)) return false;
    return text.size() == 12 || number_in(text.substr(12), parsed_.second);
  }

  // Where the unit of the number at hand stands: behind it, or before it ("12h04").
  std::optional<size_t> unit_place() const {
    if (has(1) && unit_of(token(1))) return at_ + 1;
    if (has(2) && token(1) == " " && unit_of(token(2))) return at_ + 2;
    if (at_ > 0 && unit_of(tokens_[at_ - 1])) return at_ - 1;
    if (at_ > 1 && at_ + 1 == tokens_.size() && tokens_[at_ - 1] == " " && unit_of(tokens_[at_ - 2])) return at_ - 2;
    return std::nullopt;
  }

  bool with_unit(const std::string& text, const Decimal& value, size_t place) {
    const int unit = *unit_of(tokens_[place]) + (place < at_ ? 1 : 0);
    at_ = std::max(at_, place);
    if (unit == 0) {
      parsed_.hour = value.whole;
      if (const Number minutes = value.sixtieths()) parsed_.minute = minutes;
    } else if (unit == 1) {
      minutes_and_seconds(value);
    } else if (unit == 2) {
      return seconds(text);
    }
    return true;
  }

  void minutes_and_seconds(const Decimal& value) {
    parsed_.minute = value.whole;
    parsed_.second = value.sixtieths();
  }

  bool seconds(const std::string& text) {
    const std::optional<Decimal> value = decimal_of(text);
    if (!value) return false;
    std::string micros = value->fraction.substr(0, 6);
    micros.resize(6, '0');
    parsed_.second = value->whole;
    parsed_.microsecond = parse_int(micros);
    return true;
  }

  // HH:MM[:SS[.ffffff]].
  bool clock_time(const Decimal& hour) {
    parsed_.hour = hour.whole;
    const std::optional<Decimal> minutes = decimal_of(token(2));
    if (!minutes) return false;
    minutes_and_seconds(*minutes);
    if (has(4) && token(3) == ":") {
      if (!seconds(token(4))) return false;
      at_ += 2;
    }
    at_ += 2;
    return true;
  }

  // 01-02, 01-02-2003, 01-Jan-2003.
  bool separated_date(const std::string& first) {
    const std::string separator = token(1);
    if (!ymd_.add_text(first)) return false;
    if (has(2) && !is_filler(token(2))) {
      if (!day_or_month(token(2))) return false;
      if (has(3) && token(3) == separator) {
        if (!has(4) || !day_or_month(token(4))) return false;
        at_ += 2;
      }
      ++at_;
    }
    ++at_;
    return true;
  }

  bool day_or_month(const std::string& text) {
    if (const auto month = month_of(text)) return ymd_.add(*month, Label::kMonth);
    return ymd_.add_text(text);
  }

  // Year, month or day, or an hour as in "12 am".
  bool lone_number(const Decimal& value) {
    const std::optional<bool> pm = has(2) ? is_pm(token(2)) : std::nullopt;
    if (pm) {
      parsed_.hour = hour_with(value.whole, *pm);
      ++at_;
    } else if (!ymd_.add(value.whole)) {
      return false;
    }
    ++at_;
    return true;
  }

  std::vector<std::string> tokens_;
  int64_t current_year_;
  size_t at_ = 0;
  YearMonthDay ymd_;
  Parsed parsed_;
};

Result<DateTime> build(Parsed parsed, Timestamp now, std::string_view text) {
  using namespace std::chrono;
  const auto bad = [&](const char* type, std::string message) {
    return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type(type));
  };
  const auto parser_error = [&](std::string what) { return bad("ParserError", fmt::format("{}: {}", what, text)); };
  const year_month_day today(floor<days>(now));
  const int64_t year = parsed.year.value_or(static_cast<int>(today.year()));
  const int64_t month = parsed.month.value_or(static_cast<unsigned>(today.month()));
  const bool month_valid = month >= 1 && month <= 12;
  int64_t day = parsed.day.value_or(static_cast<unsigned>(today.day()));
  if (!parsed.day) {
    if (!month_valid) return parser_error(fmt::format("bad month number {}; must be 1-12", month));
    day = std::min<int64_t>(day, days_in_month(year, static_cast<int>(month)));
  }
  for (const Number& part : {parsed.year, parsed.month, parsed.day, parsed.hour, parsed.minute, parsed.second}) {
    if (part.value_or(0) == kHuge) return bad("OverflowError", "Python int too large to convert to C long");
    if (part.value_or(0) > INT32_MAX) return bad("OverflowError", "signed integer is greater than maximum");
  }
  if (year < 1 || year > 9999) return parser_error(fmt::format("year {} is out of range", year));
  if (!month_valid) return parser_error("month must be in 1..12");
  if (day < 1 || day > days_in_month(year, static_cast<int>(month))) {
    return parser_error("day is out of range for month");
  }
  if (parsed.hour.value_or(0) > 23) return parser_error("hour must be in 0..23");
  if (parsed.minute.value_or(0) > 59) return parser_error("minute must be in 0..59");
  if (parsed.second.value_or(0) > 59) return parser_error("second must be in 0..59");
  sys_days date = sys_days(std::chrono::year(static_cast<int>(year)) / static_cast<int>(month) / static_cast<int>(day));
  if (parsed.weekday && parsed.day.value_or(0) == 0) {
    const int64_t today_is = weekday(date).iso_encoding() - 1;
    date += days((*parsed.weekday - today_is + 7) % 7);
  }
  const int64_t offset = parsed.offset.value_or(0);
  if (std::abs(offset) >= kSecondsPerDay) {
    return bad("ValueError",
               "offset must be a timedelta strictly between -timedelta(hours=24) and "
               "timedelta(hours=24).");
  }
  const Timestamp wall = Timestamp(date) + hours(parsed.hour.value_or(0)) + minutes(parsed.minute.value_or(0)) +
                         seconds(parsed.second.value_or(0)) + microseconds(parsed.microsecond.value_or(0));
  return DateTime{.micros = wall.time_since_epoch().count(),
                  .has_offset = parsed.offset.has_value(),
                  .offset_seconds = static_cast<int32_t>(offset)};
}

}  // namespace

Result<DateTime> parse_lenient_date_time(std::string_view text, Timestamp now) {
  using namespace std::chrono;
  const auto parser_error = [&](const char* what) {
    return fail(Error(ErrorCode::kInvalid, fmt::format("{}: {}", what, text)).with_type("ParserError"));
  };
  const int64_t current_year = static_cast<int>(year_month_day(floor<days>(now)).year());
  const std::optional<Parsed> parsed = DateParser(tokenize(text), current_year).run();
  if (!parsed) return parser_error("Unknown string format");
  if (parsed->empty()) return parser_error("String does not contain a date");
  return build(*parsed, now, text);
}

Result<Timestamp> parse_lenient_date(std::string_view text, Timestamp now) {
  SQ_TRY(const DateTime time, parse_lenient_date_time(text, now));
  return Timestamp(std::chrono::microseconds(time.micros) - std::chrono::seconds(time.offset_seconds));
}

}  // namespace squall
