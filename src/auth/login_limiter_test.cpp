#include "auth/login_limiter.hpp"

#include <gtest/gtest.h>

namespace squall::auth {
namespace {

class LoginLimiterTest : public ::testing::Test {
 protected:
  void fail(const std::string& name, int times) {
    for (int i = 0; i < times; ++i) limiter.on_failure(name);
  }
  ManualClock clock{Timestamp(std::chrono::seconds(1'700'000'000))};
  LoginLimiter limiter{clock};
};

TEST_F(LoginLimiterTest, TenFailuresInAMinuteHaveToWaitForItsEnd) {
  fail("a", LoginLimiter::kFailuresMax - 1);
  EXPECT_EQ(limiter.wait_of("a"), Duration::zero());
  clock.advance(std::chrono::seconds(20));
  fail("a", 1);
  EXPECT_EQ(limiter.wait_of("a"), Duration(std::chrono::seconds(40)));
  EXPECT_EQ(limiter.wait_of("b"), Duration::zero());
  clock.advance(std::chrono::seconds(40));
  EXPECT_EQ(limiter.wait_of("a"), Duration::zero());
}

TEST_F(LoginLimiterTest, ASuccessForgetsFailures) {
  fail("a", LoginLimiter::kFailuresMax);
  limiter.on_success("a");
  EXPECT_EQ(limiter.wait_of("a"), Duration::zero());
}

TEST_F(LoginLimiterTest, ManyNamesShareOneCount) {
  for (size_t i = 0; i < LoginLimiter::kNamesMax; ++i) limiter.on_failure(std::to_string(i));
  fail("new", LoginLimiter::kFailuresMax);
  EXPECT_GT(limiter.wait_of("newer"), Duration::zero());
  EXPECT_EQ(limiter.wait_of("1"), Duration::zero());
}

}  // namespace
}  // namespace squall::auth
