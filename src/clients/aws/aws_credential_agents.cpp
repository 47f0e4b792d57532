// AwsCredentialChain: single sign-on, and the agents of containers and instances.
#include <algorithm>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "clients/aws/aws_credentials.hpp"
#include "crypto/hash.hpp"
#include "value/json.hpp"

namespace squall::clients {
namespace {

constexpr Duration kMetadataTimeout = std::chrono::seconds(2);
constexpr Duration kSsoTimeout = std::chrono::seconds(20);
constexpr int64_t kMetadataAttemptsMax = 10;
constexpr std::string_view kContainerHost = "http://169.254.170.2";
constexpr const char* kInstanceHost = "http://169.254.169.254";
constexpr const char* kInstanceHostIpv6 = "http://[fd00:ec2::254]";
constexpr const char* kInstance = "the instance's metadata service";

// Who is asked by plain HTTP for credentials must be this machine or one of AWS's link-local agents.
bool is_trusted_agent(std::string_view url) {
  if (url.starts_with("https://")) return true;
  constexpr std::string_view kTrusted[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
                                           "127.0.0.1",     "localhost",      "[::1]"};
  std::string host = crypto::url_host(url);
  if (const size_t colon = host.rfind(':'); colon != std::string::npos && !host.ends_with("]")) host.erase(colon);
  return std::find(std::begin(kTrusted), std::end(kTrusted), host) != std::end(kTrusted);
}

Result<AwsCredentials> read_agent_answer(const Value& answer, const char* who) {
  AwsCredentials made{{answer["AccessKeyId"].string(), answer["SecretAccessKey"].string(), answer["Token"].string()},
                      parse_timestamp(answer["Expiration"].string_or(""))};
  if (made.keys.access_key.empty() || made.keys.secret_key.empty()) {
    return fail(ErrorCode::kRemote, std::string(who) + " answered without credentials");
  }
  return masked_credentials(std::move(made));
}

std::string instance_host(const Environment& environment) {
  std::string host = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (host.empty()) {
    const bool ipv6 = equals_ignore_case(environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "ipv6");
    host = ipv6 ? kInstanceHostIpv6 : kInstanceHost;
  }
  while (host.ends_with('/')) host.pop_back();
  return host;
}

bool instance_is_off(const Environment& environment) {
  return equals_ignore_case(environment("AWS_EC2_METADATA_DISABLED"), "true");
}

// What `aws sso login` left: the token of a session, or of a start URL in the old form.
Result<std::string> sso_token(const Environment& environment, const std::string& name, const std::string& profile,
                              Timestamp now) {
  const auto login_needed = [&](const char* why) {
    return credentials_error("SsoLoginNeeded", "the AWS profile \"" + profile + "\" uses single sign-on, and " + why +
                                                   ": run `aws sso login --profile " + profile + "` as squall's user");
  };
  auto text = read_file(environment("HOME") + "/.aws/sso/cache/" + crypto::sha1_hex(name) + ".json");
  if (!text) return login_needed("nobody is logged in");
  auto token = parse_json(*text);
  if (!token || !(*token)["accessToken"].is_string()) return login_needed("its cached login cannot be read");
  const auto ends = parse_timestamp((*token)["expiresAt"].string_or(""));
  if (!ends || *ends <= now) return login_needed("its login has ended");
  add_log_secret((*token)["accessToken"].string());
  return (*token)["accessToken"].string();
}

}  // namespace

Result<Value> AwsCredentialChain::ask_agent(const net::HttpRequest& request, const StopToken& stop, const char* who) {
  auto response = http_.call(request, stop);
  if (!response) return fail(response.error().with_context(who));
  if (response->status != 200) {
    const ErrorCode code = response->status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kRemote;
    return fail(Error(code, std::string(who) + " answered " + std::to_string(response->status))
                    .with_http_status(response->status));
  }
  auto answer = parse_json(response->body);
  if (!answer) return fail(ErrorCode::kRemote, std::string(who) + " answered with something that is no JSON");
  return answer;
}

Result<AwsCredentialChain::Found> AwsCredentialChain::from_sso(const Query& query, const std::string& name) {
  const AwsProfile* profile = query.settings.profiles.find(name);
  const std::string session = profile_setting(profile, "sso_session");
  std::string start_url = profile_setting(profile, "sso_start_url");
  std::string region = profile_setting(profile, "sso_region");
  const std::string account = profile_setting(profile, "sso_account_id");
  const std::string role = profile_setting(profile, "sso_role_name");
  if (session.empty() && start_url.empty()) return Found();
  if (!session.empty()) {
    const auto found = query.settings.profiles.sso_sessions.find(session);
    const AwsProfile* section = found == query.settings.profiles.sso_sessions.end() ? nullptr : &found->second;
    start_url = profile_setting(section, "sso_start_url");
    region = profile_setting(section, "sso_region");
  }
  if (start_url.empty() || region.empty() || account.empty() || role.empty()) {
    return credentials_error("InvalidProfile",
                             "the AWS profile \"" + name +
                                 "\" uses single sign-on, but one of sso_start_url, sso_region, sso_account_id and "
                                 "sso_role_name is missing (with sso_session, the first two stand in [sso-session " +
                                 session + "])");
  }
  return cached("sso\n" + name + "\n" + account + "\n" + role, [&]() -> Result<AwsCredentials> {
    SQ_TRY(const std::string token,
           sso_token(query.environment, session.empty() ? start_url : session, name, clock_.now()));
    std::string endpoint = query.environment("AWS_ENDPOINT_URL_SSO");
    if (endpoint.empty()) endpoint = aws_endpoint("portal.sso", region);
    net::HttpRequest request;
    request.url = endpoint + "/federation/credentials?role_name=" + percent_encode(role) +
                  "&account_id=" + percent_encode(account);
    request.headers = {{"x-amz-sso_bearer_token", token}};
    request.tls.ca_file = query.settings.ca_file;
    request.timeout = kSsoTimeout;
    SQ_TRY(const Value answer, ask_agent(request, query.stop, "AWS's single sign-on"));
    const Value& keys = answer["roleCredentials"];
    AwsCredentials made{{keys["accessKeyId"].string(), keys["secretAccessKey"].string(), keys["sessionToken"].string()},
                        Timestamp(std::chrono::milliseconds(keys["expiration"].int_or(0)))};
    if (made.keys.access_key.empty() || made.keys.secret_key.empty())
      return fail(ErrorCode::kRemote, "AWS's single sign-on answered without credentials");
    return masked_credentials(std::move(made));
  });
}

Result<AwsCredentialChain::Found> AwsCredentialChain::from_container(const Query& query) {
  constexpr const char* kWho = "the container's credential agent";
  const std::string relative = query.environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = query.environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) return Found();
  const std::string url = relative.empty() ? full : std::string(kContainerHost) + relative;
  if (!is_trusted_agent(url)) {
    return credentials_error("NoCredentials",
                             "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or name this machine or AWS's agent");
  }
  return cached("container\n" + url, [&]() -> Result<AwsCredentials> {
    net::HttpRequest request;
    request.url = url;
    request.direct = true;
    request.timeout = kMetadataTimeout;
    std::string token = query.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (const std::string file = query.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
      SQ_TRY(token, read_file(file));  // it rotates: read at each renewal
      token = trim(token);
    }
    if (token.find_first_of("\r\n") != std::string::npos)
      return credentials_error("NoCredentials", "the authorization token of the container's agent has a line break");
    add_log_secret(token);
    if (!token.empty()) request.headers.set("Authorization", token);
    SQ_TRY(const Value answer, ask_agent(request, query.stop, kWho));
    return read_agent_answer(answer, kWho);
  });
}

