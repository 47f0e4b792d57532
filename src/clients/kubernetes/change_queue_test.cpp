#include "clients/kubernetes/change_queue.hpp"

#include <gtest/gtest.h>

#include <random>

#include "clients/kubernetes/manual_executor.hpp"
#include "clients/kubernetes/memory_storage.hpp"

namespace squall::kubernetes {
namespace {

using std::chrono::seconds;
using testing::ManualExecutor;
using testing::MemoryStorage;

Change change(ChangeType type, const std::string& name, int version) {
  Change result;
  result.type = type;
  result.key = "shop/" + name;
  result.uid = "u-" + name;
  result.resource_version = std::to_string(version);
  if (type != ChangeType::kDeleted) {
    result.object =
        Value::dict({{"metadata", Value::dict({{"uid", result.uid}, {"resourceVersion", result.resource_version}})}});
  }
  return result;
}

std::string numbered(std::string text, size_t number) { return text.append(std::to_string(number)); }

class ChangeQueueTest : public ::testing::Test {
 protected:
  std::shared_ptr<ChangeQueue> make(StateMark last = {}) {
    ChangeQueue::Handlers handlers;
    handlers.on_ready = [this] { ++ready_; };
    handlers.on_lost = [this] { ++lost_; };
    handlers.on_error = [this](const Error& error) { errors_.push_back(error.message()); };
    return std::make_shared<ChangeQueue>(executor_, storage_, executor_.clock, Random::system(), Backoff::Limits(),
                                         std::move(last), std::move(handlers));
  }
  void push(ChangeType type, const std::string& name, int version) {
    queue_->push({change(type, name, version)}, std::to_string(version));
  }

