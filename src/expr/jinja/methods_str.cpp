#include <algorithm>

#include "base/strings.hpp"
#include "expr/jinja/format.hpp"
#include "expr/jinja/methods.hpp"
#include "expr/python/text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::type_error;
using py::value_error;

namespace {

std::string_view text_of(const Value& self) { return self.as_string(); }
bool is_text(const Value& value) { return value.is_string() || value.kind() == Kind::kMarkup; }

// Markup stays Markup through the methods that make text of it.
Value like(const Value& self, std::string text) {
  return self.kind() == Kind::kMarkup ? Value::markup(std::move(text)) : Value(std::move(text));
}

Result<std::string_view> text_argument(Runtime& rt, const Value& value, std::string_view function, int position) {
  if (is_text(value)) return value.as_string();
  return type_error(std::string(function) + "() argument " + std::to_string(position) + " must be str, not " +
                    (value.is_null() ? "None" : std::string(rt.type_name(value))));
}

Result<int64_t> count_argument(Runtime& rt, const Bound& arguments, size_t index, int64_t fallback) {
  if (!arguments.has(index)) return fallback;
  return to_index(rt, arguments[index]);
}

// --- Case and classes -----------------------------------------------------------------------------------------------

template <std::string (*Change)(std::string_view)>
Result<Value> change(Runtime& rt, const Value& self, const Bound&) {
  SQ_CHECK(rt.charge_text(self.size()));
  return like(self, Change(text_of(self)));
}

template <bool (*Test)(char32_t)>
Result<Value> all_are(Runtime&, const Value& self, const Bound&) {
  const std::u32string text = py::decode(text_of(self));
  return Value(!text.empty() && std::all_of(text.begin(), text.end(), Test));
}

bool is_alnum(char32_t c) { return py::is_alpha(c) || py::is_digit(c); }
bool is_decimal(char32_t c) { return py::decimal_value(c) >= 0; }

template <bool (*Wanted)(char32_t), bool (*Unwanted)(char32_t)>
Result<Value> cased(Runtime&, const Value& self, const Bound&) {
  bool any = false;
  for (const char32_t c : py::decode(text_of(self))) {
    if (Unwanted(c) || py::is_title(c)) return Value(false);
    any = any || Wanted(c);
  }
  return Value(any);
}

Result<Value> is_title(Runtime&, const Value& self, const Bound&) {
  bool inside = false;
  bool any = false;
  for (const char32_t c : py::decode(text_of(self))) {
    if (py::is_upper(c) || py::is_title(c)) {
      if (inside) return Value(false);
      inside = any = true;
    } else if (py::is_lower(c)) {
      if (!inside) return Value(false);
      any = true;
    } else {
      inside = false;
    }
  }
  return Value(any);
}

Result<Value> is_ascii(Runtime&, const Value& self, const Bound&) { return Value(py::is_ascii(text_of(self))); }

Result<Value> is_identifier(Runtime&, const Value& self, const Bound&) {
  const std::u32string text = py::decode(text_of(self));
  return Value(!text.empty() && !py::is_digit(text.front()) && std::all_of(text.begin(), text.end(), py::is_word));
}

Result<Value> is_printable(Runtime&, const Value& self, const Bound&) {
  // What repr() shows as it is: nothing needed an escape.
  const std::string shown = python::repr(Value(text_of(self)));
  const size_t quotes = 2 + static_cast<size_t>(std::count(shown.begin() + 1, shown.end() - 1, '\\'));
  const size_t own = static_cast<size_t>(std::count(self.as_string().begin(), self.as_string().end(), '\\'));
  return Value(shown.size() - 2 == self.size() && quotes - 2 == own);
}

// --- Splitting and joining ------------------------------------------------------------------------------------------

Value list_of(const Value& self, const std::vector<std::string_view>& parts) {
  List items;
  items.reserve(parts.size());
  for (const std::string_view part : parts) items.push_back(like(self, std::string(part)));
  return Value(std::move(items));
}

template <bool FromRight>
Result<Value> split(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const int64_t splits_max, count_argument(rt, arguments, 1, -1));
  SQ_CHECK(rt.charge(self.size() / 8));
  const std::string_view text = text_of(self);
  if (arguments[0].is_null()) {
    return list_of(self, FromRight ? py::rsplit_blanks(text, splits_max) : py::split_blanks(text, splits_max));
  }
  if (!is_text(arguments[0])) {
    return type_error("must be str or None, not " + std::string(rt.type_name(arguments[0])));
  }
  const std::string_view separator = arguments[0].as_string();
  if (separator.empty()) return value_error("empty separator");
  return list_of(self, FromRight ? py::rsplit(text, separator, splits_max) : py::split(text, separator, splits_max));
}

