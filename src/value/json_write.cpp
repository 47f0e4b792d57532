#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "base/strings.hpp"
#include "value/json.hpp"
#include "value/mapping.hpp"
#include "value/number_text.hpp"
#include "value/python.hpp"
#include "value/unicode_text.hpp"

namespace squall {

namespace {

constexpr char kHex[] = "0123456789abcdef";

void append_unicode_escape(std::string& out, uint32_t unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(unit >> shift) & 0xf];
}

// Escapes of control characters, quote and backslash: the same in both dialects.
void append_ascii_escape(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: append_unicode_escape(out, static_cast<unsigned char>(c));
  }
}

// How many bytes at the front are ASCII that stands for itself in JSON: nearly always all of them, so eight are looked
// at together. A byte's high bit is set in `found` when it is below 0x20, a quote, a backslash, DEL or no ASCII; above
// the first such byte it may be set wrongly, which does not matter.
size_t plain_prefix(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighBits = 0x8080808080808080;
  const auto zero_bytes = [](uint64_t word) { return (word - kOnes) & ~word & kHighBits; };
  size_t at = 0;
  for (uint64_t word = 0; text.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    const uint64_t found = ((word - kOnes * 0x20) & ~word & kHighBits) | zero_bytes(word ^ (kOnes * '"')) |
                           zero_bytes(word ^ (kOnes * '\\')) | zero_bytes(word ^ (kOnes * 0x7f)) | (word & kHighBits);
    if (found != 0) break;
  }
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x20 || c == '"' || c == '\\' || c >= 0x7f) break;
    ++at;
  }
  return at;
}

void append_text(std::string& out, std::string_view text, bool ensure_ascii) {
  out += '"';
  size_t run = 0;
  for (size_t at = plain_prefix(text); at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c >= 0x20 && c != '"' && c != '\\' && (c < 0x7f || !ensure_ascii)) {
      ++at;
      continue;
    }
    out += text.substr(run, at - run);
    if (c <= 0x7f) {
      append_ascii_escape(out, text[at++]);
    } else if (const char32_t code = next_python_char(text, at); code < 0x10000) {
      append_unicode_escape(out, code);
    } else {
      append_unicode_escape(out, 0xd800 + ((code - 0x10000) >> 10));
      append_unicode_escape(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
    }
    run = at;
  }
  out += text.substr(run);
  out += '"';
}

template <typename Integer>
void append_integer(std::string& out, Integer value) {
  std::array<char, 24> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), end);
}

// UTF-8 always: every byte sequence that is none becomes U+FFFD.
std::string repaired(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) append_utf8(out, next_code_point(text, at));
  return out;
}

class Writer {
 public:
  // `lenient`: write a Python str() where JSON has no form, instead of failing.
  Writer(const JsonStyle& style, bool lenient) : style_(style), lenient_(lenient) {
    item_separator_ = style.item_separator;
    // json.dumps(indent=...) drops the blank that would stand at the end of each line.
    if (style.indent) item_separator_.erase(item_separator_.find_last_not_of(' ') + 1);
  }

  Status write(const Value& value, size_t depth) {
    switch (value.kind()) {
      case Kind::kNull: out_ += "null"; return {};
      case Kind::kBool: out_ += value.as_bool() ? "true" : "false"; return {};
      case Kind::kInt: append_integer(out_, value.as_int()); return {};
      case Kind::kUInt: append_integer(out_, value.as_uint()); return {};
      case Kind::kDouble: write_double(value.as_double()); return {};
      case Kind::kString:
      case Kind::kMarkup: return write_text(value.as_string());
      case Kind::kList:
      case Kind::kTuple: return write_list(value.as_list(), depth);
      case Kind::kDict: return write_dict(value.as_dict(), depth);
      default: return write_foreign(value, depth);
    }
  }

  std::string take() { return std::move(out_); }

 private:
  bool python() const { return style_.dialect == JsonDialect::kPython; }

  void write_double(double value) {
    if (python()) {
      out_ += std::isnan(value)   ? "NaN"
              : std::isinf(value) ? (value < 0 ? "-Infinity" : "Infinity")
                                  : python_float(value);
    } else {
      out_ += std::isfinite(value) ? orjson_float(value) : "null";
    }
  }

  Status write_text(std::string_view text) {
    if (plain_prefix(text) == text.size()) {
      out_ += '"';
      out_ += text;
      out_ += '"';
      return {};
    }
    if (!python() && !is_valid_utf8(text)) {
      if (!lenient_) return type_error("str is not valid UTF-8: surrogates not allowed");
      append_text(out_, repaired(text), style_.ensure_ascii);
      return {};
    }
    append_text(out_, text, style_.ensure_ascii);
    return {};
  }

  // Kinds that JSON lacks. orjson knows points in time, Python does not.
  Status write_foreign(const Value& value, size_t depth) {
    if (value.kind() == Kind::kBigInt && (python() || lenient_)) {
      out_ += value.as_string();
      return {};
    }
    if (!python() && value.kind() == Kind::kDateTime) {
      DateTime time = value.as_date_time();
      time.offset_seconds -= time.offset_seconds % 60;  // as orjson does
      return write_text(python::iso_date_time(time));
    }
    if (!python() && value.kind() == Kind::kDate) return write_text(python::iso_date(value.as_date()));
    if (const Mapping* mapping = Mapping::of(value)) return write_mapping(mapping->entries(), depth);
    if (lenient_) {
      return value.kind() == Kind::kSet ? write_list(value.as_list(), depth) : write_text(python::str(value));
    }
    if (value.kind() == Kind::kBigInt) return type_error("Integer exceeds 64-bit range");
    if (!python()) return type_error("Type is not JSON serializable: " + python::full_type_name(value));
    return type_error(fmt::format("Object of type {} is not JSON serializable", value.type_name()));
  }