// A request with a session token; what is missing is the path behind the URL. NotFound: this is no EC2 instance.
Result<net::HttpRequest> AwsCredentialChain::instance_request(const Environment& environment, const StopToken& stop) {
  net::HttpRequest request;
  const std::string host = instance_host(environment);
  request.direct = true;
  request.method = "PUT";
  request.url = host + "/latest/api/token";
  request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}};
  const auto timeout = parse_int(environment("AWS_METADATA_SERVICE_TIMEOUT"));
  request.timeout = timeout && *timeout > 0 && *timeout <= 60 ? std::chrono::seconds(*timeout) : kMetadataTimeout;
  request.connect_timeout = request.timeout;
  const int64_t attempts = std::clamp<int64_t>(parse_int(environment("AWS_METADATA_SERVICE_NUM_ATTEMPTS")).value_or(1),
                                               1, kMetadataAttemptsMax);
  Result<net::HttpResponse> token = http_.call(request, stop);
  for (int64_t tries = 1; tries < attempts && (!token || token->status >= 500) && !stop.stopped(); ++tries)
    token = http_.call(request, stop);
  if (!token && token.error().code() == ErrorCode::kCanceled) return fail(token.error());
  // Most machines are no EC2 instances: silence, or an answer of somebody else, means just that.
  if (!token || token->status != 200) return fail(ErrorCode::kNotFound, "this is no EC2 instance");
  add_log_secret(token->body);
  request.method = "GET";
  request.headers = {{"X-aws-ec2-metadata-token", token->body}};
  request.url = host;
  return request;
}

Result<AwsCredentialChain::Found> AwsCredentialChain::from_instance(const Query& query) {
  if (instance_is_off(query.environment)) return Found();
  auto found = cached("instance\n" + instance_host(query.environment), [&]() -> Result<AwsCredentials> {
    SQ_TRY(net::HttpRequest request, instance_request(query.environment, query.stop));
    request.url += "/latest/meta-data/iam/security-credentials/";
    auto roles = http_.call(request, query.stop);
    if (!roles) return fail(roles.error().with_context(kInstance));
    if (roles->status != 200)
      return credentials_error("NoCredentials", "no AWS credentials: this EC2 instance has no role");
    request.url += std::string(trim(split(roles->body, '\n').front()));
    SQ_TRY(const Value answer, ask_agent(request, query.stop, kInstance));
    return read_agent_answer(answer, kInstance);
  });
  if (!found && found.error().code() == ErrorCode::kNotFound) return Found();
  return found;
}

std::string AwsCredentialChain::region_of_instance(const Environment& environment, const StopToken& stop) {
  if (instance_is_off(environment)) return {};
  auto request = instance_request(environment, stop);
  if (!request) return {};
  request->url += "/latest/meta-data/placement/region";
  auto region = http_.call(*request, stop);
  return region && region->status == 200 ? std::string(trim(region->body)) : std::string();
}

}  // namespace squall::clients