Result<Value> split_lines(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const bool keep, rt.truthy(arguments.value_or(0, false)));
  return list_of(self, py::split_lines(text_of(self), keep));
}

template <bool FromRight>
Result<Value> partition(Runtime& rt, const Value& self, const Bound& arguments) {
  if (!is_text(arguments[0])) return type_error("must be str, not " + std::string(rt.type_name(arguments[0])));
  const std::string_view text = text_of(self);
  const std::string_view separator = arguments[0].as_string();
  if (separator.empty()) return value_error("empty separator");
  const size_t at = FromRight ? text.rfind(separator) : text.find(separator);
  const auto part = [&](std::string_view piece) { return like(self, std::string(piece)); };
  if (at == std::string_view::npos) {
    return FromRight ? Value::tuple({part(""), part(""), part(text)}) : Value::tuple({part(text), part(""), part("")});
  }
  return Value::tuple({part(text.substr(0, at)), part(separator), part(text.substr(at + separator.size()))});
}

Result<Value> join(Runtime& rt, const Value& self, const Bound& arguments) {
  if (!rt.is_iterable(arguments[0]) && !is_undefined(arguments[0])) return type_error("can only join an iterable");
  SQ_TRY(const List items, rt.to_list(arguments[0]));
  const bool markup = self.kind() == Kind::kMarkup;
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (markup && !is_text(items[i])) {
      // Markup escapes what it joins, and so takes everything.
      SQ_TRY(const std::string shown, rt.str(items[i]));
      if (i > 0) out += text_of(self);
      out += py::html_escape(shown);
      continue;
    }
    if (!is_text(items[i])) {
      return type_error("sequence item " + std::to_string(i) + ": expected str instance, " +
                        std::string(rt.type_name(items[i])) + " found");
    }
    if (i > 0) out += text_of(self);
    out += markup && items[i].is_string() ? py::html_escape(items[i].as_string()) : std::string(items[i].as_string());
    SQ_CHECK(rt.charge_text(out.size()));
  }
  return like(self, std::move(out));
}

// --- Stripping, padding, replacing
// -------------------------------------------------------------------------------------

enum class Side : uint8_t { kBoth, kLeft, kRight };

template <Side S>
Result<Value> strip(Runtime& rt, const Value& self, const Bound& arguments) {
  std::string_view text = text_of(self);
  if (arguments[0].is_null()) {
    if (S != Side::kRight) text = py::lstrip(text);
    if (S != Side::kLeft) text = py::rstrip(text);
    return like(self, std::string(text));
  }
  if (!is_text(arguments[0])) {
    const std::string name = S == Side::kBoth ? "strip" : S == Side::kLeft ? "lstrip" : "rstrip";
    return type_error(name + " arg must be None or str");
  }
  SQ_CHECK(rt.charge(text.size() / 8));
  const std::u32string chars = py::decode(arguments[0].as_string());
  if (S != Side::kRight) text = py::lstrip(text, chars);
  if (S != Side::kLeft) text = py::rstrip(text, chars);
  return like(self, std::string(text));
}

template <std::string (*Pad)(std::string_view, size_t, std::string_view)>
Result<Value> pad(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const int64_t width, to_index(rt, arguments[0]));
  const Value fill = arguments.value_or(1, Value(" "));
  if (!is_text(fill)) {
    return type_error("The fill character must be a unicode character, not " + std::string(rt.type_name(fill)));
  }
  if (utf8_length(fill.as_string()) != 1) return type_error("The fill character must be exactly one character long");
  SQ_CHECK(rt.charge_text(width > 0 ? static_cast<size_t>(width) * fill.size() : 0));
  return like(self, Pad(text_of(self), width > 0 ? static_cast<size_t>(width) : 0, fill.as_string()));
}

