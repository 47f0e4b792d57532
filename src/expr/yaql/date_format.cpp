#include "expr/yaql/date_format.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <map>
#include <optional>

#include "base/strings.hpp"
#include "expr/python/errors.hpp"
#include "expr/python/numbers.hpp"
#include "expr/python/text.hpp"
#include "expr/yaql/calendar.hpp"
#include "text/regex.hpp"
#include "value/python.hpp"

namespace squall::expr::yaql {

namespace {

std::string two(int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); }

std::string offset_text(const DateTime& time) {
  if (!time.has_offset) return {};
  const int64_t size = std::llabs(time.offset_seconds);
  std::string text = (time.offset_seconds < 0 ? "-" : "+") + two(size / 3600) + two(size / 60 % 60);
  if (size % 60 != 0) text += two(size % 60);
  return text;
}

// What the C library does not know, as Python replaces it before.
std::string replace_own(const DateTime& time, std::string_view format) {
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    const char letter = format[++i];
    if (letter == 'f') {
      const std::string digits = std::to_string(fields_of(time.micros).microsecond);
      out += std::string(6 - digits.size(), '0') + digits;
    } else if (letter == 'z') {
      out += offset_text(time);
    } else if (letter == 'Z') {
      // Only tzutc() has a name.
      if (time.has_offset && time.offset_seconds == 0) out += "UTC";
    } else {
      out += '%';
      out += letter;
    }
  }
  return out;
}

}  // namespace

std::string format_date(const DateTime& time, std::string_view format) {
  const Fields fields = fields_of(time.micros);
  std::tm tm{};
  tm.tm_year = static_cast<int>(fields.year - 1900);
  tm.tm_mon = static_cast<int>(fields.month - 1);
  tm.tm_mday = static_cast<int>(fields.day);
  tm.tm_hour = static_cast<int>(fields.hour);
  tm.tm_min = static_cast<int>(fields.minute);
  tm.tm_sec = static_cast<int>(fields.second);
  tm.tm_wday = (weekday_of(time.micros) + 1) % 7;
  tm.tm_yday =
      static_cast<int>(days_from_civil(fields.year, fields.month, fields.day) - days_from_civil(fields.year, 1, 1));
  tm.tm_isdst = -1;
  // A mark at the end tells an empty result from a buffer that is too small.
  const std::string prepared = replace_own(time, format) + "|";
  std::string out(prepared.size() * 16 + 256, '\0');
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const size_t size = std::strftime(out.data(), out.size(), prepared.c_str(), &tm);
#pragma GCC diagnostic pop
  out.resize(size == 0 ? 0 : size - 1);
  return out;
}

// --- strptime
// ---------------------------------------------------------------------------------------------------------

namespace {

constexpr std::array<std::string_view, 7> kWeekdays = {"monday", "tuesday",  "wednesday", "thursday",
                                                       "friday", "saturday", "sunday"};
constexpr std::array<std::string_view, 12> kMonths = {"january",   "february", "march",    "april",
                                                      "may",       "june",     "july",     "august",
                                                      "september", "october",  "november", "december"};

template <size_t N>
std::string alternatives(const std::array<std::string_view, N>& words, size_t length_max) {
  // The longest first, as Python sorts them.
  std::vector<std::string_view> sorted;
  for (const std::string_view word : words) sorted.push_back(word.substr(0, length_max));
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](std::string_view a, std::string_view b) { return a.size() > b.size(); });
  std::string out;
  for (const std::string_view word : sorted) out += (out.empty() ? "" : "|") + std::string(word);
  return out;
}

