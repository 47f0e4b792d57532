#include "text/regex.hpp"

#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <list>
#include <mutex>
#include <unordered_map>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "base/strings.hpp"
#include "text/regex_template.hpp"
#include "text/regex_translate.hpp"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace squall {
namespace {

using Clock = std::chrono::steady_clock;

enum class Mode { kSearch, kMatch, kFullMatch };
constexpr size_t kModes = 3;

struct CodeFree {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
using Code = std::unique_ptr<pcre2_code, CodeFree>;

// What one thread needs to match; kept, because making it costs more than a short match.
class Scratch {
 public:
  Scratch()
      : context_(pcre2_match_context_create(nullptr)),
        stack_(pcre2_jit_stack_create(32u << 10, kRegexJitStackBytesMax, nullptr)) {
    SQ_ASSERT(context_ != nullptr);
    pcre2_set_match_limit(context_, limits::kRegexMatchMax);
    pcre2_set_depth_limit(context_, limits::kRegexDepthMax);
    pcre2_set_heap_limit(context_, kRegexHeapKiBMax);
    if (stack_ != nullptr) pcre2_jit_stack_assign(context_, nullptr, stack_);
  }
  ~Scratch() {
    pcre2_match_data_free(data_);
    pcre2_jit_stack_free(stack_);
    pcre2_match_context_free(context_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  pcre2_match_context* context() { return context_; }
  pcre2_match_data* data(size_t pairs) {
    if (data_ == nullptr || pairs_ < pairs) {
      pcre2_match_data_free(data_);
      data_ = pcre2_match_data_create(static_cast<uint32_t>(pairs), nullptr);
      SQ_ASSERT(data_ != nullptr);
      pairs_ = pairs;
    }
    return data_;
  }

 private:
  pcre2_match_context* context_;
  pcre2_jit_stack* stack_;
  pcre2_match_data* data_ = nullptr;
  size_t pairs_ = 0;
};

// A search tries this many places at first, and more and more as long as it goes fast.
constexpr size_t kFirstPlaces = 16;
constexpr size_t kPlacesGrowth = 4;
// Below this nobody counts time.
constexpr auto kSlow = std::chrono::milliseconds(1);

thread_local uint64_t slow_microseconds = 0;

std::chrono::nanoseconds thread_cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// The time that one search may still take. The cheap clock decides whether to ask the one that counts this thread
// alone.
class Patience {
 public:
  bool lasts() {
    if (Clock::now() - begin_ < kSlow) return true;
    const std::chrono::nanoseconds now = thread_cpu_time();
    // What has passed until now counts too; not all of it, for this thread may have been waiting for the processor.
    if (!cpu_begin_) cpu_begin_ = now - std::min<std::chrono::nanoseconds>(Clock::now() - begin_, kRegexTimeMax / 2);
    return now - *cpu_begin_ < kRegexTimeMax;
  }
  bool is_slow() const { return cpu_begin_.has_value(); }

 private:
  Clock::time_point begin_ = Clock::now();
  std::optional<std::chrono::nanoseconds> cpu_begin_;
};

Error out_of_time(const std::string& pattern) {
  return Error(
      ErrorCode::kLimit,
      fmt::format("the regular expression {} gave up after {} ms on this text (kRegexTimeMax); it looks at much "
                  "of the text again at each place, as .* inside (?=...) does",
                  pattern, kRegexTimeMax.count()));
}

std::string pcre_message(int code) {
  PCRE2_UCHAR text[256];
  if (pcre2_get_error_message(code, text, sizeof text) < 0) return "PCRE2 error " + std::to_string(code);
  return reinterpret_cast<const char*>(text);
}

Error match_error(int code, const std::string& pattern) {
  switch (code) {
    case PCRE2_ERROR_MATCHLIMIT:
      return Error(ErrorCode::kLimit,
                   fmt::format("the regular expression {} gave up after {} steps on this text; repeats "
                               "inside repeats, like (a+)+, take this long",
                               pattern, limits::kRegexMatchMax));
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_JIT_STACKLIMIT:
    case PCRE2_ERROR_NOMEMORY:
      return Error(ErrorCode::kLimit, fmt::format("the regular expression {} needs too much memory on this text ({})",
                                                  pattern, pcre_message(code)));
    default:
      if (code <= PCRE2_ERROR_UTF8_ERR1 && code >= PCRE2_ERROR_UTF8_ERR21) {
        return Error(ErrorCode::kInvalid, fmt::format("the text to match is not valid UTF-8 ({})", pcre_message(code)));
      }
      return Error(ErrorCode::kInternal, fmt::format("regular expression {}: {}", pattern, pcre_message(code)));
  }
}

}  // namespace

struct Regex::Program {
  std::string pattern;
  RegexFlags flags;
  regex::Translation translation;

