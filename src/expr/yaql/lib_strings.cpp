// Texts. Positions and lengths count characters.
#include <algorithm>

#include "expr/python/text.hpp"
#include "expr/yaql/runtime.hpp"
#include "value/python.hpp"

namespace squall::expr::yaql {

namespace {

Result<Value> made(Runtime& rt, std::string text) {
  SQ_CHECK(rt.charge_text(text.size()));
  return Value(std::move(text));
}

Result<Value> concat(Call& c) {
  std::string out;
  for (const Arg& arg : c.rest) out += arg.value.as_string();
  return made(c.rt, std::move(out));
}

Result<Value> to_upper(Call& c) { return made(c.rt, py::upper(c.text(0))); }
Result<Value> to_lower(Call& c) { return made(c.rt, py::lower(c.text(0))); }

Result<Value> length(Call& c) {
  const std::string_view text = c.text(0);
  return Value(py::is_ascii(text) ? text.size() : py::decode(text).size());
}

template <bool Right>
Result<Value> split(Call& c) {
  SQ_TRY(const int64_t splits_max, c.integer(2));
  std::vector<std::string_view> parts;
  if (c[1].is_null()) {
    parts = Right ? py::rsplit_blanks(c.text(0), splits_max) : py::split_blanks(c.text(0), splits_max);
  } else {
    if (c[1].empty()) return py::value_error("empty separator");
    parts = Right ? py::rsplit(c.text(0), c.text(1), splits_max) : py::split(c.text(0), c.text(1), splits_max);
  }
  SQ_CHECK(c.rt.charge_elements(parts.size()));
  List items;
  items.reserve(parts.size());
  for (const std::string_view part : parts) items.emplace_back(part);
  return make_list(std::move(items));
}

Result<std::string> yaql_str(Runtime& rt, const Value& value) {
  if (value.is_null()) return std::string("null");
  if (as<NoValue>(value) != nullptr) {
    return py::raise("NoMatchingFunctionException", "No function \"str\" matches supplied arguments");
  }
  if (value.is_bool()) return std::string(value.as_bool() ? "true" : "false");
  return rt.str(value);
}

Result<Value> join(Runtime& rt, const Value& sequence, std::string_view separator) {
  SQ_TRY(Cursor cursor, rt.iterate(sequence));
  std::string out;
  Value item;
  for (bool first = true;; first = false) {
    SQ_TRY(const bool more, cursor.next(rt, item));
    if (!more) break;
    if (!first) out += separator;
    SQ_TRY(const std::string text, yaql_str(rt, item));
    out += text;
    if (out.size() > kTextBytesMax) break;
  }
  return made(rt, std::move(out));
}

Result<Value> join_sequence(Call& c) { return join(c.rt, c[0], c.text(1)); }
Result<Value> join_text(Call& c) { return join(c.rt, c[1], c.text(0)); }

Result<Value> to_str(Call& c) {
  SQ_TRY(std::string text, yaql_str(c.rt, c[0]));
  return made(c.rt, std::move(text));
}

enum class Sides : uint8_t { kBoth, kLeft, kRight };

std::string_view strip(std::string_view text, const Value& characters, Sides sides) {
  if (characters.is_null()) {
    return sides == Sides::kBoth ? py::strip(text) : sides == Sides::kLeft ? py::lstrip(text) : py::rstrip(text);
  }
  const std::u32string set = py::decode(characters.as_string());
  if (sides != Sides::kRight) text = py::lstrip(text, set);
  return sides == Sides::kLeft ? text : py::rstrip(text, set);
}

template <Sides S>
Result<Value> trim(Call& c) {
  return Value(strip(c.text(0), c[1], S));
}

Result<Value> norm(Call& c) {
  if (c[0].is_null()) return Value();
  const std::string_view text = strip(c.text(0), c[1], Sides::kBoth);
  return text.empty() ? Value() : Value(text);
}

Result<Value> is_empty(Call& c) {
  if (c[0].is_null()) return Value(true);
  const std::string_view text = c.truth(1) ? strip(c.text(0), c[2], Sides::kBoth) : c.text(0);
  return Value(text.empty());
}

// str.replace() can make a long text out of short ones.
Result<std::string> replaced(Runtime& rt, std::string_view text, std::string_view from, std::string_view to,
                             int64_t count_max) {
  const size_t places = from.empty() ? text.size() + 1 : text.size() / from.size();
  const size_t times = count_max < 0 ? places : std::min<size_t>(places, static_cast<size_t>(count_max));
  if (to.size() > from.size()) {
    if (times > kTextBytesMax / to.size()) {
      // Only an estimate; what really comes out decides when the text may be short enough.
      size_t found = 0;
      for (size_t at = text.find(from); at != std::string_view::npos && found <= times; at = text.find(from, at + 1))
        ++found;
      if (found > kTextBytesMax / to.size()) return fail(rt.charge_text(SIZE_MAX / 2).error());
    }
  }
  std::string out = py::replace(text, from, to, count_max);
  SQ_CHECK(rt.charge_text(out.size()));
  return out;
}

Result<Value> replace(Call& c) {
  SQ_TRY(const int64_t count_max, c.integer(3));
  SQ_TRY(std::string out, replaced(c.rt, c.text(0), c.text(1), c.text(2), count_max));
  return Value(std::move(out));
}

Result<Value> replace_all_of(Call& c) {
  std::string text(c.text(0));
  const auto map = MapRef::of(c[1]);
  for (size_t i = 0; i < map->size(); ++i) {
    SQ_TRY(const int64_t count_max, c.integer(2));
    SQ_TRY(const std::string from, yaql_str(c.rt, map->key(i)));
    SQ_TRY(const std::string to, yaql_str(c.rt, map->value(i)));
    SQ_TRY(text, replaced(c.rt, text, from, to, count_max));
  }
  return Value(std::move(text));
}

// text[start:end] of Python.
std::u32string_view slice(std::u32string_view text, int64_t start, int64_t end) {
  const auto size = static_cast<int64_t>(text.size());
  const auto clamp = [size](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size); };
  start = clamp(start);
  end = std::max(clamp(end), start);
  return text.substr(static_cast<size_t>(start), static_cast<size_t>(end - start));
}

int64_t sum(int64_t a, int64_t b) {
  int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) return a > 0 ? INT64_MAX : INT64_MIN;
  return result;
}

