// Python's `re` dialect on PCRE2: patterns are translated, so that packs' expressions mean what they meant
// (recorded in tests/conformance/python_re.json).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace squall {

// Memory for the backtracking of one match: of compiled code per thread, and of the interpreter that takes over when
// the former is used up. A match that needs more is an error of code kLimit.
inline constexpr size_t kRegexJitStackBytesMax = 32u << 20;
inline constexpr uint32_t kRegexHeapKiBMax = 128u << 10;
inline constexpr size_t kRegexCacheMax = 512;
// Processor time of one search, split or substitution over a text. limits::kRegexMatchMax bounds the work at one place
// of the text only, and a text has many.
inline constexpr std::chrono::milliseconds kRegexTimeMax{50};

// Microseconds that this thread has spent in slow matches so far: what evaluators with a budget charge for.
uint64_t regex_slow_microseconds();

struct RegexFlags {
  bool ignore_case = false;  // re.I
  bool multi_line = false;   // re.M
  bool dot_all = false;      // re.S
  bool verbose = false;      // re.X
  bool ascii = false;        // re.A
  bool operator==(const RegexFlags&) const = default;
};

struct RegexMatch {
  // Byte offsets into the subject. Group 0 is the whole match; a group that did not take part is nothing.
  std::vector<std::optional<std::pair<size_t, size_t>>> spans;

  bool has(size_t group) const { return group < spans.size() && spans[group].has_value(); }
  std::string_view group(std::string_view subject, size_t group) const {
    return has(group) ? subject.substr(spans[group]->first, spans[group]->second - spans[group]->first)
                      : std::string_view();
  }
};

// A compiled pattern. Immutable, copyable, thread-safe. Match steps (limits::kRegexMatchMax) and time (kRegexTimeMax)
// are limited: a pattern that backtracks without end gives an error of code kLimit instead of hanging the engine.
class Regex {
 public:
  // The error has type "re.error" and Python's message, e.g. "missing ), unterminated subpattern at position 0".
  static Result<Regex> compile(std::string_view pattern, RegexFlags flags = {});
  // As compile(), through a cache of recently used patterns, for patterns that come with each call.
  static Result<Regex> compile_cached(std::string_view pattern, RegexFlags flags = {});
  // re.escape: a pattern that matches just `text`.
  static std::string escape(std::string_view text);

  // Offsets are bytes; `start` past the end counts as the end. A text that is not UTF-8 is an error of code kInvalid.
  // re.match: anchored at `start`. re.search: anywhere from `start` on. re.fullmatch: the whole text.
  Result<std::optional<RegexMatch>> match(std::string_view text, size_t start = 0) const;
  Result<std::optional<RegexMatch>> search(std::string_view text, size_t start = 0) const;
  Result<std::optional<RegexMatch>> full_match(std::string_view text) const;
  // re.finditer.
  Result<std::vector<RegexMatch>> find_all(std::string_view text) const;
  // re.subn with Python's template (\1, \g<name>): the new text and the number of replacements.
  Result<std::pair<std::string, size_t>> substitute(std::string_view text, std::string_view replacement,
                                                    size_t count_max = 0) const;
  // re.split.
  Result<std::vector<std::optional<std::string>>> split(std::string_view text, size_t splits_max = 0) const;

  size_t group_count() const;  // without group 0
  // Names and their group numbers.
  const std::vector<std::pair<std::string, size_t>>& group_names() const;
  const std::string& pattern() const;

 private:
  struct Program;
  explicit Regex(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  Result<std::vector<RegexMatch>> find_up_to(std::string_view text, size_t count_max) const;

  std::shared_ptr<const Program> program_;  // shared, because copies of a compiled pattern are many
};

}  // namespace squall
