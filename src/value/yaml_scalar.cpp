// Which tag a plain scalar gets, and what value a tagged scalar has: PyYAML's Resolver and SafeConstructor by hand.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include "base/strings.hpp"
#include "value/number_text.hpp"
#include "value/python.hpp"
#include "value/yaml_nodes.hpp"

namespace squall::yaml {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Walks over a text from left to right: a hand-made regular expression.
class Scan {
 public:
  explicit Scan(std::string_view text) : text_(text) {}

  bool done() const { return at_ == text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  size_t at() const { return at_; }
  // [set], once.
  bool one(std::string_view set) {
    if (done() || set.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }
  // [set]*; how many.
  size_t many(std::string_view set) {
    const size_t start = at_;
    while (one(set)) {
    }
    return at_ - start;
  }
  bool word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  // Between `least` and `most` digits as a number; -1 when there are fewer.
  int number(size_t least, size_t most) {
    int value = 0;
    size_t count = 0;
    for (; count < most && is_digit(peek()); ++count) value = value * 10 + (text_[at_++] - '0');
    return count < least ? -1 : value;
  }
  std::string_view since(size_t start) const { return text_.substr(start, at_ - start); }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kDigitsAndBars = "0123456789_";
constexpr std::string_view kNonZero = "123456789";

// (?::[0-5]?[0-9])+
bool sexagesimal_tail(Scan& scan) {
  size_t groups = 0;
  for (; scan.one(":"); ++groups) {
    const char first = scan.peek();
    if (!scan.one(kDigits)) return false;
    if (first <= '5') scan.one(kDigits);
  }
  return groups > 0;
}

bool matches_int(std::string_view text) {
  Scan scan(text);
  scan.one("+-");
  if (scan.one("0")) {
    if (scan.done()) return true;
    if (scan.one("b")) return scan.many("01_") > 0 && scan.done();
    if (scan.one("x")) return scan.many("0123456789abcdefABCDEF_") > 0 && scan.done();
    return scan.many("01234567_") > 0 && scan.done();
  }
  if (!scan.one(kNonZero)) return false;
  scan.many(kDigitsAndBars);
  return scan.done() || (sexagesimal_tail(scan) && scan.done());
}

// (?:[eE][-+][0-9]+)?
bool exponent(Scan& scan) {
  if (!scan.one("eE")) return true;
  return scan.one("+-") && scan.many(kDigits) > 0;
}

bool matches_float(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  Scan scan(text);
  const bool sign = scan.one("+-");
  if (scan.one(".")) {
    if (scan.word("inf") || scan.word("Inf") || scan.word("INF")) return scan.done();
    if (sign || !scan.one(kDigits)) return false;
    scan.many(kDigitsAndBars);
    return exponent(scan) && scan.done();
  }
  if (!scan.one(kDigits)) return false;
  scan.many(kDigitsAndBars);
  if (scan.one(".")) {
    scan.many(kDigitsAndBars);
    return exponent(scan) && scan.done();
  }
  if (!sexagesimal_tail(scan) || !scan.one(".")) return false;
  scan.many(kDigitsAndBars);
  return scan.done();
}

struct TimestampParts {
  int year = 0, month = 0, day = 0;
  bool two_digits = false;  // month and day both have two
  bool has_time = false;
  int hour = 0, minute = 0, second = 0, micros = 0;
  bool utc = false;
  int sign = 0;  // of the offset; 0: none
  int offset_hours = 0, offset_minutes = 0;
};

// The time after a date: ([Tt]|[ \t]+)H:MM:SS(.f*)?([ \t]*(Z|[-+]H(:MM)?))?
bool match_time(Scan& scan, TimestampParts& parts) {
  if (!scan.one("Tt") && scan.many(" \t") == 0) return false;
  parts.has_time = true;
  parts.hour = scan.number(1, 2);
  if (parts.hour < 0 || !scan.one(":") || (parts.minute = scan.number(2, 2)) < 0) return false;
  if (!scan.one(":") || (parts.second = scan.number(2, 2)) < 0) return false;
  if (scan.one(".")) {
    const size_t start = scan.at();
    scan.many(kDigits);
    std::string fraction(scan.since(start).substr(0, 6));
    fraction.resize(6, '0');
    std::from_chars(fraction.data(), fraction.data() + 6, parts.micros);
  }
  if (scan.done()) return true;
  scan.many(" \t");
  if (scan.one("Z")) {
    parts.utc = true;
    return scan.done();
  }
  parts.sign = scan.peek() == '-' ? -1 : 1;
  if (!scan.one("+-") || (parts.offset_hours = scan.number(1, 2)) < 0) return false;
  if (scan.one(":") && (parts.offset_minutes = scan.number(2, 2)) < 0) return false;
  return scan.done();
}

std::optional<TimestampParts> match_timestamp(std::string_view text) {
  Scan scan(text);
  TimestampParts parts;
  if ((parts.year = scan.number(4, 4)) < 0 || !scan.one("-")) return std::nullopt;
  if ((parts.month = scan.number(1, 2)) < 0 || !scan.one("-")) return std::nullopt;
  const size_t month_end = scan.at();
  if ((parts.day = scan.number(1, 2)) < 0) return std::nullopt;
  parts.two_digits = month_end == 8 && scan.at() == 10;
  if (scan.done() || match_time(scan, parts)) return parts;
  return std::nullopt;
}

bool is_bool_word(std::string_view text) {
  for (const std::string_view word : {"yes", "no", "true", "false", "on", "off"}) {
    if (!equals_ignore_case(text, word)) continue;
    // lower, Capitalised or UPPER, not "yEs"
    const std::string rest(text.substr(1));
    const bool first_lower = text.front() >= 'a';
    return first_lower ? rest == to_lower(rest) : rest == to_lower(rest) || rest == to_upper(rest);
  }
  return false;
}

tl::unexpected<Error> python_error(std::string type, std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type(std::move(type)));
}

std::string quoted(std::string_view text) { return python::repr(Value(text)); }

// int(text, base) for texts without underscores.
Result<Value> python_int(std::string_view text, int base) {
  const std::string_view whole = text;
  text = trim(text);
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  const std::string_view allowed = std::string_view("0123456789abcdef").substr(0, static_cast<size_t>(base));
  if (text.empty() || to_lower(text).find_first_not_of(allowed) != std::string::npos) {
    return python_error("ValueError", fmt::format("invalid literal for int() with base {}: {}", base, quoted(whole)));
  }
  return integer_from_digits(text, base, negative);
}

// float(text): also "inf", "nan", blanks around.
Result<double> python_float_from(std::string_view text) {
  const std::string trimmed(trim(text));
  char* end = nullptr;
  const double value = std::strtod(trimmed.c_str(), &end);
  const bool plain = trimmed.find_first_of("xXpP(") == std::string::npos;  // forms of C that Python lacks
  if (!trimmed.empty() && plain && *end == '\0' && end == trimmed.c_str() + trimmed.size()) return value;
  return python_error("ValueError", "could not convert string to float: " + quoted(text));
}

struct Signed {
  bool negative = false;
  std::string text;
};

// Without underscores and sign. Python's value[0] fails for an empty text.
Result<Signed> split_sign(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  if (text.empty()) return python_error("IndexError", "string index out of range");
  Signed result;
  result.negative = text.front() == '-';
  if (text.front() == '-' || text.front() == '+') text.erase(0, 1);
  result.text = std::move(text);
  return result;
}

// "1:30:00" in base 60. Values that leave 64 bits are refused by name: nobody means them.
Result<Value> sexagesimal_int(const Signed& number) {
  int64_t total = 0;
  for (const std::string& part : split(number.text, ':')) {
    SQ_TRY(const Value digit, python_int(part, 10));
    if (digit.kind() != Kind::kInt || __builtin_mul_overflow(total, int64_t{60}, &total) ||
        __builtin_add_overflow(total, digit.as_int(), &total)) {
      return python_error("OverflowError", "sexagesimal integer " + quoted(number.text) + " does not fit 64 bits");
    }
  }
  return Value(number.negative ? -total : total);
}

Result<Value> construct_int(std::string_view text) {
  const Result<Signed> split = split_sign(std::string(text));
  if (!split) return fail(split.error());
  const Signed& number = *split;
  const std::string_view digits = number.text;
  const auto signed_value = [&](std::string_view part, int base) -> Result<Value> {
    SQ_TRY(const Value checked, python_int(part, base));
    const std::string_view trimmed = trim(part);
    // A second sign can only come from an explicit "!!int": Python multiplies the signs.
    const bool second = trimmed.front() == '-' || trimmed.front() == '+';
    const bool negative = number.negative != (trimmed.front() == '-');
    return integer_from_digits(second ? trimmed.substr(1) : trimmed, base, negative);
  };
  if (digits.empty()) return python_error("IndexError", "string index out of range");
  if (digits == "0") return Value(0);
  if (digits.substr(0, 2) == "0b") return signed_value(digits.substr(2), 2);
  if (digits.substr(0, 2) == "0x") return signed_value(digits.substr(2), 16);
  if (digits.front() == '0') return signed_value(digits, 8);
  if (digits.find(':') != std::string_view::npos) return sexagesimal_int(number);
  return signed_value(digits, 10);
}

Result<Value> construct_float(std::string_view text) {
  SQ_TRY(const Signed number, split_sign(to_lower(text)));
  const double sign = number.negative ? -1 : 1;
  if (number.text == ".inf") return Value(sign * HUGE_VAL);
  if (number.text == ".nan") return Value(std::nan(""));
  if (number.text.find(':') == std::string::npos) {
    SQ_TRY(const double value, python_float_from(number.text));
    return Value(sign * value);
  }
  std::vector<double> digits;
  for (const std::string& part : split(number.text, ':')) {
    SQ_TRY(const double digit, python_float_from(part));
    digits.push_back(digit);
  }
  // From the last part on, as PyYAML adds them up: the rounding is the same.
  double value = 0;
  double base = 1;
  for (size_t i = digits.size(); i-- > 0; base *= 60) value += digits[i] * base;
  return Value(sign * value);
}

Result<Value> construct_bool(std::string_view text) {
  const std::string word = to_lower(text);
  if (word == "yes" || word == "true" || word == "on") return Value(true);
  if (word == "no" || word == "false" || word == "off") return Value(false);
  return python_error("KeyError", quoted(word));
}

Result<int64_t> checked_days(const TimestampParts& parts) {
  using std::chrono::day, std::chrono::month, std::chrono::year;
  if (parts.year < 1) return python_error("ValueError", fmt::format("year {} is out of range", parts.year));
  if (parts.month < 1 || parts.month > 12) return python_error("ValueError", "month must be in 1..12");
  const std::chrono::year_month_day date{year(parts.year), month(static_cast<unsigned>(parts.month)),
                                         day(static_cast<unsigned>(parts.day))};
  if (!date.ok()) return python_error("ValueError", "day is out of range for month");
  return std::chrono::sys_days(date).time_since_epoch().count();
}

Result<Value> construct_timestamp(std::string_view text) {
  const auto parts = match_timestamp(text);
  if (!parts) return python_error("AttributeError", "'NoneType' object has no attribute 'groupdict'");
  const int32_t offset = parts->sign * (parts->offset_hours * 60 + parts->offset_minutes) * 60;
  if (std::abs(offset) >= 86'400) {
    return python_error(
        "ValueError",
        fmt::format("offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), not {}.",
                    python::repr(Value::time_delta(int64_t{offset} * 1'000'000))));
  }
  SQ_TRY(const int64_t days, checked_days(*parts));
  if (!parts->has_time) return Value::date(static_cast<int32_t>(days));
  if (parts->hour > 23) return python_error("ValueError", "hour must be in 0..23");
  if (parts->minute > 59) return python_error("ValueError", "minute must be in 0..59");
  if (parts->second > 59) return python_error("ValueError", "second must be in 0..59");
  const int64_t seconds = days * 86'400 + parts->hour * 3'600 + parts->minute * 60 + parts->second;
  return Value::date_time({.micros = seconds * 1'000'000 + parts->micros,
                           .has_offset = parts->utc || parts->sign != 0,
                           .offset_seconds = offset});
}

// binascii.a2b_base64: whatever is not of the alphabet is skipped.
Result<Value> construct_binary(std::string_view text) {
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (!ascii) return python_error("ConstructorError", "failed to convert base64 data into ascii");
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  size_t count = 0;  // characters of the alphabet
  size_t pads = 0;
  for (const char c : text) {
    if (c == '=') {
      if (count % 4 >= 2 && count % 4 + ++pads >= 4) return Value::bytes(std::move(bytes));
      continue;
    }
    const size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) continue;
    pads = 0;
    bits = (bits << 6 | static_cast<uint32_t>(digit)) & 0xffffff;
    // Each character after a group's first completes a byte.
    if (const size_t place = count++ % 4; place > 0) bytes += static_cast<char>(bits >> (6 - 2 * place));
  }
  if (count % 4 == 0) return Value::bytes(std::move(bytes));
  return python_error("ConstructorError",
                      count % 4 == 1
                          ? fmt::format("failed to decode base64 data: Invalid base64-encoded string: number of "
                                        "data characters ({}) cannot be 1 more than a multiple of 4",
                                        count)
                          : std::string("failed to decode base64 data: Incorrect padding"));
}

}  // namespace

std::string resolve_plain(std::string_view text) {
  if (text.empty()) return core_tag("null");
  // '$' matches before a last line break, too.
  if (text.back() == '\n' && text.size() > 1) text.remove_suffix(1);
  if (text == "~" || text == "null" || text == "Null" || text == "NULL") return core_tag("null");
  if (text == "=") return core_tag("value");
  if (text == "<<") return core_tag("merge");
  if (text == "!" || text == "&" || text == "*") return core_tag("yaml");
  if (is_bool_word(text)) return core_tag("bool");
  const char first = text.front();
  if (!is_digit(first) && first != '+' && first != '-' && first != '.') return core_tag("str");
  if (matches_float(text)) return core_tag("float");
  if (first == '.') return core_tag("str");
  if (matches_int(text)) return core_tag("int");
  if (const auto parts = match_timestamp(text); parts && (parts->has_time || parts->two_digits)) {
    return core_tag("timestamp");
  }
  return core_tag("str");
}

bool is_core_scalar_tag(std::string_view tag) {
  if (tag.substr(0, kTagPrefix.size()) != kTagPrefix) return false;
  tag.remove_prefix(kTagPrefix.size());
  constexpr std::array<std::string_view, 7> kNames = {"null", "bool", "int", "float", "binary", "timestamp", "str"};
  return std::find(kNames.begin(), kNames.end(), tag) != kNames.end();
}

Result<Value> construct_core_scalar(std::string_view tag, std::string_view text) {
  const std::string_view name = tag.substr(kTagPrefix.size());
  if (name == "str") return Value(text);
  if (name == "null") return Value();
  if (name == "bool") return construct_bool(text);
  if (name == "int") return construct_int(text);
  if (name == "float") return construct_float(text);
  if (name == "binary") return construct_binary(text);
  return construct_timestamp(text);
}

}  // namespace squall::yaml
