#include "clients/aws/aws_retry.hpp"

#include <algorithm>
#include <condition_variable>
#include <memory>

#include "base/assert.hpp"

namespace squall::clients {
namespace {

constexpr Duration kTransientBase = std::chrono::milliseconds(50);
constexpr Duration kThrottledBase = std::chrono::seconds(1);
constexpr Duration kDelayMax = std::chrono::seconds(20);
constexpr Duration kServerWishMax = std::chrono::seconds(5);  // more than our own choice
constexpr int kTransientCost = 14;
constexpr int kThrottledCost = 5;
constexpr int kNoRetryReward = 1;

constexpr std::string_view kThrottleCodes[] = {"Throttling",
                                               "ThrottlingException",
                                               "ThrottledException",
                                               "RequestThrottled",
                                               "RequestThrottledException",
                                               "TooManyRequestsException",
                                               "RequestLimitExceeded",
                                               "BandwidthLimitExceeded",
                                               "SlowDown",
                                               "LimitExceededException",
                                               "EC2ThrottledException",
                                               "TransactionInProgressException",
                                               "ProvisionedThroughputExceededException"};
constexpr std::string_view kTransientCodes[] = {
    "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "InternalFailure",
    "InternalError",  "ServiceUnavailable",      "IDPCommunicationError"};

int cost(AwsRetry kind) { return kind == AwsRetry::kThrottled ? kThrottledCost : kTransientCost; }

}  // namespace

AwsRetry classify_aws_failure(int status, std::string_view code) {
  if (std::find(std::begin(kThrottleCodes), std::end(kThrottleCodes), code) != std::end(kThrottleCodes))
    return AwsRetry::kThrottled;
  if (std::find(std::begin(kTransientCodes), std::end(kTransientCodes), code) != std::end(kTransientCodes))
    return AwsRetry::kTransient;
  if (status == 429) return AwsRetry::kThrottled;
  if (status == 0 || status == 500 || status == 502 || status == 503 || status == 504) return AwsRetry::kTransient;
  return AwsRetry::kNever;
}

Duration aws_retry_delay(AwsRetry kind, int attempt, Random& random, Duration server_wish) {
  SQ_ASSERT(kind != AwsRetry::kNever && attempt >= 1 && attempt < 30);
  const Duration base = kind == AwsRetry::kThrottled ? kThrottledBase : kTransientBase;
  const Duration most = std::min(kDelayMax, base * (1 << (attempt - 1)));
  const Duration chosen(static_cast<int64_t>(random.below(static_cast<uint64_t>(most.count()))));
  return std::clamp(server_wish, chosen, chosen + kServerWishMax);
}

bool AwsRetryQuota::take(AwsRetry kind) {
  const std::lock_guard lock(mutex_);
  if (left_ < cost(kind)) return false;
  left_ -= cost(kind);
  return true;
}

void AwsRetryQuota::give_back(AwsRetry last_retry) {
  const std::lock_guard lock(mutex_);
  left_ = std::min(kCapacity, left_ + (last_retry == AwsRetry::kNever ? kNoRetryReward : cost(last_retry)));
}

int AwsRetryQuota::left() const {
  const std::lock_guard lock(mutex_);
  return left_;
}

bool sleep_unless_stopped(Duration duration, const StopToken& stop) {
  struct Waiter {
    std::mutex mutex;
    std::condition_variable stopped_signal;
    bool stopped = false;
  };
  // Shared with the token's callback, which may come long after.
  const auto waiter = std::make_shared<Waiter>();
  stop.on_stop([waiter] {
    const std::lock_guard lock(waiter->mutex);
    waiter->stopped = true;
    waiter->stopped_signal.notify_all();
  });
  std::unique_lock lock(waiter->mutex);
  return !waiter->stopped_signal.wait_for(lock, duration, [&] { return waiter->stopped; });
}

}  // namespace squall::clients
