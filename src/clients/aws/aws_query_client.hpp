// AWS's query protocol: a form goes out, XML comes back (kubernetes-aws-vault-consul.md sections 4.1 to 4.3).
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/stop_token.hpp"
#include "clients/aws/aws_retry.hpp"
#include "clients/aws/xml.hpp"
#include "crypto/sigv4.hpp"
#include "net/http_client.hpp"

namespace squall::clients {

using FormParameters = std::vector<std::pair<std::string, std::string>>;

struct AwsService {
  std::string name;          // "rds": of the signature
  std::string version;       // "2014-10-31"
  std::string endpoint_url;  // "https://rds.eu-west-1.amazonaws.com"
  std::string region;
  std::string ca_file;  // empty: the system's authorities
};

// Blocking, thread-safe; shared by all calls to one endpoint, because they share the retry quota and the clock's
// offset.
class AwsQueryClient {
 public:
  using Sleep = std::function<bool(Duration, const StopToken&)>;
  AwsQueryClient(net::HttpClient& http, AwsService service, const Clock& clock, Random& random,
                 Sleep sleep = sleep_unless_stopped);

  // The <ActionResult> element; an element without children when the action has no result. Unsigned without
  // credentials. Makes up to 3 tries, each signed anew. When AWS finds our clock wrong, it is asked for the time and
  // tried once more.
  //
  // An Error has AWS's code as type() and the HTTP status: kPermissionDenied, kNotFound, kConflict (…AlreadyExists…),
  // kInvalid (parameters), kUnavailable (throttled, 5xx, unreachable), kTimeout, kCanceled, else kRemote. Messages are
  // AWS's own, with known secrets masked.
  Result<XmlElement> call(const std::string& action, const FormParameters& parameters,
                          const crypto::Credentials* credentials, const StopToken& stop);

  int retry_quota_left() const { return quota_.left(); }

 private:
  struct Attempt {
    Result<XmlElement> answer;
    int status = 0;
    Duration server_wish{};
    bool clock_is_wrong = false;
  };
  Attempt attempt(const std::string& action, const std::string& body, const std::string& invocation, int number,
                  const crypto::Credentials* credentials, const StopToken& stop);
  Error error_of(const std::string& action, const net::HttpResponse& response) const;
  void learn_clock_offset(const net::HttpResponse& response);

  net::HttpClient& http_;
  const AwsService service_;
  const Clock& clock_;
  Random& random_;
  const Sleep sleep_;
  AwsRetryQuota quota_;
  std::atomic<int64_t> clock_offset_{0};  // microseconds that AWS is ahead of us
};

// "Sun, 06 Nov 1994 08:49:37 GMT", the only form that HTTP servers may send. Nothing for another text.
std::optional<Timestamp> parse_http_date(std::string_view text);

}  // namespace squall::clients
