#include "text/regex_emit.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/strings.hpp"
#include "text/regex_scan.hpp"

namespace squall::regex {
namespace {

using Range = std::pair<char32_t, char32_t>;
constexpr char32_t kLast = 0x10FFFF;

// str.isspace() of CPython 3.11 (Unicode 14). PCRE2's \s has U+180E and lacks U+001C to U+001F.
constexpr std::array kSpaces = {
    Range{0x9, 0xD},       Range{0x1C, 0x20},     Range{0x85, 0x85},     Range{0xA0, 0xA0},     Range{0x1680, 0x1680},
    Range{0x2000, 0x200A}, Range{0x2028, 0x2029}, Range{0x202F, 0x202F}, Range{0x205F, 0x205F}, Range{0x3000, 0x3000}};
constexpr std::array kAsciiSpaces = {Range{0x9, 0xD}, Range{0x20, 0x20}};
constexpr std::array kAsciiDigits = {Range{'0', '9'}};
constexpr std::array kAsciiWord = {Range{'0', '9'}, Range{'A', 'Z'}, Range{'_', '_'}, Range{'a', 'z'}};

// Characters that are equal for CPython's re.IGNORECASE but not for PCRE2 10.42 (found by comparing all pairs).
constexpr std::array<std::u32string_view, 4> kMoreEquals = {U"Ii\u0130\u0131", U"\u0390\u1FD3", U"\u03B0\u1FE3",
                                                            U"\uFB05\uFB06"};

bool is_surrogate(char32_t ch) { return ch >= 0xD800 && ch <= 0xDFFF; }

void append_char(std::string& out, char32_t ch) {
  if (ch < 0x20 || ch == 0x7F) {
    char text[16];
    std::snprintf(text, sizeof text, "\\x{%x}", static_cast<unsigned>(ch));
    out += text;
    return;
  }
  const bool word = (ch >= '0' && ch <= '9') || is_ascii_letter(ch) || ch == '_' || ch == ' ' || ch >= 0x80;
  if (!word) out.push_back('\\');
  append_utf8(out, ch);
}

// UTF-8 has no surrogates, so PCRE2 refuses them and no text can hold one: they are cut out of a range.
void append_range(std::string& out, char32_t lo, char32_t hi) {
  if (is_surrogate(lo)) lo = 0xE000;
  if (is_surrogate(hi)) hi = 0xD7FF;
  if (lo > hi) return;
  append_char(out, lo);
  if (lo == hi) return;
  out.push_back('-');
  append_char(out, hi);
}

template <typename Ranges>
void append_ranges(std::string& out, const Ranges& ranges, bool complement) {
  char32_t next = 0;
  for (const auto& [lo, hi] : ranges) {
    if (!complement) append_range(out, lo, hi);
    if (complement && lo > next) append_range(out, next, lo - 1);
    next = hi + 1;
  }
  if (complement) append_range(out, next, kLast);
}

void append_category(std::string& out, char category, const Flags& flags) {
  const char kind = static_cast<char>(category | 0x20);
  const bool complement = category != kind;
  if (kind == 's') {
    if (flags.ascii) return append_ranges(out, kAsciiSpaces, complement);
    return append_ranges(out, kSpaces, complement);
  }
  if (!flags.ascii) {
    out.push_back('\\');
    out.push_back(category);
  } else if (kind == 'd') {
    append_ranges(out, kAsciiDigits, complement);
  } else {
    append_ranges(out, kAsciiWord, complement);
  }
}

void append_case_variants(std::string& out, const SetItem& item, const Flags& flags) {
  if (!flags.ignore_case || item.category != 0) return;
  if (flags.ascii) {
    for (const auto& [first, last, other] : {std::tuple{U'a', U'z', -32}, std::tuple{U'A', U'Z', 32}}) {
      const char32_t lo = std::max(item.lo, first);
      const char32_t hi = std::min(item.hi, last);
      if (lo <= hi) append_range(out, lo + other, hi + other);
    }
    return;
  }
  for (const std::u32string_view equals : kMoreEquals) {
    const bool hit =
        std::any_of(equals.begin(), equals.end(), [&](char32_t ch) { return ch >= item.lo && ch <= item.hi; });
    if (!hit) continue;
    for (const char32_t ch : equals) append_char(out, ch);
  }
}

constexpr std::string_view kAsciiWordClass = "[0-9A-Z_a-z]";

std::string ascii_boundary(bool at_boundary) {
  const std::string word(kAsciiWordClass);
  const std::string before = at_boundary ? "(?<!" : "(?<=";
  return "(?:" + before + word + ")(?=" + word + ")|" + (at_boundary ? "(?<=" : "(?<!") + word + ")(?!" + word + "))";
}

}  // namespace

std::string emit_literal(char32_t ch, const Flags& flags) {
  const SetItem item{ch, ch, 0};
  std::string variants;
  append_case_variants(variants, item, flags);
  if (!variants.empty() || is_surrogate(ch)) return emit_set({item}, false, flags);
  std::string out;
  append_char(out, ch);
  return out;
}

std::string emit_set(const std::vector<SetItem>& items, bool negated, const Flags& flags) {
  std::string members;
  for (const SetItem& item : items) {
    if (item.category != 0) {
      append_category(members, item.category, flags);
    } else {
      append_range(members, item.lo, item.hi);
      append_case_variants(members, item, flags);
    }
  }
  if (members.empty()) return negated ? "." : kNever;  // nothing but surrogates
  return (negated ? "[^" : "[") + members + "]";
}

std::string emit_any(const Flags& flags) { return flags.dot_all ? "." : "[^\\n]"; }
std::string emit_caret(const Flags& flags) { return flags.multi_line ? "^" : "\\A"; }
// PCRE2's \Z is Python's '$': the end, or before a newline that ends the text.
std::string emit_dollar(const Flags& flags) { return flags.multi_line ? "$" : "\\Z"; }

std::string emit_assertion(char letter, const Flags& flags) {
  switch (letter) {
    case 'A': return "\\A";
    case 'Z': return "\\z";
    case 'b': return flags.ascii ? ascii_boundary(true) : "\\b";
    // CPython before 3.14 finds no \B in an empty text.
    default: return (flags.ascii ? ascii_boundary(false) : "\\B") + std::string("(?!\\A\\z)");
  }
}

}  // namespace squall::regex
