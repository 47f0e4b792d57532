#include "clients/aws/aws_retry.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace squall::clients {
namespace {

using namespace std::chrono_literals;

TEST(AwsRetry, Classification) {
  EXPECT_EQ(classify_aws_failure(0, ""), AwsRetry::kTransient);
  for (const int status : {500, 502, 503, 504}) EXPECT_EQ(classify_aws_failure(status, ""), AwsRetry::kTransient);
  EXPECT_EQ(classify_aws_failure(400, "Throttling"), AwsRetry::kThrottled);
  EXPECT_EQ(classify_aws_failure(503, "SlowDown"), AwsRetry::kThrottled);
  EXPECT_EQ(classify_aws_failure(429, ""), AwsRetry::kThrottled);
  EXPECT_EQ(classify_aws_failure(400, "RequestTimeout"), AwsRetry::kTransient);
  EXPECT_EQ(classify_aws_failure(400, "DBInstanceAlreadyExists"), AwsRetry::kNever);
  EXPECT_EQ(classify_aws_failure(403, "AccessDenied"), AwsRetry::kNever);
  EXPECT_EQ(classify_aws_failure(501, ""), AwsRetry::kNever);
}

TEST(AwsRetry, DelaysGrowWithinTheirBounds) {
  Duration longest_first{}, longest_second{}, longest_throttled{};
  for (int i = 0; i < 2000; ++i) {
    const Duration first = aws_retry_delay(AwsRetry::kTransient, 1, Random::system());
    const Duration second = aws_retry_delay(AwsRetry::kTransient, 2, Random::system());
    const Duration throttled = aws_retry_delay(AwsRetry::kThrottled, 1, Random::system());
    ASSERT_LT(first, 50ms);
    ASSERT_LT(second, 100ms);
    ASSERT_LT(throttled, 1s);
    longest_first = std::max(longest_first, first);
    longest_second = std::max(longest_second, second);
    longest_throttled = std::max(longest_throttled, throttled);
    ASSERT_LT(aws_retry_delay(AwsRetry::kThrottled, 10, Random::system()), 20s);
  }
  EXPECT_GT(longest_first, 45ms);
  EXPECT_GT(longest_second, 90ms);
  EXPECT_GT(longest_throttled, 900ms);
}

TEST(AwsRetry, ServersWishRaisesTheDelayWithinReason) {
  EXPECT_EQ(aws_retry_delay(AwsRetry::kTransient, 1, Random::system(), 3s), 3s);
  const Duration capped = aws_retry_delay(AwsRetry::kTransient, 1, Random::system(), 60s);
  EXPECT_GE(capped, 5s);
  EXPECT_LT(capped, 5s + 50ms);
}

TEST(AwsRetry, QuotaRunsOutAndComesBackWithSuccess) {
  AwsRetryQuota quota;
  int retries = 0;
  while (quota.take(AwsRetry::kTransient)) ++retries;
  EXPECT_EQ(retries, 500 / 14);
  EXPECT_EQ(quota.left(), 500 % 14);
  EXPECT_TRUE(quota.take(AwsRetry::kThrottled));
  quota.give_back(AwsRetry::kThrottled);
  EXPECT_EQ(quota.left(), 10);
  quota.give_back(AwsRetry::kNever);
  EXPECT_EQ(quota.left(), 11);
  for (int i = 0; i < 1000; ++i) quota.give_back(AwsRetry::kTransient);
  EXPECT_EQ(quota.left(), 500);
}

TEST(SleepUnlessStopped, EndsEarlyOnAStop) {
  EXPECT_TRUE(sleep_unless_stopped(1ms, {}));
  StopSource stopped;
  stopped.stop();
  EXPECT_FALSE(sleep_unless_stopped(1h, stopped.token()));
  StopSource stop;
  std::thread stopper([&] {
    std::this_thread::sleep_for(20ms);
    stop.stop();
  });
  EXPECT_FALSE(sleep_unless_stopped(1h, stop.token()));
  stopper.join();
}

}  // namespace
}  // namespace squall::clients