  Result<Code> build(Mode mode) const {
    uint32_t options =
        PCRE2_UTF | PCRE2_UCP | PCRE2_DOTALL | PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_BACKSLASH_C;
    if (translation.caseless) options |= PCRE2_CASELESS;
    options |= mode == Mode::kSearch ? PCRE2_USE_OFFSET_LIMIT : PCRE2_ANCHORED;
    if (mode == Mode::kFullMatch) options |= PCRE2_ENDANCHORED;
    std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
        pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
    SQ_ASSERT(context != nullptr);
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(context.get(), 2 * regex::kNestingMax + 10);
    int error = 0;
    size_t offset = 0;
    Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translation.code.data()), translation.code.size(), options,
                            &error, &offset, context.get()));
    if (code == nullptr) {
      return fail(Error(ErrorCode::kLimit,
                        fmt::format("the regular expression {} cannot be used: {}", pattern, pcre_message(error)))
                      .with_type("re.error"));
    }
    return code;
  }

  // The program for `mode`, made on its first use. Without JIT (not built in, or no memory) PCRE2 interprets.
  Result<const pcre2_code*> code(Mode mode) const {
    Slot& slot = slots[static_cast<size_t>(mode)];
    std::call_once(slot.once, [&] {
      if (slot.code == nullptr) {
        Result<Code> built = build(mode);
        if (!built) {
          slot.error = std::move(built).error();
          return;
        }
        slot.code = std::move(*built);
      }
      pcre2_jit_compile(slot.code.get(), PCRE2_JIT_COMPLETE);
    });
    if (slot.error) return fail(*slot.error);
    return slot.code.get();
  }

  // A search in parts, so that time can be looked at in between.
  Result<std::optional<RegexMatch>> search(std::string_view text, size_t start, uint32_t options,
                                           Patience& patience) const {
    for (size_t places = kFirstPlaces;;) {
      const bool is_last = start >= text.size() || text.size() - start <= places;
      SQ_TRY(auto match, run(Mode::kSearch, text, start, options, is_last ? PCRE2_UNSET : start + places));
      if (match || is_last) return match;
      start += places + 1;
      while (start < text.size() && (text[start] & 0xc0) == 0x80) ++start;
      options = PCRE2_NO_UTF_CHECK;
      if (!patience.lasts()) return fail(out_of_time(pattern));
      if (!patience.is_slow()) places *= kPlacesGrowth;
    }
  }

  // `last`: the match has to start at or before this offset.
  Result<std::optional<RegexMatch>> run(Mode mode, std::string_view text, size_t start, uint32_t options,
                                        size_t last = PCRE2_UNSET) const {
    static thread_local Scratch scratch;
    const Clock::time_point begin = Clock::now();
    SQ_TRY(const pcre2_code* program, code(mode));
    const size_t pairs = translation.groups + 1;
    pcre2_match_data* data = scratch.data(pairs);
    const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    start = std::min(start, text.size());
    pcre2_set_offset_limit(scratch.context(), last);
    int found = pcre2_match(program, subject, text.size(), start, options, data, scratch.context());
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
      found = pcre2_match(program, subject, text.size(), start, options | PCRE2_NO_JIT, data, scratch.context());
    }
    if (const auto took = Clock::now() - begin; took > kSlow)
      slow_microseconds += static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
    if (found == PCRE2_ERROR_NOMATCH) return std::optional<RegexMatch>();
    if (found < 0) return fail(match_error(found, pattern));
    const size_t* offsets = pcre2_get_ovector_pointer(data);
    RegexMatch match;
    match.spans.resize(pairs);
    for (size_t i = 0; i < std::min(pairs, static_cast<size_t>(found)); ++i) {
      if (offsets[2 * i] != PCRE2_UNSET) match.spans[i] = {offsets[2 * i], offsets[2 * i + 1]};
    }
    return std::optional<RegexMatch>(std::move(match));
  }

  struct Slot {
    std::once_flag once;
    Code code;
    std::optional<Error> error;
  };
  mutable std::array<Slot, kModes> slots;  // filled once each, under its once_flag
};

Result<Regex> Regex::compile(std::string_view pattern, RegexFlags flags) {
  if (!is_valid_utf8(pattern)) {
    return fail(Error(ErrorCode::kInvalid, "the regular expression is not valid UTF-8").with_type("re.error"));
  }
  auto program = std::make_shared<Program>();
  program->pattern = std::string(pattern);
  program->flags = flags;
  SQ_TRY(program->translation, regex::translate(pattern, flags));
  // Built at once, so that whatever PCRE2 refuses is an error of compile(); compiled to machine code on first use.
  SQ_TRY(program->slots[static_cast<size_t>(Mode::kSearch)].code, program->build(Mode::kSearch));
  return Regex(std::move(program));
}

