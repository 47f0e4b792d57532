#include "cli/profile.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "base/strings.hpp"

namespace squall::cli {
namespace {

constexpr const char* kApiPort = ":9101";
constexpr const char* kAuthPort = ":9100";

// "section.key" -> value.
using Settings = std::map<std::string, std::string>;

Result<Settings> parse_settings(const std::string& path, const std::string& text) {
  Settings settings;
  std::string section;
  int number = 0;
  for (const std::string& raw : split(text, '\n')) {
    ++number;
    const std::string line(trim(raw));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[' && line.back() == ']') {
      section = trim(std::string_view(line).substr(1, line.size() - 2));
      continue;
    }
    const size_t equals = line.find_first_of("=:");
    if (equals == std::string::npos || section.empty()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("{}:{}: '{}' is neither [section] nor name = value", path, number, line));
    }
    settings[section + "." + std::string(trim(std::string_view(line).substr(0, equals)))] =
        trim(std::string_view(line).substr(equals + 1));
  }
  return settings;
}

std::string without_version(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (url.ends_with("/v1")) url.resize(url.size() - 3);
  while (url.ends_with('/')) url.pop_back();
  return url;
}

// The first that says something.
std::string first_of(std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) {
    if (!text.empty()) return text;
  }
  return "";
}

}  // namespace

Result<Profile> read_profile(const Environment& environment) {
  const std::string home = environment("HOME");
  const std::string named = environment("ST2_CONFIG_FILE");
  const std::string path = named.empty() ? home + "/.st2/config" : named;
  Settings settings;
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) {
    SQ_TRY(const std::string text, read_file(path));
    SQ_TRY(settings, parse_settings(path, text));
  } else if (!named.empty()) {
    return fail(ErrorCode::kNotFound, "ST2_CONFIG_FILE names '" + named + "', and there is no such file");
  }

  const std::string base = first_of({environment("ST2_BASE_URL"), settings["general.base_url"]});
  const auto at_port = [&](const char* port) { return base.empty() ? base : without_version(base) + port; };
  Profile profile;
  const std::string own = environment("SQUALL_URL");
  profile.url = without_version(
      first_of({own, environment("ST2_API_URL"), settings["api.url"], at_port(kApiPort), "http://127.0.0.1:9101"}));
  // One port serves all of squall; another address for tokens only where somebody wrote it down for this server.
  if (own.empty()) {
    profile.auth_url =
        without_version(first_of({environment("ST2_AUTH_URL"), settings["auth.url"], at_port(kAuthPort)}));
  }
  profile.token = first_of({environment("SQUALL_TOKEN"), environment("ST2_AUTH_TOKEN")});
  profile.api_key =
      first_of({environment("SQUALL_API_KEY"), environment("ST2_API_KEY"), settings["credentials.api_key"]});
  profile.user = settings["credentials.username"];
  profile.password = settings["credentials.password"];
  if (!profile.user.empty() && to_lower(settings["cli.cache_token"]) != "false") {
    profile.token_cache = home + "/.st2/token-" + profile.user;
  }
  return profile;
}

}  // namespace squall::cli
