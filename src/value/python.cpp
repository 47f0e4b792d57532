#include "value/python.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>

#include "base/limits.hpp"
#include "base/strings.hpp"
#include "value/number_text.hpp"
#include "value/unicode_text.hpp"

namespace squall::python {

namespace {

char quote_for(std::string_view text) {
  return text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
}

// The escapes that text and bytes have in common; false when the character is none of them.
bool append_common_escape(std::string& out, char32_t c, char quote) {
  switch (c) {
    case '\\': out += "\\\\"; return true;
    case '\t': out += "\\t"; return true;
    case '\n': out += "\\n"; return true;
    case '\r': out += "\\r"; return true;
    default: break;
  }
  if (c != static_cast<char32_t>(quote)) return false;
  out += '\\';
  out += quote;
  return true;
}

void append_text_repr(std::string& out, std::string_view text) {
  const char quote = quote_for(text);
  out += quote;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    // Most text needs no escape.
    while (at < text.size() && text[at] >= ' ' && text[at] < 0x7f && text[at] != quote && text[at] != '\\') ++at;
    if (at > start) {
      out += text.substr(start, at - start);
      continue;
    }
    const char32_t c = next_python_char(text, at);
    if (append_common_escape(out, c, quote)) continue;
    if (is_printable(c)) {
      out += text.substr(start, at - start);
    } else if (c < 0x100) {
      out += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
    } else if (c < 0x10000) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
    } else {
      out += fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
    }
  }
  out += quote;
}

void append_bytes_repr(std::string& out, std::string_view bytes) {
  const char quote = quote_for(bytes);
  out += 'b';
  out += quote;
  for (const char byte : bytes) {
    const auto c = static_cast<unsigned char>(byte);
    if (append_common_escape(out, c, quote)) continue;
    if (c >= 0x20 && c < 0x7f) {
      out += byte;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
    }
  }
  out += quote;
}

struct WallClock {
  int year;
  unsigned month, day;
  int hour, minute, second, micros;
};

WallClock wall_clock(int64_t micros_since_epoch) {
  using std::chrono::days;
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(micros_since_epoch)};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const int64_t rest = (time - day).count();
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          static_cast<int>(rest / 3'600'000'000),
          static_cast<int>(rest / 60'000'000 % 60),
          static_cast<int>(rest / 1'000'000 % 60),
          static_cast<int>(rest % 1'000'000)};
}

// Python splits a time delta into days (of any sign), seconds and microseconds (both never negative).
struct DeltaParts {
  int64_t days;
  int seconds, micros;
};

DeltaParts delta_parts(int64_t total) {
  constexpr int64_t kDay = 86'400'000'000;
  int64_t days = total / kDay;
  int64_t rest = total % kDay;
  if (rest < 0) {
    rest += kDay;
    --days;
  }
  return {days, static_cast<int>(rest / 1'000'000), static_cast<int>(rest % 1'000'000)};
}

std::string delta_repr(int64_t micros) {
  const DeltaParts parts = delta_parts(micros);
  std::vector<std::string> arguments;
  if (parts.days != 0) arguments.push_back("days=" + std::to_string(parts.days));
  if (parts.seconds != 0) arguments.push_back("seconds=" + std::to_string(parts.seconds));
  if (parts.micros != 0) arguments.push_back("microseconds=" + std::to_string(parts.micros));
  return fmt::format("datetime.timedelta({})", arguments.empty() ? "0" : join(arguments, ", "));
}

std::string delta_str(int64_t micros) {
  const DeltaParts parts = delta_parts(micros);
  std::string text;
  if (parts.days != 0) text = std::to_string(parts.days) + (std::llabs(parts.days) == 1 ? " day, " : " days, ");
  text += fmt::format("{}:{:02}:{:02}", parts.seconds / 3600, parts.seconds / 60 % 60, parts.seconds % 60);
  if (parts.micros != 0) text += fmt::format(".{:06}", parts.micros);
  return text;
}

std::string offset_text(int32_t seconds) {
  const int size = std::abs(seconds);
  std::string text = fmt::format("{}{:02}:{:02}", seconds < 0 ? '-' : '+', size / 3600, size / 60 % 60);
  if (size % 60 != 0) text += fmt::format(":{:02}", size % 60);
  return text;
}

