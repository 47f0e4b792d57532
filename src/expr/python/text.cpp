#include "expr/python/text.hpp"

#include <wctype.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <iterator>

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "value/unicode_text.hpp"

namespace squall::expr::py {

namespace {

// glibc has C.UTF-8 built in; the process's own locale plays no part.
locale_t unicode() {
  static const locale_t locale = [] {
    const locale_t made = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    SQ_ASSERT(made != nullptr);
    return made;
  }();
  return locale;
}

wint_t wide(char32_t c) { return static_cast<wint_t>(c); }

// First digits of the scripts that have decimal digits (Unicode category Nd), ten each.
constexpr char32_t kDecimalZeros[] = {
    0x30,   0x660,  0x6f0,  0x7c0,  0x966,  0x9e6,  0xa66,  0xae6,  0xb66,  0xbe6,  0xc66,   0xce6,   0xd66,
    0xde6,  0xe50,  0xed0,  0xf20,  0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80,  0x1a90,  0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,  0x104a0, 0x11066,
    0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x16a60, 0x16b50,
    0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
};

struct Expansion {
  char32_t from;
  std::u32string_view upper;
};
// SpecialCasing.txt: characters whose upper case is several. The title case keeps the first and lowers the rest.
constexpr Expansion kUpperExpansions[] = {
    {0xdf, U"SS"},          {0x149, U"\u02bcN"},    {0x1f0, U"J\u030c"},   {0x390, U"\u0399\u0308\u0301"},
    {0x3b0, U"\u03a5\u0308\u0301"}, {0x587, U"\u0535\u0552"}, {0x1e96, U"H\u0331"},  {0x1e97, U"T\u0308"},
    {0x1e98, U"W\u030a"},   {0x1e99, U"Y\u030a"},   {0x1e9a, U"A\u02be"},  {0xfb00, U"FF"},
    {0xfb01, U"FI"},        {0xfb02, U"FL"},        {0xfb03, U"FFI"},      {0xfb04, U"FFL"},
    {0xfb05, U"ST"},        {0xfb06, U"ST"},        {0xfb13, U"\u0544\u0546"}, {0xfb14, U"\u0544\u0535"},
    {0xfb15, U"\u0544\u053b"}, {0xfb16, U"\u054e\u0546"}, {0xfb17, U"\u0544\u053d"},
};

const Expansion* find_expansion(char32_t c) {
  if (c < 0xdf) return nullptr;
  for (const Expansion& expansion : kUpperExpansions) {
    if (expansion.from == c) return &expansion;
  }
  return nullptr;
}

char32_t simple_upper(char32_t c) { return static_cast<char32_t>(towupper_l(wide(c), unicode())); }
char32_t simple_lower(char32_t c) { return static_cast<char32_t>(towlower_l(wide(c), unicode())); }

void append_upper(std::u32string& out, char32_t c) {
  if (const Expansion* expansion = find_expansion(c)) {
    out += expansion->upper;
  } else {
    out.push_back(simple_upper(c));
  }
}

// The sigma at `at` is final: a letter stands before it and none after.
bool is_final_sigma(std::u32string_view text, size_t at) {
  const auto is_ignorable = [](char32_t c) { return c == '\'' || c == 0xad || (c >= 0x300 && c <= 0x36f); };
  size_t before = at;
  while (before > 0 && is_ignorable(text[before - 1])) --before;
  if (before == 0 || !is_alpha(text[before - 1])) return false;
  size_t after = at + 1;
  while (after < text.size() && is_ignorable(text[after])) ++after;
  return after == text.size() || !is_alpha(text[after]);
}

void append_lower(std::u32string& out, std::u32string_view text, size_t at) {
  const char32_t c = text[at];
  if (c == 0x130) {
    out += U"i\u0307";
  } else if (c == 0x3a3) {
    out.push_back(is_final_sigma(text, at) ? 0x3c2 : 0x3c3);
  } else {
    out.push_back(simple_lower(c));
  }
}

void append_title(std::u32string& out, char32_t c) {
  // The digraphs DZ, LJ, NJ come as triples upper, title, lower.
  if (c >= 0x1c4 && c <= 0x1cc) {
    out.push_back(c - (c - 0x1c4) % 3 + 1);
  } else if (c >= 0x1f1 && c <= 0x1f3) {
    out.push_back(0x1f2);
  } else if (const Expansion* expansion = find_expansion(c)) {
    out.push_back(expansion->upper.front());
    for (const char32_t rest : expansion->upper.substr(1)) out.push_back(c == 0x149 ? rest : simple_lower(rest));
  } else {
    out.push_back(simple_upper(c));
  }
}

template <typename F>
std::string map_ascii(std::string_view text, F change) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), change);
  return out;
}

