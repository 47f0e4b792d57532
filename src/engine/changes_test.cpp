#include "engine/changes.hpp"

#include <gmock/gmock.h>

#include "engine/test_house.hpp"

namespace squall::engine {
namespace {

using store::Collection;
using ::testing::ElementsAre;
using testing::House;

class CommitterTest : public ::testing::Test {
 protected:
  House house;
  std::vector<std::string> happened;
};

TEST_F(CommitterTest, ActsOnlyAfterTheCommitAndInOrder) {
  Changes changes;
  changes.put(Collection::kMeta, "a", Value::dict({{"n", 1}}));
  changes.put(Collection::kMeta, "a", Value::dict({{"n", 2}}));
  changes.after_commit([&] { happened.push_back("first"); });
  changes.after_commit([&] { happened.push_back("second"); });
  changes.add([&](store::WriteTx& tx) -> Status {
    SQ_TRY(const auto record, tx.get(Collection::kMeta, "a"));
    EXPECT_TRUE(record && record->document["n"] == 2) << "functions see the documents of their own changes";
    return tx.put(Collection::kMeta, "b", Value::empty_dict());
  });
  house.committer->commit(std::move(changes),
                          [&](const Status& status) { happened.push_back(status ? "done" : "failed"); });
  house.executor->run();
  EXPECT_TRUE(happened.empty());
  house.settle();
  EXPECT_THAT(happened, ElementsAre("done", "first", "second"));
  EXPECT_TRUE(house.stored("b", Collection::kMeta).is_dict());
}

TEST_F(CommitterTest, ARecordThatTheStoreWouldRefuseIsLeftOutAlone) {
  Changes changes;
  changes.put(Collection::kMeta, "good", Value::dict({{"n", 1}}));
  changes.put(Collection::kMeta, "bad", Value::dict({{"text", "\xff"}}));
  changes.put(Collection::kExecutions, "bad", Value::dict({{"status", 5}}));  // an indexed field of the wrong type
  changes.after_commit([&] { happened.push_back("after"); });
  house.committer->commit(std::move(changes));
  house.settle();
  EXPECT_EQ(house.committer->refused_count(), 2u);
  EXPECT_TRUE(house.stored("good", Collection::kMeta).is_dict());
  EXPECT_TRUE(house.stored("bad", Collection::kMeta).is_null());
  EXPECT_THAT(happened, ElementsAre("after"));
  EXPECT_TRUE(house.fatal.empty());
}

TEST_F(CommitterTest, AFunctionThatIsRefusedTellsItsCallerOnly) {
  Changes changes;
  changes.put(Collection::kMeta, "good", Value::empty_dict());
  changes.add([](store::WriteTx& tx) { return tx.put(Collection::kMeta, "x", Value::dict({{"t", "\xff"}})); });
  house.committer->commit(std::move(changes), [&](const Status& status) {
    happened.push_back(status ? "done" : std::string(error_code_name(status.error().code())));
  });
  house.settle();
  EXPECT_THAT(happened, ElementsAre(std::string(error_code_name(ErrorCode::kInvalid))));
  EXPECT_TRUE(house.stored("good", Collection::kMeta).is_dict());
  EXPECT_TRUE(house.fatal.empty());
}

TEST_F(CommitterTest, AFailedCommitIsFatalAndNothingFollows) {
  Changes changes;
  changes.add([](store::WriteTx&) -> Status { return fail(ErrorCode::kIo, "the disk is gone"); });
  changes.after_commit([&] { happened.push_back("after"); });
  house.committer->commit(std::move(changes), [&](const Status&) { happened.push_back("done"); });
  house.settle();
  EXPECT_THAT(house.fatal, ElementsAre("the disk is gone"));
  EXPECT_TRUE(happened.empty());
}

TEST_F(CommitterTest, ErasingWhatIsNotThereIsNoFault) {
  Changes changes;
  changes.put(Collection::kMeta, "a", Value::empty_dict());
  changes.erase(Collection::kMeta, "a");
  changes.erase(Collection::kMeta, "never");
  house.committer->commit(std::move(changes));
  house.settle();
  EXPECT_TRUE(house.stored("a", Collection::kMeta).is_null());
  EXPECT_TRUE(house.fatal.empty());
}

}  // namespace
}  // namespace squall::engine