std::string date_time_repr(const DateTime& time) {
  const WallClock at = wall_clock(time.micros);
  std::string text = fmt::format("datetime.datetime({}, {}, {}, {}, {}", at.year, at.month, at.day, at.hour, at.minute);
  if (at.second != 0 || at.micros != 0) text += fmt::format(", {}", at.second);
  if (at.micros != 0) text += fmt::format(", {}", at.micros);
  if (time.has_offset) {
    const std::string offset = delta_repr(int64_t{time.offset_seconds} * 1'000'000);
    text += ", tzinfo=datetime.timezone";
    text += time.offset_seconds == 0 ? std::string(".utc") : fmt::format("({})", offset);
  }
  return text + ")";
}

void append_repr(std::string& out, const Value& value, size_t depth);

void append_items(std::string& out, const List& items, size_t depth) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i != 0) out += ", ";
    append_repr(out, items[i], depth);
  }
}

void append_container(std::string& out, const Value& value, size_t depth) {
  if (depth > limits::kJsonDepthMax) {
    out += "...";  // what Python shows inside a list that holds itself
    return;
  }
  switch (value.kind()) {
    case Kind::kList:
      out += '[';
      append_items(out, value.as_list(), depth + 1);
      out += ']';
      return;
    case Kind::kTuple:
      out += '(';
      append_items(out, value.as_list(), depth + 1);
      out += value.size() == 1 ? ",)" : ")";
      return;
    case Kind::kSet:
      if (value.empty()) {
        out += "set()";
        return;
      }
      out += '{';
      append_items(out, value.as_list(), depth + 1);
      out += '}';
      return;
    default: break;
  }
  out += '{';
  bool first = true;
  for (const auto& [key, member] : value.as_dict()) {
    if (!first) out += ", ";
    first = false;
    append_text_repr(out, key);
    out += ": ";
    append_repr(out, member, depth + 1);
  }
  out += '}';
}

void append_repr(std::string& out, const Value& value, size_t depth) {
  switch (value.kind()) {
    case Kind::kNull: out += "None"; return;
    case Kind::kBool: out += value.as_bool() ? "True" : "False"; return;
    case Kind::kInt: out += std::to_string(value.as_int()); return;
    case Kind::kUInt: out += std::to_string(value.as_uint()); return;
    case Kind::kDouble: out += python_float(value.as_double()); return;
    case Kind::kBigInt: out += value.as_string(); return;
    case Kind::kString: append_text_repr(out, value.as_string()); return;
    case Kind::kBytes: append_bytes_repr(out, value.as_string()); return;
    case Kind::kMarkup:
      out += "Markup(";
      append_text_repr(out, value.as_string());
      out += ')';
      return;
    case Kind::kUndefined: out += "Undefined"; return;
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet:
    case Kind::kDict: append_container(out, value, depth); return;
    case Kind::kDateTime: out += date_time_repr(value.as_date_time()); return;
    case Kind::kDate: {
      const WallClock at = wall_clock(int64_t{value.as_date()} * 86'400'000'000);
      out += fmt::format("datetime.date({}, {}, {})", at.year, at.month, at.day);
      return;
    }
    case Kind::kTimeDelta: out += delta_repr(value.as_time_delta()); return;
    case Kind::kObject: out += value.as_object()->repr(); return;
  }
}

}  // namespace

std::string iso_date(int32_t days_since_epoch) {
  const WallClock at = wall_clock(int64_t{days_since_epoch} * 86'400'000'000);
  return fmt::format("{:04}-{:02}-{:02}", at.year, at.month, at.day);
}

std::string iso_date_time(const DateTime& time, char separator) {
  const WallClock at = wall_clock(time.micros);
  std::string text = fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}", at.year, at.month, at.day, separator, at.hour,
                                 at.minute, at.second);
  if (at.micros != 0) text += fmt::format(".{:06}", at.micros);
  if (time.has_offset) text += offset_text(time.offset_seconds);
  return text;
}

std::string str(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kMarkup: return std::string(value.as_string());
    case Kind::kUndefined: return {};
    case Kind::kDateTime: return iso_date_time(value.as_date_time(), ' ');
    case Kind::kDate: return iso_date(value.as_date());
    case Kind::kTimeDelta: return delta_str(value.as_time_delta());
    default: return repr(value);
  }
}

std::string repr(const Value& value) {
  std::string out;
  append_repr(out, value, 0);
  return out;
}

std::string float_repr(double value) { return python_float(value); }

}  // namespace squall::python
