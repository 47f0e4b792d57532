#include "text/regex_value.hpp"

#include <fmt/core.h>

namespace squall {
namespace {

bool is_text(const Value& value) { return value.is_string() || value.kind() == Kind::kMarkup; }

tl::unexpected<Error> type_error(std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type("TypeError"));
}

}  // namespace

Result<Regex> compile_regex(const Value& pattern, RegexFlags flags) {
  if (is_text(pattern)) return Regex::compile_cached(pattern.as_string(), flags);
  // CPython looks the pattern up in a cache before it looks at its type.
  if (pattern.is_list() || pattern.is_dict() || pattern.kind() == Kind::kSet) {
    return type_error(fmt::format("unhashable type: '{}'", pattern.type_name()));
  }
  return type_error("first argument must be string or compiled pattern");
}

Result<std::string_view> regex_subject(const Value& text) {
  if (is_text(text)) return text.as_string();
  return type_error(fmt::format("expected string or bytes-like object, got '{}'", text.type_name()));
}

}  // namespace squall
