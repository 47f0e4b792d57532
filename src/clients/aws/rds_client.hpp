// RdsClient: the RDS API for native actions.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "clients/aws/aws_credentials.hpp"
#include "clients/aws/aws_query_client.hpp"
#include "clients/aws/aws_settings.hpp"
#include "value/value.hpp"

namespace squall::clients {

inline constexpr size_t kRdsPagesMax = 1000;  // of 100 records; more is an error, not a short list

// One caller's view of one endpoint. Blocking, thread-safe. Errors are those of AwsQueryClient::call().
class RdsClient {
 public:
  RdsClient(std::shared_ptr<AwsQueryClient> query, crypto::Credentials credentials, StopToken stop)
      : query_(std::move(query)), credentials_(std::move(credentials)), stop_(std::move(stop)) {}

  // Names of parameters and results are those of the API (CamelCase).
  Result<Value> call(const std::string& action, const Value& parameters) const;
  // All pages: the members of the list `list` of the results.
  Result<Value> call_all(const std::string& action, const std::string& list, Value parameters) const;
  // The instance, or null when there is none of that name.
  Result<Value> find_instance(std::string_view identifier) const;
  // The snapshot, or null.
  Result<Value> find_snapshot(std::string_view identifier) const;
  // Tags as a dict; asks for them when the record came without.
  Result<Value> tags_of(const Value& record, std::string_view arn) const;

 private:
  std::shared_ptr<AwsQueryClient> query_;
  crypto::Credentials credentials_;
  StopToken stop_;
};

// Keeps what calls share: retry quotas and clock offsets for each endpoint, temporary credentials. Thread-safe.
class AwsClients {
 public:
  AwsClients(net::HttpClient& http, const Clock& clock, Random& random);

  // `region` wins over the config's when it is not empty.
  Result<RdsClient> rds(const Value& config, std::string_view region, const Environment& environment, StopToken stop);

 private:
  net::HttpClient& http_;
  const Clock& clock_;
  Random& random_;
  AwsCredentialChain credentials_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<AwsQueryClient>> clients_;  // by endpoint, region and authorities
};

// True when the error is that of AWS, with or without the suffix "Fault" that some services put behind their codes.
bool is_aws_error(const Error& error, std::string_view code);

}  // namespace squall::clients
