#include "text/wildcard.hpp"

#include <string>
#include <vector>

#include "text/unicode.hpp"

namespace squall {
namespace {

// One step of a pattern: a character, any character, a run of any characters, or a set.
struct Step {
  enum class Kind { kChar, kAny, kStar, kSet } kind = Kind::kChar;
  char32_t ch = 0;
  bool negated = false;
  std::vector<std::pair<char32_t, char32_t>> ranges;

  bool accepts(char32_t c) const {
    if (kind == Kind::kAny) return true;
    if (kind == Kind::kChar) return c == ch;
    for (const auto& [lo, hi] : ranges) {
      if (c >= lo && c <= hi) return !negated;
    }
    return negated;
  }
};

// The set that starts after '[' at `position`, which is moved past ']'; false when no ']' follows.
bool parse_set(const std::u32string& pattern, size_t& position, Step& step) {
  size_t begin = position;
  if (begin < pattern.size() && pattern[begin] == U'!') ++begin;
  // A ']' in the first place is a member.
  const size_t end = begin < pattern.size() ? pattern.find(U']', begin + 1) : std::u32string::npos;
  if (end == std::u32string::npos) return false;
  step.kind = Step::Kind::kSet;
  step.negated = begin > position;
  for (size_t i = begin; i < end;) {
    const bool range = i + 2 < end && pattern[i + 1] == U'-';
    step.ranges.emplace_back(pattern[i], range ? pattern[i + 2] : pattern[i]);  // an inverted range has no members
    i += range ? 3 : 1;
  }
  position = end + 1;
  return true;
}

std::vector<Step> parse_pattern(const std::u32string& pattern) {
  std::vector<Step> steps;
  for (size_t position = 0; position < pattern.size();) {
    const char32_t ch = pattern[position++];
    Step step;
    step.ch = ch;
    if (ch == U'*') step.kind = Step::Kind::kStar;
    if (ch == U'?') step.kind = Step::Kind::kAny;
    if (ch == U'[') parse_set(pattern, position, step);  // otherwise an ordinary '['
    if (step.kind == Step::Kind::kStar && !steps.empty() && steps.back().kind == Step::Kind::kStar) continue;
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace

// Only the last '*' ever needs to be tried again, so the time is at most pattern times text.
bool wildcard_match(std::string_view pattern, std::string_view text) {
  const std::vector<Step> steps = parse_pattern(decode_utf8(pattern));
  const std::u32string chars = decode_utf8(text);
  constexpr size_t kNone = static_cast<size_t>(-1);
  size_t step = 0, at = 0, star = kNone, star_at = 0;
  while (at < chars.size()) {
    if (step < steps.size() && steps[step].kind == Step::Kind::kStar) {
      star = step++;
      star_at = at;
    } else if (step < steps.size() && steps[step].accepts(chars[at])) {
      ++step;
      ++at;
    } else if (star != kNone) {
      step = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (step < steps.size() && steps[step].kind == Step::Kind::kStar) ++step;
  return step == steps.size();
}

}  // namespace squall