Result<Value> substring(Call& c) {
  const std::u32string text = py::decode(c.text(0));
  const auto size = static_cast<int64_t>(text.size());
  int64_t start = c.clamped(1);
  int64_t count = c.clamped(2);
  if (count < 0) count = size;
  if (start < 0) start = sum(start, size);
  return made(c.rt, py::encode(slice(text, start, sum(start, count))));
}

// str.find(part, start, end), or rfind.
int64_t find(std::u32string_view text, std::u32string_view part, int64_t start, int64_t end, bool last) {
  const auto size = static_cast<int64_t>(text.size());
  if (end > size) end = size;
  if (end < 0) end = std::max<int64_t>(end + size, 0);
  if (start < 0) start = std::max<int64_t>(start + size, 0);
  if (start > end || end - start < static_cast<int64_t>(part.size())) return -1;
  const std::u32string_view inside = text.substr(static_cast<size_t>(start), static_cast<size_t>(end - start));
  const size_t at = last ? inside.rfind(part) : inside.find(part);
  return at == std::u32string_view::npos ? -1 : start + static_cast<int64_t>(at);
}

template <bool Last>
Result<Value> index_of(Call& c) {
  const int64_t start = c.clamped(2);
  return Value(find(py::decode(c.text(0)), py::decode(c.text(1)), start, INT64_MAX, Last));
}

template <bool Last>
Result<Value> index_of_within(Call& c) {
  const std::u32string text = py::decode(c.text(0));
  const auto size = static_cast<int64_t>(text.size());
  int64_t start = c.clamped(2);
  int64_t count = c.clamped(3);
  if (start < 0) start = sum(start, size);
  if (count < 0) count = sum(size, -std::max<int64_t>(start, -INT64_MAX));
  return Value(find(text, py::decode(c.text(1)), start, sum(start, count), Last));
}

Result<Value> to_char_array(Call& c) {
  SQ_TRY(List characters, c.rt.to_list(c[0]));
  return Value::tuple(std::move(characters));
}

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
constexpr std::string_view kWhitespace = " \t\n\r\v\f";

