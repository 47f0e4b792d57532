#include "text/alias_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/strings.hpp"
#include "text/regex.hpp"

namespace squall {
namespace {

constexpr RegexFlags kDotAll{.dot_all = true};

// StackStorm's own pieces: a value is anything in quotes or braces, or (in a format's default) as little text as fits.
constexpr std::string_view kKey = R"(\s*(\S+?)\s*)";
constexpr std::string_view kValue = R"re(""|''|"(.+?)"|'(.+?)'|({.+?})|(\S+))re";
constexpr std::string_view kDefault = R"re(""|''|"(.+?)"|'(.+?)'|({.+?})|(.+?))re";
// What a parameter becomes: \1 is the blank before it, \2 its name.
constexpr std::string_view kParameter = R"re(\1["\']?(?P<\2>(?:(?<=\').+?(?=\')|(?<=").+?(?=")|{.+?}|.+?))["\']?)re";

std::string pairs_pattern() { return fmt::format(R"((?:^|\s+){}=({}))", kKey, kValue); }
std::string ending_pattern() { return fmt::format(R"(.*?(({}\s*)*)$)", pairs_pattern()); }
std::string optional_pattern() { return fmt::format(R"({{{{{}\s*=\s*(?:{})\s*}}}})", kKey, kDefault); }
std::string required_pattern() { return fmt::format("{{{{{}}}}}", kKey); }

using Parameters = std::vector<std::pair<std::string, std::string>>;

// One command against one format.
class Extraction {
 public:
  Extraction(std::string_view format, std::string_view command) : format_(format), command_(command) {}

  Status prepare() {
    SQ_CHECK(take_pairs());
    SQ_CHECK(read_defaults());
    SQ_TRY(const std::string pattern, pattern_of_format());
    SQ_TRY(Regex regex, Regex::compile_cached(pattern, kDotAll));
    regex_.emplace(std::move(regex));
    return {};
  }

  Result<Value> one() const {
    SQ_TRY(const auto match, regex_->match(stream_));
    if (!match) {
      return fail(Error(ErrorCode::kInvalid,
                        fmt::format("Command \"{}\" doesn't match format string \"{}\"", command_, format_))
                      .with_type("ParseException"));
    }
    return parameters(*match);
  }

  Result<Value> all() const {
    SQ_TRY(const auto matches, regex_->find_all(stream_));
    Value found = Value::empty_list();
    for (const RegexMatch& match : matches) {
      SQ_TRY(Value one, parameters(match));
      found.push_back(std::move(one));
    }
    return found;
  }

 private:
  // "key=value" pairs at the end stand for parameters that the format need not know. They are cut off.
  Status take_pairs() {
    static const std::string ending_text = ending_pattern(), pairs_text = pairs_pattern();
    SQ_TRY(const Regex ending, Regex::compile_cached(ending_text, kDotAll));
    SQ_TRY(const Regex pairs, Regex::compile_cached(pairs_text, kDotAll));
    std::string left(command_);
    SQ_TRY(const auto found, ending.match(command_));
    if (found && !found->group(command_, 1).empty()) {
      const std::string tail(found->group(command_, 1));
      SQ_TRY(const auto matches, pairs.find_all(tail));
      for (const RegexMatch& match : matches) {
        std::string value;
        for (size_t group = 3; group < match.spans.size(); ++group) value += match.group(tail, group);
        pairs_.emplace_back(match.group(tail, 1), value);
      }
      left = replace_all(left, tail, "");
    }
    stream_ = " " + left + " ";
    return {};
  }

  Status read_defaults() {
    static const std::string text = optional_pattern();
    SQ_TRY(const Regex optional, Regex::compile_cached(text));
    SQ_TRY(const auto matches, optional.find_all(format_));
    for (const RegexMatch& match : matches) {
      std::string value;
      for (size_t group = 2; group < match.spans.size(); ++group) value += match.group(format_, group);
      defaults_.emplace_back(match.group(format_, 1), value);
    }
    return {};
  }

  Result<std::string> pattern_of_format() const {
    static const std::string optional_text = R"((\s*))" + optional_pattern();
    static const std::string required_text = R"((\s*))" + required_pattern();
    SQ_TRY(const Regex optional, Regex::compile_cached(optional_text));
    SQ_TRY(const Regex required, Regex::compile_cached(required_text));
    SQ_TRY(const auto with_optional, optional.substitute(format_, fmt::format("(?:{})?", kParameter)));
    SQ_TRY(const auto with_all, required.substitute(with_optional.first, kParameter));
    std::string pattern = with_all.first;
    if (!pattern.starts_with("^")) pattern = R"(^\s*)" + pattern;
    if (!pattern.ends_with("$")) pattern += R"(\s*$)";
    return pattern;
  }

  Result<Value> parameters(const RegexMatch& match) const {
    Value found = Value::empty_dict();
    for (const auto& [name, group] : regex_->group_names())
      found.set(name, match.has(group) ? Value(match.group(stream_, group)) : Value());
    for (const auto& [name, value] : defaults_) {
      if (!found[name].truthy()) found.set(name, value);
    }
    for (const auto& [name, value] : pairs_) found.set(name, value);
    const bool nothing = std::none_of(found.as_dict().begin(), found.as_dict().end(),
                                      [](const auto& entry) { return entry.value.truthy(); });
    if (!format_.empty() && trim(stream_).empty() && nothing) {
      return fail(
          Error(ErrorCode::kInvalid, "No value supplied and no default value found.").with_type("ParseException"));
    }
    return found;
  }

  std::string_view format_;
  std::string_view command_;
  std::string stream_;  // the command without its pairs, between blanks
  Parameters pairs_, defaults_;
  std::optional<Regex> regex_;
};

}  // namespace

Result<Value> extract_alias_parameters(std::string_view format, std::string_view command) {
  Extraction extraction(format, command);
  SQ_CHECK(extraction.prepare());
  return extraction.one();
}

Result<Value> extract_all_alias_parameters(std::string_view format, std::string_view command) {
  Extraction extraction(format, command);
  SQ_CHECK(extraction.prepare());
  return extraction.all();
}

}  // namespace squall
