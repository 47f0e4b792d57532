// RdsClient: the RDS API for native actions.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "clients/aws/aws_credentials.hpp"
#include "clients/aws/aws_query_client.hpp"
#include "clients/aws/aws_settings.hpp"
#include "clients/aws/rds_status_board.hpp"
#include "value/value.hpp"

namespace squall::clients {

inline constexpr size_t kRdsPagesMax = 1000;  // of 100 records; more is an error, not a short list

// One caller's view of one endpoint. Blocking, thread-safe. Errors are those of AwsQueryClient::call().
class RdsClient {
 public:
  // Other credentials after AWS said that `old` have ended.
  using Renew = std::function<Result<crypto::Credentials>(const crypto::Credentials& old)>;

  RdsClient(std::shared_ptr<AwsQueryClient> query, std::shared_ptr<RdsStatusBoard> board,
            crypto::Credentials credentials, Renew renew, StopToken stop)
      : query_(std::move(query)),
        board_(std::move(board)),
        credentials_(std::move(credentials)),
        renew_(std::move(renew)),
        stop_(std::move(stop)) {}

  // Names of parameters and results are those of the API (CamelCase). Credentials that have ended are renewed, and the
  // call made once more.
  Result<Value> call(const std::string& action, const Value& parameters) const;
  // All pages: the members of the list `list` of the results.
  Result<Value> call_all(const std::string& action, const std::string& list, Value parameters) const;
  // The instance, or null when there is none of that name.
  Result<Value> find_instance(std::string_view identifier) const;
  // The same for those who ask again and again; see RdsStatusBoard.
  Result<Value> watch_instance(const std::string& identifier, Duration age_max) const;
  // The snapshot, or null.
  Result<Value> find_snapshot(std::string_view identifier) const;
  // Tags as a dict; asks for them when the record came without.
  Result<Value> tags_of(const Value& record, std::string_view arn) const;

 private:
  std::shared_ptr<AwsQueryClient> query_;
  std::shared_ptr<RdsStatusBoard> board_;
  crypto::Credentials credentials_;
  Renew renew_;
  StopToken stop_;
};

// Keeps what calls share: retry quotas and clock offsets for each endpoint, status boards for each identity there,
// temporary credentials. Thread-safe.
class AwsClients {
 public:
  AwsClients(net::HttpClient& http, const Clock& clock, Random& random, ProgramRunner run_program = {});

  // `region` wins over the config's when it is not empty. Without any, that of the EC2 instance counts.
  Result<RdsClient> rds(const Value& config, const std::string& region, const Environment& environment, StopToken stop);

 private:
  Result<AwsSettings> settings_of(const Value& config, const std::string& region, const Environment& environment,
                                  const StopToken& stop);

  net::HttpClient& http_;
  const Clock& clock_;
  Random& random_;
  AwsCredentialChain credentials_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<AwsQueryClient>> clients_;  // by endpoint, region and authorities
  std::map<std::string, std::shared_ptr<RdsStatusBoard>> boards_;   // the same and how the credentials were found
};

// True when the error is that of AWS, with or without the suffix "Fault" that some services put behind their codes.
bool is_aws_error(const Error& error, std::string_view code);

}  // namespace squall::clients
