#include "clients/aws/aws_credentials.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "clients/aws/aws_query_client.hpp"
#include "value/json.hpp"

namespace squall::clients {
namespace {

constexpr Duration kRenewBefore = std::chrono::minutes(10);
constexpr size_t kCacheMax = 64;
constexpr Duration kMetadataTimeout = std::chrono::seconds(2);
constexpr std::string_view kContainerHost = "http://169.254.170.2";
constexpr std::string_view kInstanceHost = "http://169.254.169.254";

std::string setting(const AwsProfile& profile, std::string_view name) {
  const auto found = profile.find(name);
  return found == profile.end() ? std::string() : found->second;
}

tl::unexpected<Error> wrong(const char* type, std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type(type));
}

AwsCredentials masked(AwsCredentials found) {
  add_log_secret(found.keys.secret_key);
  add_log_secret(found.keys.session_token);
  return found;
}

// Who is asked by plain HTTP for credentials must be this machine or one of AWS's link-local agents.
bool is_trusted_agent(std::string_view url) {
  if (url.starts_with("https://")) return true;
  constexpr std::string_view kTrusted[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
                                           "127.0.0.1",     "localhost",      "[::1]"};
  std::string host = crypto::url_host(url);
  if (const size_t colon = host.rfind(':'); colon != std::string::npos && !host.ends_with("]")) host.erase(colon);
  return std::find(std::begin(kTrusted), std::end(kTrusted), host) != std::end(kTrusted);
}

}  // namespace

struct AwsCredentialChain::Query {
  const AwsSettings& settings;
  const Environment& environment;
  const StopToken& stop;
  const AwsProfile& profile;
};

Result<AwsCredentials> AwsCredentialChain::get(const AwsSettings& settings, const Environment& environment,
                                               const StopToken& stop) {
  if (!settings.configured.access_key.empty()) return masked({settings.configured, std::nullopt});
  static const AwsProfile kNoProfile;
  const AwsProfile* profile = settings.profiles.find(settings.profile);
  const Query query{settings, environment, stop, profile == nullptr ? kNoProfile : *profile};
  if (!settings.profile_is_explicit) {
    SQ_TRY(Found found, from_environment(query));
    if (found) return masked(std::move(*found));
  }
  SQ_TRY(Found role, from_profile_role(query));
  if (role) return masked(std::move(*role));
  SQ_TRY(Found web, from_web_identity(query));
  if (web) return masked(std::move(*web));
  SQ_TRY(Found keys, from_profile_keys(query, settings.profile));
  if (keys) return masked(std::move(*keys));
  SQ_TRY(Found container, from_container(query));
  if (container) return masked(std::move(*container));
  SQ_TRY(Found instance, from_instance(query));
  if (instance) return masked(std::move(*instance));
  return wrong(
      "NoCredentials",
      "no AWS credentials: looked at the config of the pack aws, the environment (AWS_ACCESS_KEY_ID), a web identity "
      "(AWS_WEB_IDENTITY_TOKEN_FILE), the profile \"" +
          settings.profile + "\" of the shared files, the container's agent and the instance's metadata service");
}

template <typename Make>
Result<AwsCredentialChain::Found> AwsCredentialChain::cached(const std::string& key, Make make) {
  // Held while asking: many calls that find the same credentials old shall not all ask at once.
  const std::lock_guard lock(mutex_);
  const auto known = cache_.find(key);
  if (known != cache_.end() && known->second.expires && *known->second.expires - kRenewBefore > clock_.now())
    return Found(known->second);
  SQ_TRY(AwsCredentials made, make());
  if (made.expires) {
    if (cache_.size() >= kCacheMax) cache_.clear();
    cache_[key] = made;
  }
  return Found(std::move(made));
}