std::optional<std::string> directive(char letter) {
  switch (letter) {
    case 'd': return "3[0-1]|[1-2]\\d|0[1-9]|[1-9]| [1-9]";
    case 'f': return "[0-9]{1,6}";
    case 'H': return "2[0-3]|[0-1]\\d|\\d";
    case 'I': return "1[0-2]|0[1-9]|[1-9]";
    case 'G': return "\\d\\d\\d\\d";
    case 'j': return "36[0-6]|3[0-5]\\d|[1-2]\\d\\d|0[1-9]\\d|00[1-9]|[1-9]\\d|0[1-9]|[1-9]";
    case 'm': return "1[0-2]|0[1-9]|[1-9]";
    case 'M': return "[0-5]\\d|\\d";
    case 'S': return "6[0-1]|[0-5]\\d|\\d";
    case 'U':
    case 'W': return "5[0-3]|[0-4]\\d|\\d";
    case 'w': return "[0-6]";
    case 'u': return "[1-7]";
    case 'V': return "5[0-3]|0[1-9]|[1-4]\\d|\\d";
    case 'y': return "\\d\\d";
    case 'Y': return "\\d\\d\\d\\d";
    case 'z': return "[+-]\\d\\d:?[0-5]\\d(:?[0-5]\\d(\\.\\d{1,6})?)?|(?-i:Z)";
    case 'A': return alternatives(kWeekdays, 99);
    case 'a': return alternatives(kWeekdays, 3);
    case 'B': return alternatives(kMonths, 99);
    case 'b': return alternatives(kMonths, 3);
    case 'p': return "am|pm";
    case 'Z': return "utc|gmt";
    default: return std::nullopt;
  }
}

Result<std::string> pattern_of(std::string_view format, std::string_view whole) {
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    const char c = format[i];
    if (py::is_space(static_cast<unsigned char>(c)) && static_cast<unsigned char>(c) < 0x80) {
      if (!out.ends_with("\\s+")) out += "\\s+";
    } else if (c != '%') {
      if (std::string_view("\\.^$*+?(){}[]|").find(c) != std::string_view::npos) out += '\\';
      out += c;
    } else {
      if (i + 1 == format.size()) return py::value_error("stray % in format '" + std::string(whole) + "'");
      const char letter = format[++i];
      const std::string_view combined = letter == 'c'   ? "%a %b %d %H:%M:%S %Y"
                                        : letter == 'x' ? "%m/%d/%y"
                                        : letter == 'X' ? "%H:%M:%S"
                                                        : "";
      if (letter == '%') {
        out += '%';
      } else if (!combined.empty()) {
        SQ_TRY(const std::string inner, pattern_of(combined, whole));
        out += inner;
      } else if (const auto expression = directive(letter)) {
        out += std::string("(?P<") + letter + ">" + *expression + ")";
      } else {
        // Python looks for directives after it has put backslashes before signs and blanks.
        const bool escaped = std::string_view("\\.^$*+?(){}[]| \t\n\r\v\f").find(letter) != std::string_view::npos;
        return py::value_error("'" + std::string(1, escaped ? '%' : letter) + "' is a bad directive in format '" +
                               std::string(whole) + "'");
      }
    }
  }
  return out;
}

template <size_t N>
int64_t index_in(const std::array<std::string_view, N>& words, const std::string& word) {
  for (size_t i = 0; i < N; ++i) {
    if (words[i].substr(0, word.size()) == word) return static_cast<int64_t>(i);
  }
  return 0;
}

// "+02:00", "-0530", "Z".
int32_t offset_of(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  std::string digits;
  for (const char c : text.substr(0, text.find('.'))) {
    if (c >= '0' && c <= '9') digits += c;
  }
  const auto part = [&](size_t at) { return digits.size() >= at + 2 ? std::atoi(digits.substr(at, 2).c_str()) : 0; };
  const int32_t size = part(0) * 3600 + part(2) * 60 + part(4);
  return text[0] == '-' ? -size : size;
}

// The parts by the letter of their directive.
class Parts {
 public:
  Parts(const Regex& regex, const RegexMatch& match, std::string_view text) {
    for (const auto& [name, group] : regex.group_names()) {
      if (match.has(group)) texts_[name[0]] = py::lower(match.group(text, group));
    }
  }
  bool has(char letter) const { return texts_.contains(letter); }
  const std::string& text(char letter) const { return texts_.at(letter); }
  int64_t number(char letter, int64_t fallback) const {
    if (!has(letter)) return fallback;
    const auto value = py::parse_integer(texts_.at(letter));
    return value ? py::to_int64(*value).value_or(fallback) : fallback;
  }

 private:
  std::map<char, std::string> texts_;
};

int64_t hour_of(const Parts& parts) {
  if (!parts.has('I')) return parts.number('H', 0);
  int64_t hour = parts.number('I', 0);
  if (!parts.has('p') || parts.text('p') == "am") return hour == 12 ? 0 : hour;
  return hour == 12 ? 12 : hour + 12;
}

