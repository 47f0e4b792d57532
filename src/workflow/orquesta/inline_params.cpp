#include "workflow/orquesta/inline_params.hpp"

#include "base/strings.hpp"
#include "text/regex.hpp"
#include "value/json.hpp"

namespace squall::workflow::orquesta {

namespace {

const Regex& pattern() {
  // What a value may look like; the first that fits counts, so a float comes before an integer.
  static const Regex kPattern = *Regex::compile(
      R"((\w+)=(\[.*\]\s*|"[^"]*"\s*|'[^']*'\s*|-?\d*\.\d+|-?\d+|[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|null)"
      R"(|{{.*?}}|<%.*?%>))");
  return kPattern;
}

bool has_quoted_part(std::string_view text) {
  for (const char quote : {'"', '\''}) {
    const size_t open = text.find(quote);
    if (open != std::string_view::npos && text.find(quote, open + 1) != std::string_view::npos) return true;
  }
  return false;
}

std::string_view without_quotes(std::string_view text) {
  for (const char quote : {'"', '\''}) {
    if (text.starts_with(quote)) text.remove_prefix(1);
    if (text.ends_with(quote)) text.remove_suffix(1);
  }
  return text;
}

// Orquesta's: text in quotes stays text unless it looks like a JSON object, all else is JSON if it can be.
Value parameter_value(std::string_view matched) {
  const std::string_view trimmed = trim(matched);
  const std::string_view bare = without_quotes(trimmed);
  const bool object = bare.size() > 1 && bare.front() == '{' && bare.back() == '}';
  if (!bare.empty() && has_quoted_part(trimmed) && !object) return Value(bare);
  const std::string lower = to_lower(bare);
  const bool boolean = lower == "true" || lower == "false";
  auto parsed = parse_json(boolean ? std::string_view(lower) : bare, JsonDialect::kPython);
  return parsed ? std::move(*parsed) : Value(bare);
}

}  // namespace

std::vector<std::pair<std::string, Value>> parse_inline_params(std::string_view text) {
  std::vector<std::pair<std::string, Value>> parameters;
  // Most texts have none, and this one look saves them the regular expression.
  if (text.find('=') == std::string_view::npos) return parameters;
  const auto matches = pattern().find_all(text);
  if (!matches) return parameters;
  for (const RegexMatch& match : *matches) {
    parameters.emplace_back(std::string(match.group(text, 1)), parameter_value(match.group(text, 2)));
  }
  return parameters;
}

}  // namespace squall::workflow::orquesta
