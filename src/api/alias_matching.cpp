#include "api/alias_matching.hpp"

#include "text/alias_format.hpp"
#include "text/regex.hpp"

namespace squall::api {
namespace {

// Fits when the parameters can be read. A format for several matches fits every command: StackStorm tries these only
// when nothing else did, and takes no match for an answer.
Status collect(const Value& alias, bool match_multiple, const std::string& command, std::vector<AliasMatch>& found) {
  for (const AliasFormat& format : formats_of(alias)) {
    if (format.match_multiple != match_multiple) continue;
    for (const std::string& representation : format.representations) {
      const auto parameters = match_multiple ? extract_all_alias_parameters(representation, command)
                                             : extract_alias_parameters(representation, command);
      if (parameters) {
        found.push_back({alias, format.display, representation, match_multiple});
      } else if (parameters.error().type() != "ParseException") {
        return fail(parameters.error().with_context("The format \"" + representation + "\" of the alias " +
                                                    alias["ref"].string()));
      }
    }
  }
  return {};
}

}  // namespace

std::vector<AliasFormat> formats_of(const Value& alias) {
  std::vector<AliasFormat> formats;
  if (!alias["formats"].is_list()) return formats;
  for (const Value& written : alias["formats"].as_list()) {
    AliasFormat format;
    if (written.is_string()) {
      format.display = written;
      format.representations.push_back(written.string());
    } else {
      format.display = written["display"];
      format.match_multiple = written["match_multiple"].bool_or(false);
      const Value& representation = written["representation"];
      if (representation.is_string()) format.representations.push_back(representation.string());
      for (size_t i = 0; i < representation.size() && representation.is_list(); ++i)
        format.representations.push_back(representation[i].string());
    }
    formats.push_back(std::move(format));
  }
  return formats;
}

Result<AliasMatch> match_alias(const std::vector<Value>& aliases, const std::string& command) {
  std::vector<AliasMatch> found;
  for (const bool match_multiple : {false, true}) {
    if (!found.empty()) break;
    for (const Value& alias : aliases) {
      if (alias["enabled"].bool_or(true)) SQ_CHECK(collect(alias, match_multiple, command, found));
    }
  }
  if (found.empty()) return fail(ErrorCode::kInvalid, "Command '" + command + "' matched no patterns");
  if (found.size() > 1) return fail(ErrorCode::kInvalid, "Command '" + command + "' matched more than 1 pattern");
  return std::move(found.front());
}

Result<Value> alias_help(const std::vector<Value>& aliases, const std::string& filter, const std::string& pack,
                         int64_t limit, int64_t offset) {
  SQ_TRY(const Regex wanted, Regex::compile_cached(filter, {.ignore_case = true}));
  Value shown = Value::empty_list();
  int64_t count = 0;
  for (const Value& alias : aliases) {
    if (!alias["enabled"].bool_or(true) || (!pack.empty() && alias["pack"].string_or("") != pack)) continue;
    for (const AliasFormat& format : formats_of(alias)) {
      if (!format.display.truthy()) continue;
      SQ_TRY(const auto match, wanted.search(format.display.string_or("")));
      if (!match) continue;
      const bool on_page = count >= offset && (limit <= 0 || count < offset + limit);
      ++count;
      if (!on_page) continue;
      shown.push_back(
          Value::dict({{"pack", alias["pack"]}, {"display", format.display}, {"description", alias["description"]}}));
    }
  }
  return Value::dict({{"available", count}, {"helpstrings", shown}});
}

}  // namespace squall::api
