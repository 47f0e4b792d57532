// The English words of dates and the choice which of up to three numbers is year, month and day, as dateutil makes it.
// For dates.cpp only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace squall::dates {

// "Jan" or "january" -> 1.
std::optional<int> month_of(std::string_view word);
// "Mon" or "Monday" -> 0.
std::optional<int> weekday_of(std::string_view word);
// 0 for "h", "hour", "hours"; 1 for minutes; 2 for seconds.
std::optional<int> unit_of(std::string_view word);
// False for "am" and "a", true for "pm" and "p".
std::optional<bool> is_pm(std::string_view word);
// Words and signs without a meaning of their own: "at", "of", "th", ",", "-".
bool is_filler(std::string_view word);
bool is_utc_name(std::string_view word);
int days_in_month(int64_t year, int month);

// The numbers that are year, month or day, in the order of the text. Functions return false where dateutil gives up.
class YearMonthDay {
 public:
  enum class Label { kNone, kYear, kMonth, kDay };

  // A number as it stands; three digits or more make it the year.
  bool add_text(const std::string& digits, Label label = Label::kNone);
  bool add(int64_t value, Label label = Label::kNone);
  bool could_be_day(int64_t value) const;
  bool resolve();

  size_t size() const { return values_.size(); }
  bool century_given() const { return century_given_; }
  std::optional<int64_t> year() const { return year_; }
  std::optional<int64_t> month() const { return month_; }
  std::optional<int64_t> day() const { return day_; }

 private:
  bool push(int64_t value, Label label);
  void resolve_by_labels();
  void resolve_two();
  void resolve_three();

  std::vector<int64_t> values_;
  bool century_given_ = false;
  std::optional<size_t> year_at_, month_at_, day_at_;
  std::optional<int64_t> year_, month_, day_;
};

}  // namespace squall::dates