char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Where the last character of `text` starts.
size_t last_character(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

template <typename Predicate>
std::string_view strip_left_if(std::string_view text, Predicate drop) {
  while (!text.empty()) {
    size_t next = 0;
    if (!drop(next_python_char(text, next))) break;
    text.remove_prefix(next);
  }
  return text;
}

template <typename Predicate>
std::string_view strip_right_if(std::string_view text, Predicate drop) {
  while (!text.empty()) {
    const size_t last = last_character(text);
    size_t next = last;
    if (!drop(next_python_char(text, next))) break;
    text = text.substr(0, last);
  }
  return text;
}

std::string repeat(std::string_view unit, size_t count) {
  std::string out;
  out.reserve(unit.size() * count);
  for (size_t i = 0; i < count; ++i) out += unit;
  return out;
}

}  // namespace

bool is_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
         c == 0x202f || c == 0x205f || c == 0x3000;
}

int decimal_value(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9' ? static_cast<int>(c - '0') : -1;
  const auto* above = std::upper_bound(std::begin(kDecimalZeros), std::end(kDecimalZeros), c);
  const char32_t zero = *(above - 1);
  return c - zero < 10 ? static_cast<int>(c - zero) : -1;
}

bool is_digit(char32_t c) {
  return decimal_value(c) >= 0 || c == 0xb2 || c == 0xb3 || c == 0xb9 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079) ||
         (c >= 0x2080 && c <= 0x2089) || (c >= 0x2460 && c <= 0x2468);
}

bool is_alpha(char32_t c) {
  if (c < 0x80) return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
  return iswalpha_l(wide(c), unicode()) != 0 && decimal_value(c) < 0;
}

bool is_word(char32_t c) { return c == '_' || is_alpha(c) || is_digit(c); }
bool is_upper(char32_t c) { return iswupper_l(wide(c), unicode()) != 0 && !is_title(c); }
bool is_lower(char32_t c) { return iswlower_l(wide(c), unicode()) != 0 && !is_title(c); }
bool is_title(char32_t c) { return c == 0x1c5 || c == 0x1c8 || c == 0x1cb || c == 0x1f2; }

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

std::u32string decode(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) out.push_back(next_python_char(text, at));
  return out;
}

std::string encode(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : text) append_utf8(out, c);
  return out;
}

std::string upper(std::string_view text) {
  if (is_ascii(text)) return map_ascii(text, ascii_upper);
  std::u32string out;
  for (const char32_t c : decode(text)) append_upper(out, c);
  return encode(out);
}

std::string lower(std::string_view text) {
  if (is_ascii(text)) return map_ascii(text, ascii_lower);
  const std::u32string wide_text = decode(text);
  std::u32string out;
  for (size_t i = 0; i < wide_text.size(); ++i) append_lower(out, wide_text, i);
  return encode(out);
}

std::string capitalize(std::string_view text) {
  const std::u32string wide_text = decode(text);
  std::u32string out;
  for (size_t i = 0; i < wide_text.size(); ++i) {
    if (i == 0) {
      append_title(out, wide_text[i]);
    } else {
      append_lower(out, wide_text, i);
    }
  }
  return encode(out);
}

std::string title(std::string_view text) {
  const std::u32string wide_text = decode(text);
  std::u32string out;
  bool inside = false;
  for (size_t i = 0; i < wide_text.size(); ++i) {
    const char32_t c = wide_text[i];
    if (inside) {
      append_lower(out, wide_text, i);
    } else {
      append_title(out, c);
    }
    inside = is_upper(c) || is_lower(c) || is_title(c);
  }
  return encode(out);
}

std::string swap_case(std::string_view text) {
  const std::u32string wide_text = decode(text);
  std::u32string out;
  for (size_t i = 0; i < wide_text.size(); ++i) {
    if (is_upper(wide_text[i])) {
      append_lower(out, wide_text, i);
    } else {
      append_upper(out, wide_text[i]);
    }
  }
  return encode(out);
}

std::string_view lstrip(std::string_view text) { return strip_left_if(text, is_space); }
std::string_view rstrip(std::string_view text) { return strip_right_if(text, is_space); }
std::string_view strip(std::string_view text) { return lstrip(rstrip(text)); }