Result<Value> zero_fill(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const int64_t width, to_index(rt, arguments[0]));
  SQ_CHECK(rt.charge_text(width > 0 ? static_cast<size_t>(width) : 0));
  const std::string_view text = text_of(self);
  const auto length = static_cast<int64_t>(utf8_length(text));
  if (width <= length) return like(self, std::string(text));
  const size_t sign = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  const std::string zeros(static_cast<size_t>(width - length), '0');
  return like(self, std::string(text.substr(0, sign)) + zeros + std::string(text.substr(sign)));
}

Result<Value> replace(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const std::string_view from, text_argument(rt, arguments[0], "replace", 1));
  std::string escaped;  // of a Markup, which takes any value and escapes it
  std::string_view to;
  if (self.kind() == Kind::kMarkup && arguments[1].kind() != Kind::kMarkup) {
    SQ_TRY(escaped, rt.str(arguments[1]));
    escaped = py::html_escape(escaped);
    to = escaped;
  } else {
    SQ_TRY(to, text_argument(rt, arguments[1], "replace", 2));
  }
  SQ_TRY(const int64_t count, count_argument(rt, arguments, 2, -1));
  // The worst case beforehand: each match grows by the new text.
  const size_t matches = from.empty() ? self.size() + 1 : self.size() / from.size();
  if (to.size() > from.size() && matches > kTextBytesMax / (to.size() - from.size() + 1)) {
    return py::limit_error("a replacement may exceed kTextBytesMax");
  }
  std::string text = py::replace(text_of(self), from, to, count);
  SQ_CHECK(rt.charge_text(text.size()));
  return like(self, std::move(text));
}

Result<Value> remove_prefix(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const std::string_view prefix, text_argument(rt, arguments[0], "removeprefix", 1));
  const std::string_view text = text_of(self);
  return like(self, std::string(text.starts_with(prefix) ? text.substr(prefix.size()) : text));
}

Result<Value> remove_suffix(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const std::string_view suffix, text_argument(rt, arguments[0], "removesuffix", 1));
  const std::string_view text = text_of(self);
  return like(self, std::string(text.ends_with(suffix) ? text.substr(0, text.size() - suffix.size()) : text));
}

Result<Value> expand_tabs(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const int64_t size, count_argument(rt, arguments, 0, 8));
  std::u32string out;
  size_t column = 0;
  for (const char32_t c : py::decode(text_of(self))) {
    if (c == '\t') {
      const size_t blanks = size > 0 ? static_cast<size_t>(size) - column % static_cast<size_t>(size) : 0;
      SQ_CHECK(rt.charge_text(out.size() + blanks));
      out.append(blanks, U' ');
      column += blanks;
      continue;
    }
    out.push_back(c);
    column = c == '\n' || c == '\r' ? 0 : column + 1;
  }
  return like(self, py::encode(out));
}

// --- Searching ------------------------------------------------------------------------------------------------------

// The part of the text that start and end (arguments 1 and 2) leave, and where it begins in characters.
struct Part {
  std::string_view text;
  int64_t offset = 0;
  bool valid = true;  // false: start lies behind the end
};

Result<Part> part_of(Runtime& rt, const Value& self, const Bound& arguments) {
  const std::string_view text = text_of(self);
  Part part{text};
  if (arguments[1].is_null() && arguments[2].is_null()) return part;
  const auto length = static_cast<int64_t>(utf8_length(text));
  int64_t start = 0;
  int64_t end = length;
  if (!arguments[1].is_null()) {
    SQ_TRY(start, to_index(rt, arguments[1]));
  }
  if (!arguments[2].is_null()) {
    SQ_TRY(end, to_index(rt, arguments[2]));
  }
  if (start < 0) start = std::max<int64_t>(0, start + length);
  if (end < 0) end = std::max<int64_t>(0, end + length);
  end = std::min(end, length);
  part.offset = start;
  part.valid = start <= end;
  if (!part.valid) return part;
  const size_t from = py::byte_offset(text, static_cast<size_t>(start));
  const size_t to = py::byte_offset(text, static_cast<size_t>(end));
  part.text = text.substr(from, to - from);
  return part;
}

template <bool FromRight>
Result<int64_t> find_in(Runtime& rt, const Value& self, const Bound& arguments) {
  if (!is_text(arguments[0])) return type_error("must be str, not " + std::string(rt.type_name(arguments[0])));
  SQ_TRY(const Part part, part_of(rt, self, arguments));
  SQ_CHECK(rt.charge(self.size() / 16));
  if (!part.valid) return -1;
  const std::string_view wanted = arguments[0].as_string();
  const size_t at = FromRight ? part.text.rfind(wanted) : part.text.find(wanted);
  if (at == std::string_view::npos) return -1;
  return part.offset + static_cast<int64_t>(utf8_length(part.text.substr(0, at)));
}

