#include "app/settings.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/strings.hpp"
#include "text/time_zone.hpp"
#include "value/python.hpp"
#include "value/yaml.hpp"

namespace squall::app {
namespace {

// One setting's text and where it came from.
struct Given {
  std::string value;
  std::string source;
  explicit operator bool() const { return !source.empty(); }
};

constexpr std::array kNames = {"data",
                               "packs",
                               "listen",
                               "configs",
                               "user",
                               "timezone",
                               "log_level",
                               "log_format",
                               "tls_certificate",
                               "tls_key",
                               "auth_htpasswd",
                               "encryption_key_path",
                               "overrides",
                               "watch",
                               "rbac",
                               "rbac_isolation",
                               "st2_ports",
                               "webhooks",
                               "action_slots",
                               "runners",
                               "ssh_key_file",
                               "ssh_config_file",
                               "ssh_host_keys",
                               "ssh_connect_timeout",
                               "ssh_allow_partial_failure",
                               "index_url"};
// StackStorm Exchange, as StackStorm has it.
constexpr std::string_view kDefaultIndex = "https://index.stackstorm.org/v1/index.json";

using Table = std::map<std::string, Given, std::less<>>;

Status read_file_settings(const std::string& path, Table& table) {
  SQ_TRY(const std::string text, read_file(path));
  YamlOptions options;
  options.file = path;
  options.unique_keys = true;
  SQ_TRY(const YamlDocument document, parse_yaml_document(text, options));
  if (document.value.is_null()) return {};
  if (!document.value.is_dict())
    return fail(Error(ErrorCode::kInvalid, "the configuration must be a map of settings", {path, 1, 1}));
  for (const auto& [key, value] : document.value.as_dict()) {
    if (std::find(kNames.begin(), kNames.end(), key) == kNames.end()) {
      return fail(Error(ErrorCode::kInvalid,
                        "unknown setting '" + key + "'; known are " +
                            join(std::vector<std::string>(kNames.begin(), kNames.end()), ", "),
                        document.position(key)));
    }
    std::vector<std::string> items;
    for (size_t i = 0; i < value.size() && value.is_list(); ++i) items.push_back(value[i].string());
    table[key] = {value.is_list() ? join(items, key == "index_url" ? "," : ":") : python::str(value),
                  document.position(key).to_string()};
  }
  return {};
}

std::string environment_name(const std::string& setting) { return "SQUALL_" + to_upper(setting); }

Status parse_listen(const Given& given, Settings& settings) {
  const size_t colon = given.value.rfind(':');
  const auto port =
      parse_int(colon == std::string::npos ? given.value : std::string_view(given.value).substr(colon + 1));
  if (!port || *port < 0 || *port > 65535) {
    return fail(ErrorCode::kInvalid,
                given.source + ": '" + given.value + "' is not ADDRESS:PORT, for example 127.0.0.1:9101");
  }
  settings.port = static_cast<uint16_t>(*port);
  if (colon != std::string::npos && colon > 0) settings.address = std::string(trim(given.value.substr(0, colon)));
  if (settings.address.starts_with("[") && settings.address.ends_with("]")) {
    settings.address = settings.address.substr(1, settings.address.size() - 2);
  }
  return {};
}

Given find_given(const Table& table, std::string_view name) {
  const auto found = table.find(name);
  return found == table.end() ? Given() : found->second;
}

// `unit` as in "number of seconds", or empty.
Result<int> parse_number(const Given& given, int least, int most, std::string_view unit) {
  const auto number = parse_int(given.value);
  if (number && *number >= least && *number <= most) return static_cast<int>(*number);
  return fail(ErrorCode::kInvalid,
              fmt::format("{}: '{}' is no number{} from {} to {}", given.source, given.value, unit, least, most));
}

Status apply_ssh_settings(const Table& table, Settings& settings) {
  const auto get = [&](std::string_view name) { return find_given(table, name); };
  if (const Given file = get("ssh_key_file")) settings.ssh_key_file = file.value;
  if (const Given file = get("ssh_config_file")) settings.ssh_config_file = file.value;
  if (const Given policy = get("ssh_host_keys")) {
    if (policy.value != "accept-new" && policy.value != "strict" && policy.value != "ignore")
      return fail(ErrorCode::kInvalid, policy.source + ": '" + policy.value +
                                           "' is no way to treat host keys; use accept-new, strict or ignore");
    settings.ssh_host_keys = policy.value;
  }
  if (const Given seconds = get("ssh_connect_timeout")) {
    SQ_TRY(settings.ssh_connect_timeout, parse_number(seconds, 1, 3600, " of seconds"));
  }
  if (const Given partial = get("ssh_allow_partial_failure")) {
    const std::string value = to_lower(partial.value);
    if (value != "true" && value != "false")
      return fail(ErrorCode::kInvalid, partial.source + ": '" + partial.value + "' is neither true nor false");
    settings.ssh_allow_partial_failure = value == "true";
  }
  return {};
}

Result<bool> parse_switch(const Given& given) {
  const std::string text = to_lower(given.value);
  if (text == "true" || text == "yes" || text == "1") return true;
  if (text == "false" || text == "no" || text == "0") return false;
  return fail(ErrorCode::kInvalid, given.source + ": '" + given.value + "' is neither true nor false");
}

// Roles belong to users, so there have to be some.
Status apply_roles(const Given& directory, const Given& isolation, Settings& settings) {
  settings.rbac = directory.value;
  if (isolation) {
    SQ_TRY(settings.rbac_isolation, parse_switch(isolation));
  }
  if (directory && settings.auth_htpasswd.empty()) {
    return fail(ErrorCode::kInvalid,
                directory.source + ": roles need users that log in; give auth_htpasswd, too (--auth-htpasswd FILE)");
  }
  if (directory && !std::filesystem::is_directory(settings.rbac)) {
    return fail(ErrorCode::kInvalid, directory.source + ": the directory " + settings.rbac +
                                         " does not exist; it holds roles/, assignments/ and mappings/");
  }
  if (settings.rbac_isolation && !directory)
    return fail(ErrorCode::kInvalid, isolation.source + ": isolation needs roles; give rbac, too (--rbac DIR)");
  return {};
}

Status apply_settings(const Table& table, Settings& settings) {
  const auto get = [&](std::string_view name) { return find_given(table, name); };
  if (const Given data = get("data")) settings.data = data.value;
  if (const Given configs = get("configs")) settings.configs = configs.value;
  if (const Given user = get("user")) settings.user = user.value;
  if (const Given timezone = get("timezone")) {
    if (const auto zone = TimeZone::find(timezone.value); !zone) {
      return fail(ErrorCode::kInvalid, timezone.source + ": '" + timezone.value +
                                           "' is not a time zone; use a name such as Europe/Berlin or UTC");
    }
    settings.timezone = timezone.value;
  }
  if (const Given certificate = get("tls_certificate")) settings.tls_certificate = certificate.value;
  if (const Given key = get("tls_key")) settings.tls_key = key.value;
  if (const Given file = get("auth_htpasswd")) settings.auth_htpasswd = file.value;
  if (const Given ports = get("st2_ports")) {
    SQ_TRY(settings.st2_ports, parse_switch(ports));
  }
  if (const Given file = get("webhooks")) settings.webhooks = file.value;
  SQ_CHECK(apply_roles(get("rbac"), get("rbac_isolation"), settings));
  if (const Given key = get("encryption_key_path")) settings.encryption_key_path = key.value;
  if (const Given overrides = get("overrides")) settings.overrides = overrides.value;
  if (const Given watch = get("watch")) {
    const std::string value = to_lower(watch.value);
    if (value != "true" && value != "1" && value != "false" && value != "0")
      return fail(ErrorCode::kInvalid, watch.source + ": '" + watch.value + "' is neither true nor false");
    settings.watch = value == "true" || value == "1";
  }
  if (const Given slots = get("action_slots")) {
    SQ_TRY(settings.action_slots, parse_number(slots, 1, 10'000, ""));
  }
  if (const Given runners = get("runners")) {
    for (const std::string& directory : split(runners.value, ':')) {
      if (!directory.empty()) settings.runners.push_back(directory);
    }
  }
  settings.index_urls.clear();
  if (const Given index = get("index_url")) {
    for (const std::string& location : split(index.value, ',')) {
      if (!trim(location).empty()) settings.index_urls.emplace_back(trim(location));
    }
  } else {
    settings.index_urls.emplace_back(kDefaultIndex);
  }
  if (const Given packs = get("packs")) {
    for (const std::string& directory : split(packs.value, ':')) {
      if (!directory.empty()) settings.packs.push_back(directory);
    }
  }
  SQ_CHECK(apply_ssh_settings(table, settings));
  if (const Given listen = get("listen")) SQ_CHECK(parse_listen(listen, settings));
  if (const Given level = get("log_level"); level && !parse_log_level(level.value, settings.log_level)) {
    return fail(ErrorCode::kInvalid,
                level.source + ": '" + level.value + "' is not a log level; use debug, info, warning or error");
  }
  if (const Given format = get("log_format")) {
    if (format.value != "text" && format.value != "json") {
      return fail(ErrorCode::kInvalid,
                  format.source + ": '" + format.value + "' is not a log format; use text or json");
    }
    settings.log_format = format.value == "json" ? LogFormat::kJson : LogFormat::kText;
  }
  if (settings.tls_certificate.empty() != settings.tls_key.empty()) {
    return fail(ErrorCode::kInvalid, "tls_certificate and tls_key go together: one of them is missing");
  }
  return {};
}

}  // namespace

Result<Settings> read_settings(const cli::ServeArguments& arguments,
                               const std::function<std::string(const std::string&)>& environment) {
  Table table;
  const std::string config = arguments.config.empty() ? environment("SQUALL_CONFIG") : arguments.config;
  if (!config.empty()) SQ_CHECK(read_file_settings(config, table));
  for (const char* name : kNames) {
    const std::string value = environment(environment_name(name));
    if (!value.empty()) table[name] = {value, "environment variable " + environment_name(name)};
  }
  const auto given = [&](const char* name, const std::string& value) {
    if (!value.empty()) table[name] = {value, "option --" + replace_all(name, "_", "-")};
  };
  given("data", arguments.data);
  given("listen", arguments.listen);
  given("configs", arguments.configs);
  given("user", arguments.user);
  given("timezone", arguments.timezone);
  given("log_level", arguments.log_level);
  given("log_format", arguments.log_format);
  given("tls_certificate", arguments.tls_certificate);
  given("tls_key", arguments.tls_key);
  given("auth_htpasswd", arguments.auth_htpasswd);
  given("encryption_key_path", arguments.encryption_key_path);
  given("overrides", arguments.overrides);
  given("watch", arguments.watch);
  given("st2_ports", arguments.st2_ports ? "true" : "");
  given("webhooks", arguments.webhooks);
  given("rbac", arguments.rbac);
  given("rbac_isolation", arguments.rbac_isolation);
  given("index_url", join(arguments.index_urls, ","));
  if (!arguments.packs.empty()) given("packs", join(arguments.packs, ":"));
  Settings settings;
  SQ_CHECK(apply_settings(table, settings));
  if (settings.configs.empty()) settings.configs = settings.data + "/configs";
  if (settings.overrides.empty()) settings.overrides = settings.data + "/overrides";
  for (const std::string& directory : settings.packs) {
    if (!std::filesystem::is_directory(directory)) {
      return fail(ErrorCode::kInvalid, "the pack directory " + directory + " does not exist");
    }
  }
  return settings;
}

Result<std::string> find_share_directory(const std::function<std::string(const std::string&)>& environment) {
  std::vector<std::string> candidates;
  if (const std::string share = environment("SQUALL_SHARE"); !share.empty()) candidates.push_back(share);
  std::error_code error;
  const auto binary = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    candidates.push_back((binary.parent_path() / "../share/squall").lexically_normal().string());
    candidates.push_back((binary.parent_path() / "../..").lexically_normal().string());
  }
  for (const std::string& candidate : candidates) {
    if (std::filesystem::exists(candidate + "/packs/core/pack.yaml")) return candidate;
  }
  return fail(ErrorCode::kNotFound, "the packs that ship with squall were not found in " + join(candidates, ", ") +
                                        "; set SQUALL_SHARE to the directory that has packs/ and python/");
}

}  // namespace squall::app