  ManualExecutor executor_;
  MemoryStorage storage_{executor_};
  std::shared_ptr<ChangeQueue> queue_ = make();
  int ready_ = 0;
  int lost_ = 0;
  std::vector<std::string> errors_;
};

TEST_F(ChangeQueueTest, HandsChangesOnInOrderWithTheObjectBefore) {
  push(ChangeType::kCreated, "a", 1);
  push(ChangeType::kModified, "a", 2);
  push(ChangeType::kDeleted, "a", 3);
  executor_.run();
  ASSERT_EQ(storage_.log(), (std::vector<std::string>{"created shop/a 1 before -", "modified shop/a 2 before 1",
                                                      "deleted shop/a 3 before 2"}));
  EXPECT_EQ(storage_.saved.cursor, "3");
  EXPECT_EQ(queue_->pending(), 0u);
}

TEST_F(ChangeQueueTest, PositionsAloneAreWrittenAndTheNewestIsEnough) {
  storage_.hold = true;
  for (int i = 1; i <= 20; ++i) queue_->push({}, std::to_string(i));
  storage_.hold = false;
  storage_.release();
  executor_.run();
  EXPECT_EQ(storage_.saved.cursor, "20");
  EXPECT_LE(storage_.commits, kCommitsInFlightMax + 1);
}

TEST_F(ChangeQueueTest, KeepsFewCommitsInFlightAndJoinsWhatWaits) {
  storage_.hold = true;
  for (int i = 1; i <= 500; ++i) push(ChangeType::kCreated, numbered("n", static_cast<size_t>(i)), i);
  EXPECT_EQ(storage_.held(), kCommitsInFlightMax);
  storage_.hold = false;
  storage_.release();
  executor_.run();
  EXPECT_EQ(storage_.log().size(), 500u);
  EXPECT_EQ(storage_.saved.cursor, "500");
  EXPECT_LE(storage_.commits, kCommitsInFlightMax + 500 / kBatchChangesMax + 1);
}

TEST_F(ChangeQueueTest, FailedCommitsAreMadeAgainInOrderOnce) {
  storage_.fail_next = 3;
  for (int i = 1; i <= 300; ++i) push(i == 1 ? ChangeType::kCreated : ChangeType::kModified, "a", i);
  executor_.run();
  EXPECT_TRUE(queue_->congested());
  EXPECT_TRUE(storage_.log().empty());
  executor_.advance(seconds(60));
  EXPECT_FALSE(queue_->congested());
  ASSERT_EQ(storage_.log().size(), 300u);
  for (int i = 1; i < 300; ++i) {
    EXPECT_EQ(storage_.log()[static_cast<size_t>(i)],
              "modified shop/a " + std::to_string(i + 1) + " before " + std::to_string(i));
  }
  EXPECT_EQ(errors_, std::vector<std::string>{"store is down"}) << "told once";
  EXPECT_EQ(ready_, 1);
}

TEST_F(ChangeQueueTest, ACommitThatWentWellButSaidOtherwiseIsNotRepeated) {
  storage_.lie_next = 1;
  for (int i = 1; i <= 10; ++i) push(i == 1 ? ChangeType::kCreated : ChangeType::kModified, "a", i);
  executor_.advance(seconds(60));
  EXPECT_EQ(storage_.log().size(), 10u);
  EXPECT_EQ(lost_, 0);
  EXPECT_EQ(queue_->pending(), 0u);
}

TEST_F(ChangeQueueTest, ALookupThatFailsIsMadeAgain) {
  storage_.objects["shop/a"] = change(ChangeType::kCreated, "a", 1).object;
  storage_.fail_lookups = 2;
  push(ChangeType::kModified, "a", 2);
  executor_.run();
  EXPECT_TRUE(queue_->congested());
  executor_.advance(seconds(60));
  EXPECT_EQ(storage_.log(), std::vector<std::string>{"modified shop/a 2 before 1"});
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(errors_.size(), 1u);
}

TEST_F(ChangeQueueTest, SaysWhenItHasTooMuchAndWhenHalfOfItIsGone) {
  storage_.hold = true;
  std::vector<Change> many;
  for (size_t i = 0; i < kPendingChangesMax + kCommitsInFlightMax * kBatchChangesMax + 1; ++i) {
    many.push_back(change(ChangeType::kCreated, numbered("n", i), static_cast<int>(i)));
  }
  queue_->push(std::move(many), "9");
  EXPECT_TRUE(queue_->congested());
  EXPECT_EQ(ready_, 0);
  storage_.hold = false;
  storage_.release();
  executor_.run();
  EXPECT_EQ(ready_, 1);
  EXPECT_FALSE(queue_->congested());
}

TEST_F(ChangeQueueTest, GivesUpWhenSomebodyElseWroteTheState) {
  push(ChangeType::kCreated, "a", 1);
  executor_.run();
  storage_.saved.mark = {7, "somebody"};
  push(ChangeType::kModified, "a", 2);
  push(ChangeType::kModified, "a", 3);
  executor_.advance(seconds(60));
  EXPECT_EQ(lost_, 1);
  EXPECT_EQ(storage_.log().size(), 1u);
}

TEST_F(ChangeQueueTest, GivesUpWhenTheStateWasErased) {
  push(ChangeType::kCreated, "a", 1);
  push(ChangeType::kModified, "a", 2);
  executor_.run();
  storage_.saved = {};
  push(ChangeType::kModified, "a", 3);
  push(ChangeType::kModified, "a", 4);
  executor_.advance(seconds(60));
  EXPECT_EQ(lost_, 1);
  EXPECT_EQ(storage_.log().size(), 2u);
}

TEST_F(ChangeQueueTest, TwoWritersDoNotMix) {
  const auto other = make();
  push(ChangeType::kCreated, "a", 1);
  executor_.run();
  for (int i = 2; i < 6; ++i) other->push({change(ChangeType::kCreated, "b", i)}, "9");
  executor_.advance(seconds(60));
  EXPECT_EQ(lost_, 1);
  EXPECT_EQ(storage_.log(), std::vector<std::string>{"created shop/a 1 before -"});
}

TEST_F(ChangeQueueTest, WhatIsOnlyRecordedGoesInLargeCommitsAndIsNotLookedUp) {
  storage_.hold = true;
  storage_.fail_lookups = 1;
  for (size_t i = 0; i < 3 * kBatchQuietMax; ++i) {
    Change quiet = change(ChangeType::kModified, numbered("n", i), 1);
    quiet.told = false;
    queue_->push({std::move(quiet)}, std::nullopt);
  }
  storage_.hold = false;
  storage_.release();
  executor_.run();
  EXPECT_TRUE(storage_.log().empty());
  EXPECT_EQ(storage_.entries.size(), 3 * kBatchQuietMax);
  EXPECT_LE(storage_.commits, kCommitsInFlightMax + 3);
  EXPECT_EQ(storage_.fail_lookups, 1);
}

TEST_F(ChangeQueueTest, WhereObjectsAreNotKeptTheirMarksStandForThem) {
  const auto light = [&](ChangeType type, int version) {
    Change result = change(type, "a", version);
    result.whole = false;
    if (!result.object.is_null()) result.object.set("spec", Value::dict({{"big", "x"}}));
    return result;
  };
  queue_->push({light(ChangeType::kCreated, 1)}, std::nullopt);
  queue_->push({light(ChangeType::kModified, 2), light(ChangeType::kModified, 3)}, std::nullopt);
  executor_.run();
  EXPECT_EQ(storage_.log(), (std::vector<std::string>{"created shop/a 1 before -", "modified shop/a 2 before 1",
                                                      "modified shop/a 3 before 2"}));
  EXPECT_FALSE(storage_.objects["shop/a"].contains("spec"));
  for (const Value& old : storage_.old_objects)
    EXPECT_FALSE(old.is_dict() && old.contains("spec")) << "whether it waits or not";
  Change gone = light(ChangeType::kDeleted, 3);
  gone.final_state_unknown = true;
  queue_->push({gone}, std::nullopt);
  executor_.run();
  EXPECT_EQ(storage_.log().back(), "deleted shop/a 3 before 3");
}

TEST_F(ChangeQueueTest, AfterCloseNothingIsCommittedOrTold) {
  storage_.fail_next = 1;
  push(ChangeType::kCreated, "a", 1);
  executor_.run();
  queue_->close();
  push(ChangeType::kCreated, "b", 2);
  executor_.advance(seconds(60));
  EXPECT_TRUE(storage_.log().empty());
  EXPECT_EQ(ready_, 0);
}

// Random failures, lies and delays: the log is the sequence of the changes, each once.
TEST_F(ChangeQueueTest, SurvivesEveryMixtureOfFaults) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    std::mt19937 random(seed);
    storage_.reset();
    queue_ = make();
    std::vector<std::string> expected;
    for (int i = 1; i <= 200; ++i) {
      push(i == 1 ? ChangeType::kCreated : ChangeType::kModified, "a", i);
      expected.push_back((i == 1 ? "created shop/a " : "modified shop/a ") + std::to_string(i) + " before " +
                         (i == 1 ? "-" : std::to_string(i - 1)));
      switch (random() % 8) {
        case 0: storage_.fail_next += 1; break;
        case 1: storage_.lie_next += 1; break;
        case 2: storage_.fail_lookups += 1; break;
        case 3: executor_.advance(seconds(1)); break;
        case 4: executor_.run(); break;
        default: break;
      }
    }
    executor_.advance(seconds(3600));
    ASSERT_EQ(storage_.log(), expected) << "seed " << seed;
    EXPECT_EQ(storage_.saved.cursor, "200");
    EXPECT_EQ(lost_, 0);
  }
}

}  // namespace
}  // namespace squall::kubernetes