Result<AwsCredentialChain::Found> AwsCredentialChain::from_environment(const Query& query) {
  crypto::Credentials keys{query.environment("AWS_ACCESS_KEY_ID"), query.environment("AWS_SECRET_ACCESS_KEY"),
                           query.environment("AWS_SESSION_TOKEN")};
  if (keys.access_key.empty() && keys.secret_key.empty()) return Found();
  if (keys.access_key.empty() || keys.secret_key.empty()) {
    return wrong("PartialCredentials", "the environment has only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  }
  return Found({std::move(keys), std::nullopt});
}

Result<AwsCredentialChain::Found> AwsCredentialChain::from_profile_keys(const Query& query, const std::string& name) {
  const AwsProfile* profile = query.settings.profiles.find(name);
  if (profile == nullptr) return Found();
  crypto::Credentials keys{setting(*profile, "aws_access_key_id"), setting(*profile, "aws_secret_access_key"),
                           setting(*profile, "aws_session_token")};
  if (!keys.access_key.empty() && !keys.secret_key.empty()) return Found({std::move(keys), std::nullopt});
  if (!keys.access_key.empty() || !keys.secret_key.empty()) {
    return wrong("PartialCredentials",
                 "the AWS profile \"" + name + "\" has only one of aws_access_key_id and aws_secret_access_key");
  }
  for (const char* unsupported : {"sso_session", "sso_start_url", "credential_process"}) {
    if (profile->contains(unsupported)) {
      return wrong("UnsupportedProfile",
                   "the AWS profile \"" + name + "\" uses " + unsupported + ", which squall does not support");
    }
  }
  return Found();
}

Result<AwsCredentialChain::Found> AwsCredentialChain::from_profile_role(const Query& query) {
  const std::string role = setting(query.profile, "role_arn");
  if (role.empty()) return Found();
  const std::string token_file = setting(query.profile, "web_identity_token_file");
  if (!token_file.empty()) {
    return cached("web\n" + role + "\n" + token_file, [&]() -> Result<AwsCredentials> {
      SQ_TRY(const std::string token, read_file(token_file));
      return ask_sts(query, "AssumeRoleWithWebIdentity",
                     {{"RoleArn", role}, {"RoleSessionName", "squall"}, {"WebIdentityToken", std::string(trim(token))}},
                     nullptr);
    });
  }
  return cached("role\n" + query.settings.profile + "\n" + role, [&]() -> Result<AwsCredentials> {
    const std::string source_profile = setting(query.profile, "source_profile");
    const std::string source = setting(query.profile, "credential_source");
    Result<Found> signer = Found();
    if (!source_profile.empty()) {
      signer = from_profile_keys(query, source_profile);
    } else if (source == "Environment") {
      signer = from_environment(query);
    } else if (source == "EcsContainer") {
      signer = from_container(query);
    } else if (source == "Ec2InstanceMetadata") {
      signer = from_instance(query);
    }
    if (!signer) return fail(std::move(signer).error());
    if (!*signer) {
      return wrong("NoCredentials", "the AWS profile \"" + query.settings.profile +
                                        "\" wants to assume a role, but its source_profile "
                                        "or credential_source gives no keys");
    }
    std::string session = setting(query.profile, "role_session_name");
    FormParameters parameters{{"RoleArn", role}, {"RoleSessionName", session.empty() ? "squall" : session}};
    if (std::string id = setting(query.profile, "external_id"); !id.empty()) parameters.emplace_back("ExternalId", id);
    return ask_sts(query, "AssumeRole", parameters, &(*signer)->keys);
  });
}

Result<AwsCredentialChain::Found> AwsCredentialChain::from_web_identity(const Query& query) {
  const std::string file = query.environment("AWS_WEB_IDENTITY_TOKEN_FILE");
  const std::string role = query.environment("AWS_ROLE_ARN");
  if (file.empty() || role.empty()) return Found();
  const std::string session = query.environment("AWS_ROLE_SESSION_NAME");
  return cached("web\n" + role + "\n" + file, [&]() -> Result<AwsCredentials> {
    // The token rotates: its file is read at each renewal.
    SQ_TRY(const std::string token, read_file(file));
    add_log_secret(trim(token));
    return ask_sts(query, "AssumeRoleWithWebIdentity",
                   {{"RoleArn", role},
                    {"RoleSessionName", session.empty() ? "squall" : session},
                    {"WebIdentityToken", std::string(trim(token))}},
                   nullptr);
  });
}

Result<AwsCredentials> AwsCredentialChain::ask_sts(const Query& query, const std::string& action,
                                                   const FormParameters& parameters,
                                                   const crypto::Credentials* signer) {
  std::string endpoint = query.environment("AWS_ENDPOINT_URL_STS");
  if (endpoint.empty()) endpoint = query.environment("AWS_ENDPOINT_URL");
  if (endpoint.empty()) endpoint = aws_endpoint("sts", query.settings.region);
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
  return masked(std::move(made));
}

Result<Value> AwsCredentialChain::ask_agent(const net::HttpRequest& request, const Query& query, const char* who) {
  auto response = http_.call(request, query.stop);
  if (!response) return fail(response.error().with_context(who));
  if (response->status != 200) {
    return fail(Error(ErrorCode::kRemote, std::string(who) + " answered " + std::to_string(response->status))
                    .with_http_status(response->status));
  }
  auto answer = parse_json(response->body);
  if (!answer) return fail(ErrorCode::kRemote, std::string(who) + " answered with something that is no JSON");
  return answer;
}

Result<AwsCredentials> AwsCredentialChain::from_agent_answer(const Value& answer, const char* who) const {
  AwsCredentials made{{answer["AccessKeyId"].string(), answer["SecretAccessKey"].string(), answer["Token"].string()},
                      parse_timestamp(answer["Expiration"].string_or(""))};
  if (made.keys.access_key.empty() || made.keys.secret_key.empty()) {
    return fail(ErrorCode::kRemote, std::string(who) + " answered without credentials");
  }
  return masked(std::move(made));
}

Result<AwsCredentialChain::Found> AwsCredentialChain::from_container(const Query& query) {
  constexpr const char* kWho = "the container's credential agent";
  const std::string relative = query.environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = query.environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) return Found();
  const std::string url = relative.empty() ? full : std::string(kContainerHost) + relative;
  if (!is_trusted_agent(url)) {
    return wrong("NoCredentials",
                 "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or name this machine or AWS's agent");
  }
  return cached("container\n" + url, [&]() -> Result<AwsCredentials> {
    net::HttpRequest request;
    request.url = url;
    request.direct = true;
    request.timeout = kMetadataTimeout;
    std::string token = query.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (const std::string file = query.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
      SQ_TRY(token, read_file(file));
      token = trim(token);
    }
    add_log_secret(token);
    if (!token.empty()) request.headers.set("Authorization", token);
    SQ_TRY(const Value answer, ask_agent(request, query, kWho));
    return from_agent_answer(answer, kWho);
  });
}

Result<AwsCredentialChain::Found> AwsCredentialChain::from_instance(const Query& query) {
  constexpr const char* kWho = "the instance's metadata service";
  if (equals_ignore_case(query.environment("AWS_EC2_METADATA_DISABLED"), "true")) return Found();
  std::string host = query.environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (host.empty()) host = kInstanceHost;
  while (host.ends_with('/')) host.pop_back();
  net::HttpRequest request;
  request.direct = true;
  request.method = "PUT";
  request.url = host + "/latest/api/token";
  request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}};
  request.timeout = kMetadataTimeout;
  request.connect_timeout = kMetadataTimeout;
  auto token = http_.call(request, query.stop);
  // Most machines are no EC2 instances: silence, or an answer of somebody else, means just that.
  if (!token && token.error().code() == ErrorCode::kCanceled) return fail(token.error());
  if (!token || token->status != 200) return Found();
  add_log_secret(token->body);
  return cached("instance\n" + host, [&]() -> Result<AwsCredentials> {
    request.method = "GET";
    request.headers = {{"X-aws-ec2-metadata-token", token->body}};
    request.url = host + "/latest/meta-data/iam/security-credentials/";
    auto roles = http_.call(request, query.stop);
    if (!roles) return fail(roles.error().with_context(kWho));
    if (roles->status != 200) return wrong("NoCredentials", "no AWS credentials: this EC2 instance has no role");
    request.url += std::string(trim(split(roles->body, '\n').front()));
    SQ_TRY(const Value answer, ask_agent(request, query, kWho));
    return from_agent_answer(answer, kWho);
  });
}

}  // namespace squall::clients