template <bool FromRight>
Result<Value> find(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const int64_t at, find_in<FromRight>(rt, self, arguments));
  return Value(at);
}

template <bool FromRight>
Result<Value> index(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const int64_t at, find_in<FromRight>(rt, self, arguments));
  if (at < 0) return value_error("substring not found");
  return Value(at);
}

Result<Value> count(Runtime& rt, const Value& self, const Bound& arguments) {
  if (!is_text(arguments[0])) return type_error("must be str, not " + std::string(rt.type_name(arguments[0])));
  SQ_TRY(const Part part, part_of(rt, self, arguments));
  if (!part.valid) return Value(0);
  const std::string_view wanted = arguments[0].as_string();
  if (wanted.empty()) return Value(static_cast<int64_t>(utf8_length(part.text)) + 1);
  int64_t found = 0;
  for (size_t at = part.text.find(wanted); at != std::string_view::npos;
       at = part.text.find(wanted, at + wanted.size())) {
    ++found;
  }
  return Value(found);
}

template <bool AtEnd>
Result<Value> has_affix(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(const Part part, part_of(rt, self, arguments));
  const auto fits = [&](const Value& affix) {
    return part.valid && (AtEnd ? part.text.ends_with(affix.as_string()) : part.text.starts_with(affix.as_string()));
  };
  if (is_text(arguments[0])) return Value(fits(arguments[0]));
  const std::string name = AtEnd ? "endswith" : "startswith";
  if (arguments[0].kind() != Kind::kTuple) {
    return type_error(name + " first arg must be str or a tuple of str, not " +
                      std::string(rt.type_name(arguments[0])));
  }
  for (const Value& affix : arguments[0].as_list()) {
    if (!is_text(affix))
      return type_error("tuple for " + name + " must only contain str, not " + std::string(rt.type_name(affix)));
    if (fits(affix)) return Value(true);
  }
  return Value(false);
}

// --- Encoding and formatting -----------------------------------------------------------------------------------------

Result<Value> encode(Runtime&, const Value& self, const Bound& arguments) {
  std::string encoding = squall::to_lower(arguments.value_or(0, Value("utf-8")).string_or(""));
  std::replace(encoding.begin(), encoding.end(), '_', '-');
  const std::string errors(arguments.value_or(1, Value("strict")).string_or(""));
  if (encoding == "utf-8" || encoding == "utf8") return Value::bytes(std::string(text_of(self)));
  const bool latin = encoding == "latin-1" || encoding == "latin1" || encoding == "iso-8859-1";
  if (!latin && encoding != "ascii" && encoding != "us-ascii") {
    return raise("LookupError", "unknown encoding: " + std::string(arguments[0].string_or("")));
  }
  std::string out;
  size_t position = 0;
  for (const char32_t c : py::decode(text_of(self))) {
    if (c < (latin ? 0x100U : 0x80U)) {
      out.push_back(static_cast<char>(c));
    } else if (errors == "replace") {
      out.push_back('?');
    } else if (errors == "xmlcharrefreplace") {
      out += "&#" + std::to_string(static_cast<uint32_t>(c)) + ";";
    } else if (errors == "backslashreplace") {
      char escape[16];
      std::snprintf(escape, sizeof escape,
                    c < 0x100     ? "\\x%02x"
                    : c < 0x10000 ? "\\u%04x"
                                  : "\\U%08x",
                    static_cast<unsigned>(c));
      out += escape;
    } else if (errors != "ignore") {
      return raise("UnicodeEncodeError", "'" + std::string(latin ? "latin-1" : "ascii") +
                                             "' codec can't encode character at position " + std::to_string(position) +
                                             ": ordinal not in range(" + (latin ? "256" : "128") + ")");
    }
    ++position;
  }
  return Value::bytes(std::move(out));
}

