#include "text/date_names.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "text/date_tokens.hpp"

namespace squall::dates {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"january",   "february", "march",    "april",
                                                      "may",       "june",     "july",     "august",
                                                      "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> kWeekdays = {"monday", "tuesday",  "wednesday", "thursday",
                                                       "friday", "saturday", "sunday"};
constexpr std::array<std::string_view, 3> kUnits = {"hour", "minute", "second"};

// The whole name or its first three letters.
template <typename Names>
std::optional<int> find_name(const Names& names, std::string_view word) {
  const std::string lower = to_lower(word);
  for (size_t i = 0; i < names.size(); ++i) {
    if (lower == names[i] || lower == names[i].substr(0, 3)) return static_cast<int>(i);
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> month_of(std::string_view word) {
  if (equals_ignore_case(word, "sept")) return 9;
  const auto month = find_name(kMonths, word);
  return month ? std::optional(*month + 1) : std::nullopt;
}

std::optional<int> weekday_of(std::string_view word) { return find_name(kWeekdays, word); }

std::optional<int> unit_of(std::string_view word) {
  const std::string lower = to_lower(word);
  for (size_t i = 0; i < kUnits.size(); ++i) {
    const std::string_view unit = kUnits[i];
    if (lower == unit || lower == unit.substr(0, 1) || lower == std::string(unit) + "s") return static_cast<int>(i);
  }
  return std::nullopt;
}

std::optional<bool> is_pm(std::string_view word) {
  const std::string lower = to_lower(word);
  if (lower == "am" || lower == "a") return false;
  if (lower == "pm" || lower == "p") return true;
  return std::nullopt;
}

bool is_filler(std::string_view word) {
  constexpr std::array<std::string_view, 18> kFillers = {" ",   ".",  ",", ";", "-",  "/",  "'",  "at", "on",
                                                         "and", "ad", "m", "t", "of", "st", "nd", "rd", "th"};
  return std::find(kFillers.begin(), kFillers.end(), to_lower(word)) != kFillers.end();
}

bool is_utc_name(std::string_view word) {
  const std::string lower = to_lower(word);
  return lower == "utc" || lower == "gmt" || lower == "z";
}

int days_in_month(int64_t year, int month) {
  constexpr std::array kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return kDays[static_cast<size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

bool YearMonthDay::add_text(const std::string& digits, Label label) {
  if (!all_digits(digits)) return false;
  if (digits.size() > 2) {
    century_given_ = true;
    if (label != Label::kNone && label != Label::kYear) return false;
    label = Label::kYear;
  }
  return push(digits_value(digits), label);
}

bool YearMonthDay::add(int64_t value, Label label) {
  if (value > 100) {
    century_given_ = true;
    if (label != Label::kNone && label != Label::kYear) return false;
    label = Label::kYear;
  }
  return push(value, label);
}

bool YearMonthDay::push(int64_t value, Label label) {
  values_.push_back(value);
  if (label == Label::kNone) return true;
  std::optional<size_t>& at = label == Label::kYear ? year_at_ : label == Label::kMonth ? month_at_ : day_at_;
  if (at) return false;
  at = values_.size() - 1;
  return true;
}

bool YearMonthDay::could_be_day(int64_t value) const {
  if (day_at_ || value < 1) return false;
  if (!month_at_) return value <= 31;
  const int64_t month = values_[*month_at_];
  if (month < 1 || month > 12) return false;
  return value <= days_in_month(year_at_ ? values_[*year_at_] : 2000, static_cast<int>(month));
}

bool YearMonthDay::resolve() {
  const size_t labels = (year_at_ ? 1 : 0) + (month_at_ ? 1 : 0) + (day_at_ ? 1 : 0);
  if ((size() == labels && labels > 0) || (size() == 3 && labels == 2)) {
    resolve_by_labels();
    return true;
  }
  if (size() > 3) return false;
  if (size() == 1 || (month_at_ && size() == 2)) {
    if (month_at_) month_ = values_[*month_at_];
    if (size() == 2 || !month_at_) {
      const int64_t other = month_at_ ? values_[1 - *month_at_] : values_[0];
      (other > 31 ? year_ : day_) = other;
    }
  } else if (size() == 2) {
    resolve_two();
  } else if (size() == 3) {
    resolve_three();
  }
  return true;
}

void YearMonthDay::resolve_by_labels() {
  if (size() == 3) {
    // With two known the third place is left.
    const size_t rest = 3 - year_at_.value_or(0) - month_at_.value_or(0) - day_at_.value_or(0);
    for (auto* at : {&year_at_, &month_at_, &day_at_}) {
      if (!*at) *at = rest;
    }
  }
  if (year_at_) year_ = values_[*year_at_];
  if (month_at_) month_ = values_[*month_at_];
  if (day_at_) day_ = values_[*day_at_];
}

void YearMonthDay::resolve_two() {
  const int64_t a = values_[0], b = values_[1];
  if (a > 31) {
    year_ = a;
    month_ = b;
  } else {
    month_ = a;
    (b > 31 ? year_ : day_) = b;
  }
}

void YearMonthDay::resolve_three() {
  const auto assign = [&](size_t year, size_t month, size_t day) {
    year_ = values_[year];
    month_ = values_[month];
    day_ = values_[day];
  };
  const int64_t a = values_[0], b = values_[1];
  if (month_at_ == 0u) return b > 31 ? assign(1, 0, 2) : assign(2, 0, 1);
  if (month_at_ == 1u) return a > 31 ? assign(0, 1, 2) : assign(2, 1, 0);
  if (month_at_ == 2u) return b > 31 ? assign(1, 2, 0) : assign(0, 2, 1);
  if (a > 31 || year_at_ == 0u) return assign(0, 1, 2);
  if (a > 12) return assign(2, 1, 0);
  assign(2, 0, 1);
}

}  // namespace squall::dates
