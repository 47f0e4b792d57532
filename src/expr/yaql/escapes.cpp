#include "expr/yaql/escapes.hpp"

#include <optional>
#include <utility>

#include "base/strings.hpp"

namespace squall::expr::yaql {

namespace {

constexpr std::u32string_view kSimple = U"\\'\"abfnrtv";
constexpr std::u32string_view kMeaning = U"\\'\"\a\b\f\n\r\t\v";

int hex_value(char32_t c) {
  if (c >= U'0' && c <= U'9') return static_cast<int>(c - U'0');
  if (c >= U'a' && c <= U'f') return static_cast<int>(c - U'a') + 10;
  if (c >= U'A' && c <= U'F') return static_cast<int>(c - U'A') + 10;
  return -1;
}

struct Escape {
  char32_t character;
  size_t size;  // code points, with the backslash
};

std::optional<Escape> hex_escape(std::u32string_view text, size_t digits) {
  if (text.size() < 2 + digits) return std::nullopt;
  char32_t value = 0;
  for (const char32_t c : text.substr(2, digits)) {
    const int digit = hex_value(c);
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<char32_t>(digit);
  }
  if (value > 0x10ffff) return std::nullopt;
  return Escape{value, 2 + digits};
}

std::optional<Escape> read_escape(std::u32string_view text) {
  if (text.size() < 2) return std::nullopt;
  const char32_t letter = text[1];
  if (letter == U'x') return hex_escape(text, 2);
  if (letter == U'u') return hex_escape(text, 4);
  if (letter == U'U') return hex_escape(text, 8);
  if (letter >= U'0' && letter <= U'7') {
    char32_t value = 0;
    size_t end = 1;
    while (end < text.size() && end < 4 && text[end] >= U'0' && text[end] <= U'7')
      value = value * 8 + (text[end++] - U'0');
    return Escape{value, end};
  }
  const size_t index = kSimple.find(letter);
  if (index == std::u32string_view::npos) return std::nullopt;
  return Escape{kMeaning[index], 2};
}

}  // namespace

std::string decode_escapes(std::u32string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const auto escape = text[at] == U'\\' ? read_escape(text.substr(at)) : std::nullopt;
    append_utf8(out, escape ? escape->character : text[at]);
    at += escape ? escape->size : 1;
  }
  return out;
}

}  // namespace squall::expr::yaql
