#include "clients/aws/profiles.hpp"

#include "base/strings.hpp"

namespace squall::clients {
namespace {

// Comments stand on lines of their own, or behind a blank.
std::string_view without_comment(std::string_view value) {
  for (size_t i = 1; i < value.size(); ++i) {
    if ((value[i] == '#' || value[i] == ';') && (value[i - 1] == ' ' || value[i - 1] == '\t'))
      return trim(value.substr(0, i));
  }
  return value;
}

// A path of the environment, else one in ~/.aws.
std::string file_path(const Environment& environment, const char* variable, const char* name) {
  const std::string given = environment(variable);
  const std::string home = environment("HOME");
  if (given.starts_with("~/") && !home.empty()) return home + given.substr(1);
  if (!given.empty()) return given;
  return home.empty() ? "" : home + "/.aws/" + name;
}

Result<std::map<std::string, AwsProfile, std::less<>>> load_file(const std::string& path) {
  if (path.empty()) return std::map<std::string, AwsProfile, std::less<>>();
  auto text = read_file(path);
  if (!text && text.error().code() == ErrorCode::kNotFound) return std::map<std::string, AwsProfile, std::less<>>();
  if (!text) return fail(std::move(text).error());
  return parse_aws_file(*text, path);
}

}  // namespace

Result<std::map<std::string, AwsProfile, std::less<>>> parse_aws_file(std::string_view text, const std::string& file) {
  std::map<std::string, AwsProfile, std::less<>> sections;
  AwsProfile* section = nullptr;
  std::string outer;
  int number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    const auto bad = [&](const char* what) {
      return fail(Error(ErrorCode::kInvalid, what, {file, number, 1}).with_type("ProfileMalformed"));
    };
    const std::string_view content = trim(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') continue;
    if (content.front() == '[') {
      const size_t end = content.find(']');
      if (end == std::string_view::npos) return bad("a section's ']' is missing");
      section = &sections[std::string(trim(content.substr(1, end - 1)))];
      outer.clear();
      continue;
    }
    if (section == nullptr) return bad("a setting stands before the first [section]");
    const size_t equals = content.find('=');
    if (equals == std::string_view::npos || equals == 0) return bad("a setting needs the form `name = value`");
    const std::string name = to_lower(trim(content.substr(0, equals)));
    const std::string value(without_comment(trim(content.substr(equals + 1))));
    const bool indented = line.front() == ' ' || line.front() == '\t';
    if (indented && !outer.empty()) {
      (*section)[outer + "." + name] = value;
    } else {
      outer = value.empty() ? name : "";
      (*section)[name] = value;
    }
  }
  return sections;
}

const AwsProfile* AwsProfiles::find(std::string_view name) const {
  const auto found = profiles.find(name);
  return found == profiles.end() ? nullptr : &found->second;
}

Result<AwsProfiles> AwsProfiles::load(const Environment& environment) {
  AwsProfiles loaded;
  SQ_TRY(auto config, load_file(file_path(environment, "AWS_CONFIG_FILE", "config")));
  for (auto& [name, settings] : config) {
    if (name == "default") {
      loaded.profiles["default"].insert(settings.begin(), settings.end());
    } else if (name.starts_with("profile ")) {
      loaded.profiles[std::string(trim(name.substr(8)))].insert(settings.begin(), settings.end());
    } else if (name.starts_with("services ")) {
      loaded.services[std::string(trim(name.substr(9)))] = settings;
    } else if (name.starts_with("sso-session ")) {
      loaded.sso_sessions[std::string(trim(name.substr(12)))] = settings;
    }
  }
  SQ_TRY(auto credentials, load_file(file_path(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials")));
  for (auto& [name, settings] : credentials) {
    AwsProfile& profile = loaded.profiles[name];
    for (auto& [key, value] : settings) profile[key] = value;
  }
  return loaded;
}

}  // namespace squall::clients
