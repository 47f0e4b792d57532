// Writes single items of a pattern in PCRE2's syntax. PCRE2 is always run with UTF, UCP, DOTALL and MULTILINE; what
// differs from that is spelled out item by item.
#pragma once

#include <string>
#include <vector>

namespace squall::regex {

// The inline flags in force at one place of a pattern.
struct Flags {
  bool ignore_case = false;
  bool multi_line = false;
  bool dot_all = false;
  bool verbose = false;
  bool ascii = false;

  // PCRE2's caseless mode knows Unicode only; ASCII case is written out as classes instead.
  bool caseless() const { return ignore_case && !ascii; }
};

// A member of a set: the code points lo to hi, or a category letter of d D s S w W.
struct SetItem {
  char32_t lo = 0;
  char32_t hi = 0;
  char category = 0;
};

// A pattern that never matches.
inline constexpr const char* kNever = "[^\\s\\S]";

std::string emit_literal(char32_t ch, const Flags& flags);
std::string emit_set(const std::vector<SetItem>& items, bool negated, const Flags& flags);
// '.' of Python.
std::string emit_any(const Flags& flags);
// '^' and '$' of Python, and its escapes A Z b B.
std::string emit_caret(const Flags& flags);
std::string emit_dollar(const Flags& flags);
std::string emit_assertion(char letter, const Flags& flags);

}  // namespace squall::regex