Result<Value> translate(Runtime& rt, const Value& self, const Bound& arguments) {
  std::string out;
  for (const char32_t c : py::decode(text_of(self))) {
    SQ_CHECK(rt.charge());
    SQ_TRY(const auto found, rt.find_item(arguments[0], Value(static_cast<int64_t>(c))));
    if (!found) {
      append_utf8(out, c);
    } else if (py::is_integer(*found)) {
      append_utf8(out, static_cast<char32_t>(py::to_int64(*found).value_or(0xfffd)));
    } else if (!found->is_null()) {
      SQ_TRY(const std::string text, rt.str(*found));
      out += text;
    }
    SQ_CHECK(rt.charge_text(out.size()));
  }
  return like(self, std::move(out));
}

Result<Value> format(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(std::string text, str_format(rt, text_of(self), arguments.rest, Value(arguments.keywords)));
  return like(self, std::move(text));
}

Result<Value> format_map(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(std::string text, str_format(rt, text_of(self), {}, arguments[0]));
  return like(self, std::move(text));
}

}  // namespace

std::span<const Method> str_methods() {
  static const Method kMethods[] = {
      {"capitalize", Signature("str.capitalize:"), change<py::capitalize>},
      {"casefold", Signature("str.casefold:"), change<py::lower>},
      {"center", Signature("str.center: width fillchar?"), pad<py::center>},
      {"count", Signature("str.count: sub start? end?"), count},
      {"encode", Signature("str.encode: encoding?= errors?="), encode},
      {"endswith", Signature("str.endswith: suffix start? end?"), has_affix<true>},
      {"expandtabs", Signature("str.expandtabs: tabsize?="), expand_tabs},
      {"find", Signature("str.find: sub start? end?"), find<false>},
      {"format", Signature("format: *"), format},
      {"format_map", Signature("str.format_map: mapping"), format_map},
      {"index", Signature("str.index: sub start? end?"), index<false>},
      {"isalnum", Signature("str.isalnum:"), all_are<is_alnum>},
      {"isalpha", Signature("str.isalpha:"), all_are<py::is_alpha>},
      {"isascii", Signature("str.isascii:"), is_ascii},
      {"isdecimal", Signature("str.isdecimal:"), all_are<is_decimal>},
      {"isdigit", Signature("str.isdigit:"), all_are<py::is_digit>},
      {"isidentifier", Signature("str.isidentifier:"), is_identifier},
      {"islower", Signature("str.islower:"), cased<py::is_lower, py::is_upper>},
      {"isnumeric", Signature("str.isnumeric:"), all_are<py::is_digit>},
      {"isprintable", Signature("str.isprintable:"), is_printable},
      {"isspace", Signature("str.isspace:"), all_are<py::is_space>},
      {"istitle", Signature("str.istitle:"), is_title},
      {"isupper", Signature("str.isupper:"), cased<py::is_upper, py::is_lower>},
      {"join", Signature("str.join: iterable"), join},
      {"ljust", Signature("str.ljust: width fillchar?"), pad<py::left_justify>},
      {"lower", Signature("str.lower:"), change<py::lower>},
      {"lstrip", Signature("str.lstrip: chars?"), strip<Side::kLeft>},
      {"partition", Signature("str.partition: sep"), partition<false>},
      {"removeprefix", Signature("str.removeprefix: prefix"), remove_prefix},
      {"removesuffix", Signature("str.removesuffix: suffix"), remove_suffix},
      {"replace", Signature("str.replace: old new count?"), replace},
      {"rfind", Signature("str.rfind: sub start? end?"), find<true>},
      {"rindex", Signature("str.rindex: sub start? end?"), index<true>},
      {"rjust", Signature("str.rjust: width fillchar?"), pad<py::right_justify>},
      {"rpartition", Signature("str.rpartition: sep"), partition<true>},
      {"rsplit", Signature("str.rsplit: sep?= maxsplit?="), split<true>},
      {"rstrip", Signature("str.rstrip: chars?"), strip<Side::kRight>},
      {"split", Signature("str.split: sep?= maxsplit?="), split<false>},
      {"splitlines", Signature("str.splitlines: keepends?="), split_lines},
      {"startswith", Signature("str.startswith: prefix start? end?"), has_affix<false>},
      {"strip", Signature("str.strip: chars?"), strip<Side::kBoth>},
      {"swapcase", Signature("str.swapcase:"), change<py::swap_case>},
      {"title", Signature("str.title:"), change<py::title>},
      {"translate", Signature("str.translate: table"), translate},
      {"upper", Signature("str.upper:"), change<py::upper>},
      {"zfill", Signature("str.zfill: width"), zero_fill},
  };
  return kMethods;
}

}  // namespace squall::expr::jinja
