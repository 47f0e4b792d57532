// AWS's shared files: ~/.aws/credentials and ~/.aws/config.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace squall::clients {

using Environment = std::function<std::string(const std::string&)>;

// Settings of one profile or section: name -> value; a nested setting is "outer.inner".
using AwsProfile = std::map<std::string, std::string, std::less<>>;

struct AwsProfiles {
  std::map<std::string, AwsProfile, std::less<>> profiles;
  std::map<std::string, AwsProfile, std::less<>> services;      // [services NAME]
  std::map<std::string, AwsProfile, std::less<>> sso_sessions;  // [sso-session NAME]

  const AwsProfile* find(std::string_view name) const;

  // From the files that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name, else those in $HOME/.aws. Files that do
  // not exist are empty. Settings of the credentials file win. A line that cannot be read is an error with its place,
  // of type "ProfileMalformed"; it never quotes the line.
  static Result<AwsProfiles> load(const Environment& environment);
};

// One file of that form: section -> settings. For tests and load().
Result<std::map<std::string, AwsProfile, std::less<>>> parse_aws_file(std::string_view text, const std::string& file);

}  // namespace squall::clients