// The weekday that the text names, 0 for Monday.
std::optional<int64_t> weekday_named(const Parts& parts) {
  if (parts.has('A')) return index_in(kWeekdays, parts.text('A'));
  if (parts.has('a')) return index_in(kWeekdays, parts.text('a'));
  if (parts.has('w')) return (parts.number('w', 0) + 6) % 7;
  if (parts.has('u')) return parts.number('u', 1) - 1;
  return std::nullopt;
}

// Moves to the day that a day of the year, or a week with a weekday, names.
void apply_week(const Parts& parts, Fields& fields) {
  const int64_t start = days_from_civil(fields.year, 1, 1);
  int64_t day = 0;
  const auto weekday = weekday_named(parts);
  if (parts.has('j')) {
    day = start + parts.number('j', 1) - 1;
  } else if ((parts.has('U') || parts.has('W')) && weekday && parts.has('Y')) {
    const bool monday_first = parts.has('W');
    const int64_t week = parts.number(monday_first ? 'W' : 'U', 0);
    const int64_t first = (weekday_of(start * kDay) + (monday_first ? 0 : 1)) % 7;
    const int64_t wanted = (*weekday + (monday_first ? 0 : 1)) % 7;
    const int64_t week_0 = (7 - first) % 7;
    day = start + (week == 0 ? wanted - first : week_0 + 7 * (week - 1) + wanted);
  } else if (parts.has('G') && parts.has('V') && weekday) {
    const int64_t january_4 = days_from_civil(fields.year, 1, 4);
    day = january_4 - weekday_of(january_4 * kDay) + 7 * (parts.number('V', 1) - 1) + *weekday;
  } else {
    return;
  }
  const Fields date = fields_of(day * kDay);
  fields.year = date.year;
  fields.month = date.month;
  fields.day = date.day;
}

Status check_iso(const Parts& parts) {
  const bool weekday = parts.has('A') || parts.has('a') || parts.has('w') || parts.has('u');
  if (parts.has('G') && (!parts.has('V') || !weekday)) {
    return py::value_error(
        "ISO year directive '%G' must be used with the ISO week directive '%V' and a weekday directive ('%A', '%a', "
        "'%w', or "
        "'%u').");
  }
  if (parts.has('V') && !parts.has('G')) {
    return py::value_error(
        parts.has('Y') || parts.has('y')
            ? "ISO week directive '%V' is incompatible with the year directive '%Y'. Use the ISO year '%G' instead."
            : "ISO week directive '%V' must be used with the ISO year directive '%G' and a weekday directive ('%A', "
              "'%a', "
              "'%w', or '%u').");
  }
  return {};
}

}  // namespace

Result<DateTime> parse_date(std::string_view text, std::string_view format) {
  SQ_TRY(const std::string pattern, pattern_of(format, format));
  SQ_TRY(const Regex regex, Regex::compile_cached(pattern, {.ignore_case = true}));
  SQ_TRY(const auto match, regex.match(text));
  if (!match) {
    return py::value_error("time data " + python::repr(Value(text)) + " does not match format " +
                           python::repr(Value(format)));
  }
  if (match->spans[0]->second != text.size()) {
    return py::value_error("unconverted data remains: " + std::string(text.substr(match->spans[0]->second)));
  }
  const Parts parts(regex, *match, text);
  SQ_CHECK(check_iso(parts));
  Fields fields;
  fields.year = parts.number('Y', parts.number('G', fields.year));
  if (parts.has('y')) fields.year = parts.number('y', 0) + (parts.number('y', 0) <= 68 ? 2000 : 1900);
  fields.month = parts.number('m', 1);
  if (parts.has('B')) fields.month = index_in(kMonths, parts.text('B')) + 1;
  if (parts.has('b')) fields.month = index_in(kMonths, parts.text('b')) + 1;
  fields.day = parts.number('d', 1);
  fields.hour = hour_of(parts);
  fields.minute = parts.number('M', 0);
  fields.second = parts.number('S', 0);
  if (parts.has('f')) fields.microsecond = std::atoi((parts.text('f') + "000000").substr(0, 6).c_str());
  if (fields.year >= 1) apply_week(parts, fields);
  DateTime time;
  SQ_TRY(time.micros, micros_of(fields));
  if (parts.has('z')) {
    time.has_offset = true;
    time.offset_seconds = offset_of(parts.text('z'));
  }
  return time;
}

}  // namespace squall::expr::yaql
