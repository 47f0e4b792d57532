// Who we are at AWS (kubernetes-aws-vault-consul.md section 4.4).
#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "clients/aws/aws_credential_cache.hpp"
#include "clients/aws/aws_settings.hpp"
#include "clients/aws/credential_process.hpp"
#include "crypto/sigv4.hpp"
#include "net/http_client.hpp"

namespace squall::clients {

// Finds credentials, in AWS's order: the pack's config; the environment; the profile's role (AssumeRole, also over
// several profiles, or with a web identity); a web identity token (IRSA); the profile's single sign-on; the profile's
// keys; its credential_process; the container's agent (ECS, EKS Pod Identity); the instance's metadata service,
// version 2. Temporary ones are kept and renewed before their end. Secrets are registered with the log's mask.
// Thread-safe.
//
// Errors: "NoCredentials" lists what was looked at; "PartialCredentials"; "UnsupportedProfile" names what squall cannot
// do (MFA, programs without a runner); "InvalidProfile"; "SsoLoginNeeded"; what STS or an agent answered.
class AwsCredentialChain {
 public:
  // `run_program` may be empty: then a credential_process is an UnsupportedProfile.
  AwsCredentialChain(net::HttpClient& http, const Clock& clock, Random& random, ProgramRunner run_program = {})
      : http_(http), clock_(clock), random_(random), run_program_(std::move(run_program)), cache_(clock) {}

  Result<AwsCredentials> get(const AwsSettings& settings, const Environment& environment, const StopToken& stop);
  // After AWS said that they have ended: the next get() asks their source anew.
  void forget(const std::string& access_key) { cache_.forget(access_key); }
  // The region that this EC2 instance is in; empty when this is none.
  std::string region_of_instance(const Environment& environment, const StopToken& stop);

 private:
  using Found = std::optional<AwsCredentials>;  // nothing: this source is not set up, try the next one
  struct Query {
    const AwsSettings& settings;
    const Environment& environment;
    const StopToken& stop;
  };
  // Profiles on the way to a role: each may lead to another one, but not in a circle.
  using Seen = std::set<std::string>;

  Result<Found> from_environment(const Query& query);
  Result<Found> from_profile_keys(const Query& query, const std::string& profile);
  Result<Found> from_process(const Query& query, const std::string& profile);
  // aws_credential_roles.cpp
  Result<Found> from_profile_role(const Query& query, const std::string& profile, Seen seen);
  Result<Found> role_source(const Query& query, const std::string& profile, const Seen& seen);
  Result<Found> from_web_identity(const Query& query);
  Result<Found> assume_with_token(const Query& query, const std::string& role, const std::string& session,
                                  const std::string& token_file);
  Result<AwsCredentials> ask_sts(const Query& query, const std::string& action,
                                 const std::vector<std::pair<std::string, std::string>>& parameters,
                                 const crypto::Credentials* signer);
  // aws_credential_agents.cpp
  Result<Found> from_sso(const Query& query, const std::string& profile);
  Result<Found> from_container(const Query& query);
  Result<Found> from_instance(const Query& query);
  Result<Value> ask_agent(const net::HttpRequest& request, const StopToken& stop, const char* who);
  Result<net::HttpRequest> instance_request(const Environment& environment, const StopToken& stop);
  Result<Found> cached(const std::string& key, const AwsCredentialCache::Make& make);

  net::HttpClient& http_;
  const Clock& clock_;
  Random& random_;
  const ProgramRunner run_program_;
  AwsCredentialCache cache_;
};

// A profile's setting, empty when it has none. `profile` may be null.
std::string profile_setting(const AwsProfile* profile, std::string_view name);
tl::unexpected<Error> credentials_error(const char* type, std::string message);
// Registers the secrets with the log's mask.
AwsCredentials masked_credentials(AwsCredentials found);

}  // namespace squall::clients
