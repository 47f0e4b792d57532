#include "clients/aws/aws_credentials.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"

namespace squall::clients {

std::string profile_setting(const AwsProfile* profile, std::string_view name) {
  if (profile == nullptr) return {};
  const auto found = profile->find(name);
  return found == profile->end() ? std::string() : found->second;
}

tl::unexpected<Error> credentials_error(const char* type, std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type(type));
}

AwsCredentials masked_credentials(AwsCredentials found) {
  add_log_secret(found.keys.secret_key);
  add_log_secret(found.keys.session_token);
  return found;
}

Result<AwsCredentials> AwsCredentialChain::get(const AwsSettings& settings, const Environment& environment,
                                               const StopToken& stop) {
  if (!settings.configured.access_key.empty()) return masked_credentials({settings.configured, std::nullopt});
  const Query query{settings, environment, stop};
  const std::string& profile = settings.profile;
  Result<Found> found = Found();
  const auto look = [&](auto source) {
    if (found && !*found) found = source();
  };
  if (!settings.profile_is_explicit) look([&] { return from_environment(query); });
  look([&] { return from_profile_role(query, profile, {}); });
  look([&] { return from_web_identity(query); });
  look([&] { return from_sso(query, profile); });
  look([&] { return from_profile_keys(query, profile); });
  look([&] { return from_container(query); });
  look([&] { return from_instance(query); });
  if (!found) return fail(std::move(found).error());
  if (*found) return masked_credentials(std::move(**found));
  return credentials_error(
      "NoCredentials",
      "no AWS credentials: looked at the config of the pack aws, the environment (AWS_ACCESS_KEY_ID), a web identity "
      "(AWS_WEB_IDENTITY_TOKEN_FILE), the profile \"" +
          settings.profile +
          "\" of the shared files, the container's agent and the instance's metadata service (in a container on EC2 "
          "the "
          "instance's hop limit must be 2 or more)");
}

Result<AwsCredentialChain::Found> AwsCredentialChain::cached(const std::string& key,
                                                             const AwsCredentialCache::Make& make) {
  SQ_TRY(AwsCredentials found, cache_.get(key, make));
  return Found(std::move(found));
}

Result<AwsCredentialChain::Found> AwsCredentialChain::from_environment(const Query& query) {
  crypto::Credentials keys{query.environment("AWS_ACCESS_KEY_ID"), query.environment("AWS_SECRET_ACCESS_KEY"),
                           query.environment("AWS_SESSION_TOKEN")};
  if (keys.session_token.empty()) keys.session_token = query.environment("AWS_SECURITY_TOKEN");  // its old name
  if (keys.access_key.empty() && keys.secret_key.empty()) return Found();
  if (keys.access_key.empty() || keys.secret_key.empty()) {
    return credentials_error("PartialCredentials",
                             "the environment has only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  }
  return Found({std::move(keys), std::nullopt});
}

Result<AwsCredentialChain::Found> AwsCredentialChain::from_profile_keys(const Query& query, const std::string& name) {
  const AwsProfile* profile = query.settings.profiles.find(name);
  if (profile == nullptr) return Found();
  crypto::Credentials keys{profile_setting(profile, "aws_access_key_id"),
                           profile_setting(profile, "aws_secret_access_key"),
                           profile_setting(profile, "aws_session_token")};
  if (!keys.access_key.empty() && !keys.secret_key.empty()) return Found({std::move(keys), std::nullopt});
  if (!keys.access_key.empty() || !keys.secret_key.empty()) {
    return credentials_error(
        "PartialCredentials",
        "the AWS profile \"" + name + "\" has only one of aws_access_key_id and aws_secret_access_key");
  }
  return from_process(query, name);
}

Result<AwsCredentialChain::Found> AwsCredentialChain::from_process(const Query& query, const std::string& name) {
  const std::string line = profile_setting(query.settings.profiles.find(name), "credential_process");
  if (line.empty()) return Found();
  if (!run_program_) {
    return credentials_error("UnsupportedProfile", "the AWS profile \"" + name +
                                                       "\" uses credential_process, and no program may be run here");
  }
  return cached("process\n" + name + "\n" + line, [&]() -> Result<AwsCredentials> {
    SQ_TRY(const std::vector<std::string> command, split_command(line));
    SQ_TRY(const std::string output, run_program_(command, query.stop));
    SQ_TRY(AwsCredentials made, read_process_credentials(output));
    return masked_credentials(std::move(made));
  });
}

}  // namespace squall::clients
