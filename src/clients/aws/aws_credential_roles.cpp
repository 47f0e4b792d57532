// AwsCredentialChain: roles, by AWS's token service (STS).
#include "base/log.hpp"
#include "base/strings.hpp"
#include "clients/aws/aws_credentials.hpp"
#include "clients/aws/aws_query_client.hpp"

namespace squall::clients {
namespace {

std::string session_name(std::string given) { return given.empty() ? "squall" : std::move(given); }

}  // namespace

Result<AwsCredentialChain::Found> AwsCredentialChain::from_profile_role(const Query& query, const std::string& name,
                                                                        Seen seen) {
  const AwsProfile* profile = query.settings.profiles.find(name);
  const std::string role = profile_setting(profile, "role_arn");
  if (role.empty()) return Found();
  const std::string session = profile_setting(profile, "role_session_name");
  if (const std::string file = profile_setting(profile, "web_identity_token_file"); !file.empty())
    return assume_with_token(query, role, session, file);
  if (!profile_setting(profile, "mfa_serial").empty()) {
    return credentials_error("UnsupportedProfile", "the AWS profile \"" + name +
                                                       "\" wants a code of an MFA device (mfa_serial), which nobody "
                                                       "can type in for squall");
  }
  if (!seen.insert(name).second) {
    return credentials_error("InvalidProfile",
                             "the AWS profile \"" + name + "\" leads back to itself by source_profile");
  }
  return cached("role\n" + name + "\n" + role, [&]() -> Result<AwsCredentials> {
    SQ_TRY(const Found signer, role_source(query, name, seen));
    if (!signer) {
      return credentials_error("NoCredentials", "the AWS profile \"" + name +
                                                    "\" wants to assume a role, but its source_profile "
                                                    "or credential_source gives no keys");
    }
    FormParameters parameters{{"RoleArn", role}, {"RoleSessionName", session_name(session)}};
    const std::pair<const char*, const char*> more[] = {{"external_id", "ExternalId"},
                                                        {"duration_seconds", "DurationSeconds"}};
    for (const auto& [setting, parameter] : more) {
      if (std::string value = profile_setting(profile, setting); !value.empty())
        parameters.emplace_back(parameter, value);
    }
    return ask_sts(query, "AssumeRole", parameters, &signer->keys);
  });
}

// Who may assume the role of this profile.
Result<AwsCredentialChain::Found> AwsCredentialChain::role_source(const Query& query, const std::string& name,
                                                                  const Seen& seen) {
  const AwsProfile* profile = query.settings.profiles.find(name);
  const std::string source_profile = profile_setting(profile, "source_profile");
  const std::string source = profile_setting(profile, "credential_source");
  if (!source_profile.empty() && !source.empty()) {
    return credentials_error("InvalidProfile",
                             "the AWS profile \"" + name + "\" has both source_profile and credential_source");
  }
  if (!source_profile.empty()) {
    // A profile that names itself means its own keys.
    if (source_profile == name) return from_profile_keys(query, name);
    SQ_TRY(Found role, from_profile_role(query, source_profile, seen));
    if (role) return role;
    SQ_TRY(Found sso, from_sso(query, source_profile));
    if (sso) return sso;
    return from_profile_keys(query, source_profile);
  }
  if (source == "Environment") return from_environment(query);
  if (source == "EcsContainer") return from_container(query);
  if (source == "Ec2InstanceMetadata") return from_instance(query);
  if (source.empty()) return Found();
  return credentials_error("InvalidProfile", "the AWS profile \"" + name + "\" has credential_source \"" + source +
                                                 "\"; it can be Environment, EcsContainer or Ec2InstanceMetadata");
}

Result<AwsCredentialChain::Found> AwsCredentialChain::from_web_identity(const Query& query) {
  const std::string file = query.environment("AWS_WEB_IDENTITY_TOKEN_FILE");
  const std::string role = query.environment("AWS_ROLE_ARN");
  if (file.empty() || role.empty()) return Found();
  return assume_with_token(query, role, query.environment("AWS_ROLE_SESSION_NAME"), file);
}

Result<AwsCredentialChain::Found> AwsCredentialChain::assume_with_token(const Query& query, const std::string& role,
                                                                        const std::string& session,
                                                                        const std::string& token_file) {
  return cached("web\n" + role + "\n" + token_file, [&]() -> Result<AwsCredentials> {
    // The token rotates: its file is read at each renewal.
    SQ_TRY(const std::string token, read_file(token_file));
    add_log_secret(trim(token));
    return ask_sts(
        query, "AssumeRoleWithWebIdentity",
        {{"RoleArn", role}, {"RoleSessionName", session_name(session)}, {"WebIdentityToken", std::string(trim(token))}},
        nullptr);
  });
}

Result<AwsCredentials> AwsCredentialChain::ask_sts(const Query& query, const std::string& action,
                                                   const FormParameters& parameters,
                                                   const crypto::Credentials* signer) {
  const std::string endpoint = aws_service_endpoint("sts", query.settings, query.environment);
  AwsQueryClient sts(http_, {"sts", "2011-06-15", endpoint, query.settings.region, query.settings.ca_file}, clock_,
                     random_);
  SQ_TRY(const XmlElement result, sts.call(action, parameters, signer, query.stop));
  const XmlElement* found = result.find("Credentials");
  AwsCredentials made;
  if (found != nullptr) {
    made.keys = {std::string(found->text_of("AccessKeyId")), std::string(found->text_of("SecretAccessKey")),
                 std::string(found->text_of("SessionToken"))};
    made.expires = parse_timestamp(found->text_of("Expiration"));
  }
  if (made.keys.access_key.empty() || made.keys.secret_key.empty()) {
    return fail(ErrorCode::kRemote, "sts " + action + " answered without credentials");
  }
  return masked_credentials(std::move(made));
}

}  // namespace squall::clients
