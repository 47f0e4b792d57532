#include "clients/aws/aws_settings.hpp"

#include <initializer_list>

#include "base/log.hpp"
#include "base/strings.hpp"

namespace squall::clients {
namespace {

std::string first_set(const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (std::string value = environment(name); !value.empty()) return value;
  }
  return {};
}

std::string setting(const AwsProfile* profile, std::string_view name) {
  if (profile == nullptr) return {};
  const auto found = profile->find(name);
  return found == profile->end() ? std::string() : found->second;
}

Status check_keys(const crypto::Credentials& keys) {
  if (keys.access_key.empty() == keys.secret_key.empty()) return {};
  return fail(Error(ErrorCode::kInvalid, "the aws pack's config has only one of access_key_id and secret_access_key")
                  .with_type("PartialCredentials"));
}

}  // namespace

std::string aws_endpoint(std::string_view service, std::string_view region) {
  const std::string_view suffix = region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return std::string("https://").append(service).append(".").append(region).append(".").append(suffix);
}

std::string aws_service_endpoint(const std::string& service, const AwsSettings& settings,
                                 const Environment& environment) {
  if (!equals_ignore_case(environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true")) {
    const AwsProfile* profile = settings.profiles.find(settings.profile);
    const std::string variable = "AWS_ENDPOINT_URL_" + to_upper(service);
    if (std::string url = first_set(environment, {variable.c_str(), "AWS_ENDPOINT_URL"}); !url.empty()) return url;
    const auto services = settings.profiles.services.find(setting(profile, "services"));
    if (services != settings.profiles.services.end()) {
      if (std::string url = setting(&services->second, service + ".endpoint_url"); !url.empty()) return url;
    }
    if (std::string url = setting(profile, "endpoint_url"); !url.empty()) return url;
  }
  return aws_endpoint(service, settings.region);
}

Result<AwsSettings> AwsSettings::read(const Value& config, std::string_view region, const Environment& environment) {
  AwsSettings settings;
  SQ_TRY(settings.profiles, AwsProfiles::load(environment));
  settings.configured = {config["access_key_id"].string(), config["secret_access_key"].string(),
                         config["session_token"].string()};
  add_log_secret(settings.configured.secret_key);
  add_log_secret(settings.configured.session_token);
  SQ_CHECK(check_keys(settings.configured));

  settings.profile = config["profile"].string();
  settings.profile_is_explicit = !settings.profile.empty();
  if (settings.profile.empty()) settings.profile = first_set(environment, {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"});
  const bool named = !settings.profile.empty();
  if (!named) settings.profile = "default";
  const AwsProfile* profile = settings.profiles.find(settings.profile);
  if (named && profile == nullptr) {
    return fail(Error(ErrorCode::kInvalid,
                      "there is no AWS profile \"" + settings.profile + "\" in the shared config and credentials files")
                    .with_type("ProfileNotFound"));
  }

  settings.region = region;
  if (settings.region.empty()) settings.region = config["region"].string();
  if (settings.region.empty()) settings.region = first_set(environment, {"AWS_REGION", "AWS_DEFAULT_REGION"});
  if (settings.region.empty()) settings.region = setting(profile, "region");
  if (settings.region.empty()) {
    return fail(Error(ErrorCode::kInvalid, "no AWS region: set `region` in the config of the pack aws, or AWS_REGION")
                    .with_type("NoRegion"));
  }
  settings.endpoint_url = config["endpoint_url"].string();
  if (settings.endpoint_url.empty()) settings.endpoint_url = aws_service_endpoint("rds", settings, environment);
  settings.ca_file = config["ca_file"].string();
  if (settings.ca_file.empty()) settings.ca_file = environment("AWS_CA_BUNDLE");
  if (settings.ca_file.empty()) settings.ca_file = setting(profile, "ca_bundle");
  return settings;
}

}  // namespace squall::clients