Result<Value> characters(Call& c) {
  std::string all;
  const auto add = [&](size_t index, std::initializer_list<std::string_view> sets) {
    if (!c.truth(index)) return;
    for (const std::string_view set : sets) all += set;
  };
  add(0, {kDigits});
  add(1, {kHexDigits});
  add(2, {kLower});
  add(3, {kUpper});
  add(4, {kLower, kUpper});
  add(6, {kDigits.substr(0, 8)});
  add(7, {kPunctuation});
  add(8, {kDigits, kLower, kUpper, kPunctuation, kWhitespace});
  // These three went with Python 2.
  for (const auto& [index, name] : {std::pair(5, "letters"), std::pair(9, "lowercase"), std::pair(10, "uppercase")}) {
    if (!c.truth(static_cast<size_t>(index))) continue;
    return py::raise("AttributeError", std::string("module 'string' has no attribute '") + name + "'");
  }
  add(11, {kWhitespace});
  List items;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all.find(all[i]) == i) items.emplace_back(all.substr(i, 1));
  }
  return Value::tuple(std::move(items));
}

Result<Value> is_string(Call& c) { return Value(Runtime::is_text(c[0])); }

Result<Value> starts_with(Call& c) {
  return Value(std::any_of(c.rest.begin(), c.rest.end(),
                           [&](const Arg& arg) { return c.text(0).starts_with(arg.value.as_string()); }));
}

Result<Value> ends_with(Call& c) {
  return Value(std::any_of(c.rest.begin(), c.rest.end(),
                           [&](const Arg& arg) { return c.text(0).ends_with(arg.value.as_string()); }));
}

Result<Value> hex(Call& c) {
  if (!py::is_integer(c[0])) {
    return py::type_error("'" + std::string(c.rt.type_name(c[0])) + "' object cannot be interpreted as an integer");
  }
  return Value((py::is_negative(c[0]) ? "-0x" : "0x") + py::digits(c[0], 16));
}

}  // namespace

std::span<const Definition> string_functions() {
  static const Definition kFunctions[] = {
      {"concat *args:str", concat},
      {"#operator_+ *args:str", concat},
      {"toUpper string:str", to_upper, Use::kMethod},
      {"toLower string:str", to_lower, Use::kMethod},
      {"len string:str", length, Use::kBoth},
      {"split string:str separator:str?=null max_splits:int=-1", split<false>, Use::kMethod},
      {"rightSplit string:str separator:str?=null max_splits:int=-1", split<true>, Use::kMethod},
      {"join sequence:iterable separator:str", join_sequence, Use::kMethod},
      {"join separator:str sequence:iterable", join_text, Use::kMethod},
      {"str value", to_str},
      {"trim string:str chars:str?=null", trim<Sides::kBoth>, Use::kMethod},
      {"trimLeft string:str chars:str?=null", trim<Sides::kLeft>, Use::kMethod},
      {"trimRight string:str chars:str?=null", trim<Sides::kRight>, Use::kMethod},
      {"norm string:str? chars:str?=null", norm, Use::kBoth},
      {"isEmpty string:str? trim:bool=true chars:str?=null", is_empty, Use::kBoth},
      {"replace string:str old:str new:str count:int=-1", replace, Use::kMethod},
      {"replace string:str replacements:mapping count:int=-1", replace_all_of, Use::kMethod},
      {"substring string:str start:int length:int=-1", substring, Use::kMethod},
      {"indexOf string:str sub:str start:int=0", index_of<false>, Use::kMethod},
      {"indexOf string:str sub:str start:int length:int", index_of_within<false>, Use::kMethod},
      {"lastIndexOf string:str sub:str start:int=0", index_of<true>, Use::kMethod},
      {"lastIndexOf string:str sub:str start:int length:int", index_of_within<true>, Use::kMethod},
      {"toCharArray string:str", to_char_array, Use::kMethod},
      {"characters digits:bool?=false hexdigits:bool?=false ascii_lowercase:bool?=false ascii_uppercase:bool?=false "
       "ascii_letters:bool?=false letters:bool?=false octdigits:bool?=false punctuation:bool?=false "
       "printable:bool?=false lowercase:bool?=false uppercase:bool?=false whitespace:bool?=false",
       characters},
      {"isString arg", is_string},
      {"startsWith string:str *prefixes:str", starts_with, Use::kMethod},
      {"endsWith string:str *suffixes:str", ends_with, Use::kMethod},
      {"hex num:number?", hex},
  };
  return kFunctions;
}

}  // namespace squall::expr::yaql
