// Who we are at AWS (kubernetes-aws-vault-consul.md section 4.4).
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "clients/aws/aws_settings.hpp"
#include "crypto/sigv4.hpp"
#include "net/http_client.hpp"

namespace squall::clients {

struct AwsCredentials {
  crypto::Credentials keys;
  std::optional<Timestamp> expires;  // of temporary ones
};

// Finds credentials, in AWS's order: the pack's config; the environment; the profile's role (AssumeRole); a web
// identity token (IRSA); the profile's keys; the container's agent (ECS, EKS Pod Identity); the instance's metadata
// service. Temporary ones are kept until ten minutes before their end. Secrets are registered with the log's mask.
// Thread-safe.
//
// Errors: "NoCredentials" lists what was looked at; "PartialCredentials"; "UnsupportedProfile" names an SSO or
// credential_process profile; what STS or an agent answered.
class AwsCredentialChain {
 public:
  AwsCredentialChain(net::HttpClient& http, const Clock& clock, Random& random)
      : http_(http), clock_(clock), random_(random) {}

  Result<AwsCredentials> get(const AwsSettings& settings, const Environment& environment, const StopToken& stop);

 private:
  using Found = std::optional<AwsCredentials>;  // nothing: this source is not set up, try the next one
  struct Query;

  Result<Found> from_environment(const Query& query);
  Result<Found> from_profile_role(const Query& query);
  Result<Found> from_web_identity(const Query& query);
  Result<Found> from_profile_keys(const Query& query, const std::string& profile);
  Result<Found> from_container(const Query& query);
  Result<Found> from_instance(const Query& query);

  Result<AwsCredentials> ask_sts(const Query& query, const std::string& action,
                                 const std::vector<std::pair<std::string, std::string>>& parameters,
                                 const crypto::Credentials* signer);
  Result<Value> ask_agent(const net::HttpRequest& request, const Query& query, const char* who);
  Result<AwsCredentials> from_agent_answer(const Value& answer, const char* who) const;
  template <typename Make>
  Result<Found> cached(const std::string& key, Make make);

  net::HttpClient& http_;
  const Clock& clock_;
  Random& random_;
  std::mutex mutex_;
  std::map<std::string, AwsCredentials> cache_;
};

}  // namespace squall::clients
