#include "clients/aws/rds_status_board.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace squall::clients {
namespace {

using namespace std::chrono_literals;

class RdsStatusBoardTest : public ::testing::Test {
 protected:
  static Value record(std::string_view name) { return Value::dict({{"DBInstanceIdentifier", name}}); }
  Result<Value> look(const std::string& name, Duration age_max = 5s) {
    return board_.look(
        name, age_max,
        [this](std::string_view one) -> Result<Value> {
          ++single_;
          return record(one);
        },
        [this]() -> Result<Value> {
          ++listed_;
          if (throttled_) return fail(ErrorCode::kUnavailable, "Throttling");
          return Value::list({record("a"), record("b")});
        });
  }

  ManualClock clock_{parse_timestamp("2026-11-22T12:00:00Z").value()};
  RdsStatusBoard board_{clock_};
  int single_ = 0, listed_ = 0;
  bool throttled_ = false;
};

TEST_F(RdsStatusBoardTest, WhoIsAloneAsksForItself) {
  ASSERT_TRUE(look("a"));
  clock_.advance(1min);
  ASSERT_TRUE(look("a"));
  EXPECT_EQ(single_, 2);
  EXPECT_EQ(listed_, 0);
}

TEST_F(RdsStatusBoardTest, SeveralShareAListWhileItIsFreshEnough) {
  ASSERT_TRUE(look("a"));
  EXPECT_EQ(look("b")->operator[]("DBInstanceIdentifier"), Value("b"));
  EXPECT_EQ(look("A")->operator[]("DBInstanceIdentifier"), Value("a")) << "RDS keeps names in lower case";
  EXPECT_EQ(listed_, 1);
  clock_.advance(6s);
  ASSERT_TRUE(look("a"));
  ASSERT_TRUE(look("b"));
  EXPECT_EQ(listed_, 2);
  EXPECT_EQ(single_, 1);
  // The other one does not ask any more.
  clock_.advance(4min);
  ASSERT_TRUE(look("a"));
  EXPECT_EQ(single_, 2);
}

TEST_F(RdsStatusBoardTest, WhatTheListLacksIsAskedForByItself) {
  ASSERT_TRUE(look("a"));
  ASSERT_TRUE(look("c"));
  EXPECT_EQ(listed_, 1);
  EXPECT_EQ(single_, 2);
}

TEST_F(RdsStatusBoardTest, AFailedListIsNotKept) {
  ASSERT_TRUE(look("a"));
  throttled_ = true;
  EXPECT_FALSE(look("b"));
  throttled_ = false;
  EXPECT_TRUE(look("b"));
  EXPECT_EQ(listed_, 2);
}

TEST_F(RdsStatusBoardTest, WhoComesDuringAFetchWaitsForIt) {
  ASSERT_TRUE(look("a"));
  std::promise<void> started, open;
  int fetches = 0;
  const auto fetch_one = [](std::string_view) -> Result<Value> { return Value(); };
  const auto slow = [&]() -> Result<Value> {
    ++fetches;
    started.set_value();
    open.get_future().wait();
    return Value::list({record("a"), record("b")});
  };
  std::thread first([&] { EXPECT_TRUE(board_.look("b", 0s, fetch_one, slow)); });
  started.get_future().wait();
  std::thread second([&] { EXPECT_TRUE(board_.look("a", 1h, fetch_one, slow)); });
  open.set_value();
  first.join();
  second.join();
  EXPECT_EQ(fetches, 1);
}

}  // namespace
}  // namespace squall::clients
