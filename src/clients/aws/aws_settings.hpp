// Where AWS is: region and endpoint, from the pack's config, the environment and AWS's shared files.
#pragma once

#include <string>

#include "base/result.hpp"
#include "clients/aws/profiles.hpp"
#include "crypto/sigv4.hpp"
#include "value/value.hpp"

namespace squall::clients {

// What one call uses. Read anew for each call: a changed file or environment takes effect at once.
struct AwsSettings {
  std::string region;
  std::string endpoint_url;  // of RDS
  std::string ca_file;
  std::string profile = "default";
  bool profile_is_explicit = false;  // named in the pack's config: then the environment's keys do not count
  crypto::Credentials configured;    // of the pack's config; empty when it has none
  AwsProfiles profiles;

  // Region: `region`, then the config, AWS_REGION, AWS_DEFAULT_REGION, the profile. Endpoint: the config,
  // AWS_ENDPOINT_URL_RDS, AWS_ENDPOINT_URL, the profile's services section, the profile's endpoint_url (the last four
  // not with AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true), AWS's own. Authorities: the config, AWS_CA_BUNDLE, the profile.
  // Errors of kind kInvalid say what to set: "NoRegion", "ProfileNotFound", "PartialCredentials".
  static Result<AwsSettings> read(const Value& config, std::string_view region, const Environment& environment);
};

// Where `service` ("rds", "sts") is: what the environment or the profile sets for it, else AWS's own endpoint of the
// region. The pack's `endpoint_url` is that of RDS alone and does not count here.
std::string aws_service_endpoint(const std::string& service, const AwsSettings& settings,
                                 const Environment& environment);

// "https://rds.eu-west-1.amazonaws.com"
std::string aws_endpoint(std::string_view service, std::string_view region);

}  // namespace squall::clients
