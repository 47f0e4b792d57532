// When and how long after a failed AWS call is made again: the "standard" mode of AWS's SDKs
// (kubernetes-aws-vault-consul.md section 4.3).
#pragma once

#include <mutex>
#include <string_view>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/stop_token.hpp"

namespace squall::clients {

inline constexpr int kAwsAttemptsMax = 3;

enum class AwsRetry {
  kNever,      // trying again cannot help
  kTransient,  // the network or a server hiccup
  kThrottled,  // we are too fast
};

// `status` 0: there was no HTTP answer at all. `code`: AWS's error code, or empty.
AwsRetry classify_aws_failure(int status, std::string_view code);

// Before try number `attempt` + 1 (so from 1 on): an even choice from [0, base * 2^(attempt - 1)), at most 20 s; the
// server's own wish ("x-amz-retry-after", milliseconds) raises it, by 5 s at most.
Duration aws_retry_delay(AwsRetry kind, int attempt, Random& random, Duration server_wish = Duration::zero());

// All retries to one endpoint together: each takes from a bucket that success refills, so that a broken endpoint is not
// buried under retries. Thread-safe.
class AwsRetryQuota {
 public:
  // Takes what a retry of that kind costs; false, and nothing taken, when the bucket has less.
  bool take(AwsRetry kind);
  // After a success: gives back what its last retry took, or 1 without retries.
  void give_back(AwsRetry last_retry);
  int left() const;

 private:
  static constexpr int kCapacity = 500;
  mutable std::mutex mutex_;
  int left_ = kCapacity;
};

// Sleeps; false when stopped before the end.
bool sleep_unless_stopped(Duration duration, const StopToken& stop);

}  // namespace squall::clients