namespace {

// The most recently used patterns, as CPython's re keeps them.
class RegexCache {
 public:
  std::optional<Regex> find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->second;
  }
  void put(const std::string& key, const Regex& regex) {
    const std::lock_guard lock(mutex_);
    if (index_.contains(key)) return;
    recent_.emplace_front(key, regex);
    index_[key] = recent_.begin();
    if (recent_.size() <= kRegexCacheMax) return;
    index_.erase(recent_.back().first);
    recent_.pop_back();
  }

 private:
  std::mutex mutex_;
  std::list<std::pair<std::string, Regex>> recent_;
  std::unordered_map<std::string, std::list<std::pair<std::string, Regex>>::iterator> index_;
};

}  // namespace

Result<Regex> Regex::compile_cached(std::string_view pattern, RegexFlags flags) {
  static RegexCache cache;
  std::string key;
  for (const bool flag : {flags.ignore_case, flags.multi_line, flags.dot_all, flags.verbose, flags.ascii}) {
    key.push_back(flag ? '1' : '0');
  }
  key += pattern;
  if (auto known = cache.find(key)) return *std::move(known);
  SQ_TRY(Regex regex, compile(pattern, flags));
  cache.put(key, regex);
  return regex;
}

std::string Regex::escape(std::string_view text) {
  std::string pattern;
  for (const char ch : text) {
    if (std::string_view("()[]{}?*+-|^$\\.&~# \t\n\r\v\f").find(ch) != std::string_view::npos) pattern.push_back('\\');
    pattern.push_back(ch);
  }
  return pattern;
}

Result<std::optional<RegexMatch>> Regex::match(std::string_view text, size_t start) const {
  return program_->run(Mode::kMatch, text, start, 0);
}

Result<std::optional<RegexMatch>> Regex::search(std::string_view text, size_t start) const {
  Patience patience;
  return program_->search(text, start, 0, patience);
}

Result<std::optional<RegexMatch>> Regex::full_match(std::string_view text) const {
  return program_->run(Mode::kFullMatch, text, 0, 0);
}

// An empty match may follow right after another match, but not at the place of an empty one (Python 3.7 on).
Result<std::vector<RegexMatch>> Regex::find_up_to(std::string_view text, size_t count_max) const {
  std::vector<RegexMatch> matches;
  Patience patience;
  size_t start = 0;
  uint32_t options = 0;
  while (matches.size() < count_max) {
    if (matches.size() % kFirstPlaces == kFirstPlaces - 1 && !patience.lasts())
      return fail(out_of_time(program_->pattern));
    SQ_TRY(std::optional<RegexMatch> match, program_->search(text, start, options, patience));
    if (!match) break;
    const auto [begin, end] = *match->spans[0];
    start = end;
    options = PCRE2_NO_UTF_CHECK | (begin == end ? PCRE2_NOTEMPTY_ATSTART : 0);
    matches.push_back(*std::move(match));
  }
  return matches;
}

Result<std::vector<RegexMatch>> Regex::find_all(std::string_view text) const { return find_up_to(text, SIZE_MAX); }

Result<std::pair<std::string, size_t>> Regex::substitute(std::string_view text, std::string_view replacement,
                                                         size_t count_max) const {
  SQ_TRY(const std::vector<regex::TemplatePart> parts,
         regex::parse_template(replacement, program_->translation.groups, program_->translation.names));
  SQ_TRY(const std::vector<RegexMatch> matches, find_up_to(text, count_max == 0 ? SIZE_MAX : count_max));
  std::string result;
  size_t copied = 0;
  for (const RegexMatch& match : matches) {
    result += text.substr(copied, match.spans[0]->first - copied);
    for (const regex::TemplatePart& part : parts) {
      result += part.literal;
      if (part.group != regex::TemplatePart::kNoGroup) result += match.group(text, part.group);
    }
    copied = match.spans[0]->second;
  }
  result += text.substr(copied);
  return std::pair(std::move(result), matches.size());
}

Result<std::vector<std::optional<std::string>>> Regex::split(std::string_view text, size_t splits_max) const {
  SQ_TRY(const std::vector<RegexMatch> matches, find_up_to(text, splits_max == 0 ? SIZE_MAX : splits_max));
  std::vector<std::optional<std::string>> parts;
  size_t copied = 0;
  for (const RegexMatch& match : matches) {
    parts.emplace_back(text.substr(copied, match.spans[0]->first - copied));
    for (size_t group = 1; group < match.spans.size(); ++group) {
      if (match.has(group)) {
        parts.emplace_back(match.group(text, group));
      } else {
        parts.emplace_back(std::nullopt);
      }
    }
    copied = match.spans[0]->second;
  }
  parts.emplace_back(text.substr(copied));
  return parts;
}

uint64_t regex_slow_microseconds() { return slow_microseconds; }

size_t Regex::group_count() const { return program_->translation.groups; }
const std::vector<std::pair<std::string, size_t>>& Regex::group_names() const { return program_->translation.names; }
const std::string& Regex::pattern() const { return program_->pattern; }

}  // namespace squall
