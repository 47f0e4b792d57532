// The state of one pattern's translation; for regex_translate.cpp (items) and regex_groups.cpp (everything in
// parentheses) only.
#pragma once

#include <algorithm>
#include <map>
#include <optional>

#include "text/regex_emit.hpp"
#include "text/regex_scan.hpp"
#include "text/regex_translate.hpp"

namespace squall::regex {

inline constexpr uint64_t kUnbounded = 0xFFFFFFFF;  // CPython's MAXREPEAT
inline constexpr uint64_t kPcreRepeatMax = 65535;
inline constexpr uint64_t kGroupsMax = 0x3FFFFFFF;

// How many characters an expression can match: look-behind needs to know.
struct Width {
  uint64_t lo = 0;
  uint64_t hi = 0;

  static uint64_t clamp(uint64_t n) { return std::min(n, kUnbounded); }
  void add(const Width& other) {
    lo = clamp(lo + other.lo);
    hi = clamp(hi + other.hi);
  }
  Width times(uint64_t min, uint64_t max) const { return {clamp(lo * min), clamp(hi * max)}; }
  static Width either(const Width& a, const Width& b) { return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)}; }
};

inline constexpr Width kOneChar{1, 1};

struct Piece {
  std::string code;
  Width width;
};

// A run of items; the last one is kept apart because a quantifier may follow it.
class Run {
 public:
  enum class Last { kNone, kItem, kPosition, kRepeat };

  void append(std::string code, Width width, Last kind) {
    piece_.width.add(last_width_);
    piece_.code += code;
    last_width_ = width;
    last_ = kind;
  }
  void repeat(const std::string& quantifier, uint64_t min, uint64_t max) {
    piece_.code += quantifier;
    last_width_ = last_width_.times(min, max);
    last_ = Last::kRepeat;
  }
  Last last() const { return last_; }
  Piece finish() && {
    piece_.width.add(last_width_);
    return std::move(piece_);
  }

 private:
  Piece piece_;
  Width last_width_;
  Last last_ = Last::kNone;
};

struct Group {
  std::optional<Width> width;  // known once the group is closed
};

// Flags that one "(?...)" names.
struct FlagChange {
  std::u32string on;
  std::u32string off;
  bool has_on(char32_t f) const { return on.find(f) != on.npos; }
  bool has_off(char32_t f) const { return off.find(f) != off.npos; }
};

class Translator {
 public:
  Translator(std::string_view pattern, RegexFlags flags) : scanner_(pattern) {
    flags_ = {flags.ignore_case, flags.multi_line, flags.dot_all, flags.verbose, flags.ascii};
  }

  Result<Translation> run() {
    Result<Translation> translation = parse_all();
    if (const auto error = scanner_.lone_backslash()) return fail(*error);
    return translation;
  }

 private:
  Result<Translation> parse_all();
  Result<Piece> alternation(size_t depth);
  Result<Piece> sequence(size_t depth, bool first);
  Status step(Run& run, const Token& token, size_t depth, bool first);
  void skip_comment();
  Status escape(Run& run, const Token& token);
  Status number_escape(Run& run, size_t start, char32_t digit);
  Result<char32_t> code_point_escape(char32_t letter, size_t start, bool in_set);
  Status set(Run& run);
  Result<SetItem> set_member(const Token& token);
  Status repeat(Run& run, const Token& token);
  Status open_parenthesis(Run& run, size_t depth, bool first);
  Status extension_p(Run& run, std::optional<std::u32string>& name);
  Status look_around(Run& run, size_t depth, size_t start, char32_t sign, bool behind);
  Status conditional(Run& run, size_t depth, size_t start);
  Result<uint64_t> conditional_group();
  Status group(Run& run, size_t depth, size_t start, const std::optional<std::u32string>& name);
  Status scoped(Run& run, size_t depth, size_t start, bool atomic, const FlagChange& change);
  Result<std::optional<FlagChange>> inline_flags(char32_t first);
  Status flags_off(FlagChange& change);
  void apply_global(const FlagChange& change);
  Result<Piece> closed(size_t depth, size_t start);
  Status check_name(const std::u32string& name) const;
  Status reference(Run& run, uint64_t group, size_t offset);
  Status check_look_behind(uint64_t group) const;

  Scanner scanner_;
  Flags flags_;
  std::vector<Group> groups_{Group{}};  // group 0 is never closed while parsing
  std::vector<std::pair<std::u32string, size_t>> names_;
  std::map<uint64_t, size_t> conditions_;     // group number -> first position
  std::optional<size_t> look_behind_groups_;  // groups open or closed when the outermost look-behind began
  bool variable_look_behind_ = false;
  bool global_unicode_ = false;
};

}  // namespace squall::regex