std::string_view lstrip(std::string_view text, std::u32string_view chars) {
  return strip_left_if(text, [&](char32_t c) { return chars.find(c) != std::u32string_view::npos; });
}
std::string_view rstrip(std::string_view text, std::u32string_view chars) {
  return strip_right_if(text, [&](char32_t c) { return chars.find(c) != std::u32string_view::npos; });
}

std::vector<std::string_view> split_blanks(std::string_view text, int64_t splits_max) {
  std::vector<std::string_view> parts;
  text = lstrip(text);
  while (!text.empty()) {
    if (splits_max >= 0 && static_cast<int64_t>(parts.size()) == splits_max) {
      parts.push_back(text);  // blanks at the end stay, as in Python
      break;
    }
    const std::string_view rest = strip_left_if(text, [](char32_t c) { return !is_space(c); });
    parts.push_back(text.substr(0, text.size() - rest.size()));
    text = lstrip(rest);
  }
  return parts;
}

std::vector<std::string_view> rsplit_blanks(std::string_view text, int64_t splits_max) {
  std::vector<std::string_view> parts;
  text = rstrip(text);
  while (!text.empty()) {
    if (splits_max >= 0 && static_cast<int64_t>(parts.size()) == splits_max) {
      parts.push_back(text);
      break;
    }
    const std::string_view rest = strip_right_if(text, [](char32_t c) { return !is_space(c); });
    parts.push_back(text.substr(rest.size()));
    text = rstrip(rest);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator, int64_t splits_max) {
  std::vector<std::string_view> parts;
  while (splits_max < 0 || static_cast<int64_t>(parts.size()) < splits_max) {
    const size_t found = text.find(separator);
    if (found == std::string_view::npos) break;
    parts.push_back(text.substr(0, found));
    text.remove_prefix(found + separator.size());
  }
  parts.push_back(text);
  return parts;
}

std::vector<std::string_view> rsplit(std::string_view text, std::string_view separator, int64_t splits_max) {
  std::vector<std::string_view> parts;
  while (splits_max < 0 || static_cast<int64_t>(parts.size()) < splits_max) {
    const size_t found = text.rfind(separator);
    if (found == std::string_view::npos) break;
    parts.push_back(text.substr(found + separator.size()));
    text = text.substr(0, found);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t line_end = at;
    const char32_t c = next_python_char(text, at);
    const bool is_break = (c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
    if (!is_break) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(start, (keep_ends ? at : line_end) - start));
    start = at;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

std::string replace(std::string_view text, std::string_view from, std::string_view to, int64_t count_max) {
  std::string out;
  int64_t count = 0;
  const auto more = [&] { return count_max < 0 || count < count_max; };
  size_t at = 0;
  if (from.empty()) {
    while (more()) {
      out += to;
      ++count;
      if (at == text.size()) break;
      const size_t start = at;
      next_python_char(text, at);
      out += text.substr(start, at - start);
    }
    return out.append(text.substr(std::min(at, text.size())));
  }
  while (more()) {
    const size_t found = text.find(from, at);
    if (found == std::string_view::npos) break;
    out += text.substr(at, found - at);
    out += to;
    at = found + from.size();
    ++count;
  }
  return out.append(text.substr(at));
}

std::string center(std::string_view text, size_t width, std::string_view fill) {
  const size_t length = utf8_length(text);
  if (width <= length) return std::string(text);
  // CPython's rounding: the odd blank goes left when the width is odd too.
  const size_t padding = width - length;
  const size_t left = padding / 2 + (padding & width & 1);
  return repeat(fill, left) + std::string(text) + repeat(fill, padding - left);
}

std::string left_justify(std::string_view text, size_t width, std::string_view fill) {
  const size_t length = utf8_length(text);
  return width <= length ? std::string(text) : std::string(text) + repeat(fill, width - length);
}

std::string right_justify(std::string_view text, size_t width, std::string_view fill) {
  const size_t length = utf8_length(text);
  return width <= length ? std::string(text) : repeat(fill, width - length) + std::string(text);
}

size_t byte_offset(std::string_view text, size_t character) {
  size_t at = 0;
  while (character > 0 && at < text.size()) {
    next_python_char(text, at);
    --character;
  }
  return at;
}

std::string html_escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&#34;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

}  // namespace squall::expr::py
