// The character source of the regex translator: steps through a pattern or a replacement template as CPython's
// re._parser does, so that every error has Python's words and position.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace squall::regex {

// One step: a character, or a backslash together with the character after it.
struct Token {
  char32_t ch = 0;
  bool escaped = false;
  bool end = true;

  bool is(char32_t plain) const { return !end && !escaped && ch == plain; }
};

// Positions count code points from 0. Not thread-safe; lives as long as one translation.
class Scanner {
 public:
  explicit Scanner(std::string_view text);

  const Token& peek() const { return next_; }
  Token get();
  // Steps over `plain` when it comes next.
  bool match(char32_t plain);
  // At most `count_max` unescaped characters of `allowed`.
  std::u32string get_while(size_t count_max, std::u32string_view allowed);
  // Everything up to `terminator`, which is consumed: names. `what` is "group name" or "character name".
  Result<std::u32string> get_until(char32_t terminator, std::string_view what);

  size_t position() const { return position_; }
  void seek(size_t position);
  // The code points [begin, end) as UTF-8.
  std::string slice(size_t begin, size_t end) const;

  // re.error with `message`, `offset` code points before the current position.
  Error error(std::string message, size_t offset = 0) const;
  Error error_at(std::string message, size_t position) const;
  // Python meets a lone backslash at the end when it looks one step ahead; callers ask for that error before any other.
  std::optional<Error> lone_backslash() const;

 private:
  void load();

  std::u32string text_;
  size_t position_ = 0;  // of next_
  Token next_;
  bool lone_backslash_ = false;
};

// Text of a token as it stands in the pattern, in UTF-8.
std::string token_text(const Token& token);
// int() of Python on a group name: blanks around, '+', and '_' between digits are allowed.
std::optional<uint64_t> parse_group_number(std::u32string_view name);
// repr() of a name for messages.
std::string quoted(std::u32string_view name);

// Code points of the escapes \a \b \f \n \r \t \v \\, which patterns and templates share.
std::optional<char32_t> simple_escape(char32_t letter);
inline constexpr std::u32string_view kOctalDigits = U"01234567";
inline constexpr std::u32string_view kDigits = U"0123456789";
inline constexpr std::u32string_view kHexDigits = U"0123456789abcdefABCDEF";
bool contains(std::u32string_view set, char32_t ch);
bool is_ascii_letter(char32_t ch);

}  // namespace squall::regex
