#include "clients/aws/aws_credential_cache.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace squall::clients {
namespace {

using namespace std::chrono_literals;

class AwsCredentialCacheTest : public ::testing::Test {
 protected:
  Result<AwsCredentials> get() {
    return cache_.get("source", [this]() -> Result<AwsCredentials> {
      ++asked_;
      if (broken_) return fail(ErrorCode::kUnavailable, "away");
      return AwsCredentials{{"key-" + std::to_string(asked_), "secret", "token"}, clock_.now() + life_};
    });
  }

  ManualClock clock_{parse_timestamp("2026-11-22T12:00:00Z").value()};
  AwsCredentialCache cache_{clock_};
  std::atomic<int> asked_{0};
  bool broken_ = false;
  Duration life_ = 1h;
};

TEST_F(AwsCredentialCacheTest, RenewsInTheLastQuarterOfAnHour) {
  EXPECT_EQ(get()->keys.access_key, "key-1");
  clock_.advance(44min);
  EXPECT_EQ(get()->keys.access_key, "key-1");
  clock_.advance(2min);
  EXPECT_EQ(get()->keys.access_key, "key-2");
  EXPECT_EQ(asked_, 2);
}

TEST_F(AwsCredentialCacheTest, ShortLivedOnesAreNotRenewedAtEveryCall) {
  life_ = 15min;
  ASSERT_TRUE(get());
  clock_.advance(9min);
  ASSERT_TRUE(get());
  EXPECT_EQ(asked_, 1);
  clock_.advance(2min);
  ASSERT_TRUE(get());
  EXPECT_EQ(asked_, 2);
}

TEST_F(AwsCredentialCacheTest, OldOnesServeWhileTheSourceIsAway) {
  ASSERT_TRUE(get());
  broken_ = true;
  clock_.advance(55min);
  EXPECT_EQ(get()->keys.access_key, "key-1");
  EXPECT_EQ(get()->keys.access_key, "key-1");
  EXPECT_EQ(asked_, 2) << "not again within a minute";
  clock_.advance(6min);
  EXPECT_EQ(get().error().code(), ErrorCode::kUnavailable) << "ended";
  broken_ = false;
  EXPECT_TRUE(get());
}

TEST_F(AwsCredentialCacheTest, ManyCallersMakeOneRequest) {
  std::promise<void> open;
  const auto gate = open.get_future().share();
  std::atomic<int> made{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      const auto found = cache_.get("slow", [&]() -> Result<AwsCredentials> {
        gate.wait();
        ++made;
        return AwsCredentials{{"key", "secret", ""}, clock_.now() + 1h};
      });
      EXPECT_TRUE(found);
    });
  }
  open.set_value();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(made, 1);
}

TEST_F(AwsCredentialCacheTest, ForgottenOnesAreAskedForAnew) {
  EXPECT_EQ(get()->keys.access_key, "key-1");
  cache_.forget("another");
  EXPECT_EQ(get()->keys.access_key, "key-1");
  cache_.forget("key-1");
  EXPECT_EQ(get()->keys.access_key, "key-2");
}

}  // namespace
}  // namespace squall::clients