  Status write_list(const List& items, size_t depth) {
    if (items.empty()) {
      out_ += "[]";
      return {};
    }
    if (depth >= limits::kJsonDepthMax) return too_deep();
    out_ += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i != 0) out_ += item_separator_;
      new_line(depth + 1);
      SQ_CHECK(write(items[i], depth + 1));
    }
    new_line(depth);
    out_ += ']';
    return {};
  }

  Status write_dict(const Dict& members, size_t depth) {
    if (members.empty()) {
      out_ += "{}";
      return {};
    }
    if (depth >= limits::kJsonDepthMax) return too_deep();
    out_ += '{';
    bool first = true;
    if (!style_.sort_keys) {
      for (const Dict::Entry& entry : members) SQ_CHECK(write_member(entry, first, depth));
    } else {
      std::vector<const Dict::Entry*> entries;
      entries.reserve(members.size());
      for (const Dict::Entry& entry : members) entries.push_back(&entry);
      std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
      for (const Dict::Entry* entry : entries) SQ_CHECK(write_member(*entry, first, depth));
    }
    new_line(depth);
    out_ += '}';
    return {};
  }

  Status write_member(const Dict::Entry& entry, bool& first, size_t depth) {
    if (!first) out_ += item_separator_;
    first = false;
    new_line(depth + 1);
    SQ_CHECK(write_text(entry.key));
    out_ += style_.key_separator;
    return write(entry.value, depth + 1);
  }

  // A dict whose keys are not all text.
  Status write_mapping(Mapping::Entries entries, size_t depth) {
    if (!python() && !lenient_) return type_error("Dict key must be str");
    if (depth >= limits::kJsonDepthMax) return too_deep();
    if (style_.sort_keys) {
      Mapping::Entries sorted = entries;
      if (!sort_by_key(sorted)) return unsortable(entries);
      entries = std::move(sorted);
    }
    out_ += '{';
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i != 0) out_ += item_separator_;
      new_line(depth + 1);
      SQ_TRY(const std::string key, key_text(entries[i].first));
      SQ_CHECK(write_text(key));
      out_ += style_.key_separator;
      SQ_CHECK(write(entries[i].second, depth + 1));
    }
    new_line(depth);
    out_ += '}';
    return {};
  }

  // What json.dumps makes of a key.
  Result<std::string> key_text(const Value& key) const {
    switch (key.kind()) {
      case Kind::kNull: return std::string("null");
      case Kind::kBool: return std::string(key.as_bool() ? "true" : "false");
      case Kind::kInt:
      case Kind::kUInt:
      case Kind::kBigInt:
      case Kind::kDouble:
      case Kind::kString:
      case Kind::kMarkup: return python::str(key);
      default: break;
    }
    if (lenient_) return python::str(key);
    return type_error(fmt::format("keys must be str, int, float, bool or None, not {}", key.type_name()));
  }

  static tl::unexpected<Error> unsortable(const Mapping::Entries& entries) {
    // Python's sort looks at an element and the one before it first.
    for (size_t i = 1; i < entries.size(); ++i) {
      auto less = python::less(entries[i].first, entries[i - 1].first);
      if (!less) return fail(less.error());
    }
    return type_error("the keys of a dict cannot be sorted");
  }

  // A lenient writer puts a text in the place of what is nested too deeply.
  Status too_deep() {
    const std::string words = fmt::format("nested deeper than {} levels", limits::kJsonDepthMax);
    if (lenient_) return write_text(fmt::format("<{}>", words));
    return fail(Error(ErrorCode::kLimit, "JSON is " + words).with_type(python() ? "RecursionError" : "TypeError"));
  }

  void new_line(size_t depth) {
    if (!style_.indent) return;
    out_ += '\n';
    out_.append(depth * static_cast<size_t>(*style_.indent), ' ');
  }

  static tl::unexpected<Error> type_error(std::string message) {
    return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type("TypeError"));
  }

  const JsonStyle& style_;
  bool lenient_;
  std::string item_separator_;
  std::string out_;
};

std::string write_leniently(const Value& value, const JsonStyle& style) {
  Writer writer(style, true);
  const Status written = writer.write(value, 0);
  SQ_ASSERT(written.has_value());
  return writer.take();
}

}  // namespace

JsonStyle JsonStyle::python() {
  JsonStyle style;
  style.dialect = JsonDialect::kPython;
  style.ensure_ascii = true;
  style.item_separator = ", ";
  style.key_separator = ": ";
  return style;
}

JsonStyle JsonStyle::pretty() {
  JsonStyle style;
  style.indent = 2;
  style.key_separator = ": ";
  return style;
}

Result<std::string> write_json(const Value& value, const JsonStyle& style) {
  Writer writer(style, false);
  SQ_CHECK(writer.write(value, 0));
  return writer.take();
}

std::string to_json(const Value& value) { return write_leniently(value, JsonStyle()); }
std::string to_json_pretty(const Value& value) { return write_leniently(value, JsonStyle::pretty()); }

}  // namespace squall
