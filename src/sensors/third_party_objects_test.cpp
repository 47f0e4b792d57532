#include "sensors/third_party_objects.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/memory/memory_store.hpp"
#include "value/json.hpp"

namespace squall::sensors {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Value object(const std::string& name, const std::string& uid, const std::string& version,
             const std::string& labels = R"({"engine": "mysql"})") {
  return parse_json(R"({"kind": "Database", "metadata": {"name": ")" + name + R"(", "namespace": "shop", "uid": ")" +
                    uid + R"(", "resourceVersion": ")" + version + R"(", "labels": )" + labels + "}}")
      .value();
}

std::vector<std::string> told(const std::vector<ThirdPartyChange>& changes) {
  std::vector<std::string> texts;
  for (const ThirdPartyChange& change : changes) texts.push_back(change.event + " " + change.key);
  return texts;
}

class ThirdPartyObjectsTest : public ::testing::Test {
 protected:
  std::vector<std::string> apply(std::string_view event, const Value& what) {
    const auto changes = objects_.apply(event, what);
    EXPECT_TRUE(changes.has_value());
    return changes ? told(*changes) : std::vector<std::string>();
  }
  std::vector<std::string> replace(const std::vector<Value>& items) {
    Value list = Value::empty_list();
    for (const Value& item : items) list.push_back(item);
    int64_t refused = 0;
    auto changes = told(objects_.replace(list, refused));
    EXPECT_EQ(refused, 0);
    return changes;
  }
  // What is durable is all that another process knows.
  void restart(bool written) {
    const auto write = objects_.take_writes();
    if (written && write) {
      ASSERT_TRUE(store_.write_and_wait(write).has_value());
    }
    ASSERT_TRUE(objects_.load(store_).has_value());
  }

  store::MemoryStore store_;
  ThirdPartyObjects objects_{"thirdparty/abc"};
};

TEST_F(ThirdPartyObjectsTest, ThePayloadIsThatOf2016) {
  const auto changes = objects_.apply("ADDED", object("my-db", "u1", "5"));
  ASSERT_TRUE(changes.has_value());
  ASSERT_EQ(changes->size(), 1u);
  EXPECT_EQ(
      to_json((*changes)[0].payload),
      R"({"resource":"ADDED","name":"my-db","labels":{"engine":"mysql"},"namespace":"shop","object_kind":"Database",)"
      R"("uid":"u1"})");
  const auto bare = objects_.apply("ADDED", parse_json(R"({"kind": "K", "metadata": {"name": "n"}})").value());
  ASSERT_TRUE(bare.has_value());
  EXPECT_EQ(to_json((*bare)[0].payload),
            R"({"resource":"ADDED","name":"n","labels":{},"namespace":"","object_kind":"K","uid":""})");
}

TEST_F(ThirdPartyObjectsTest, EveryDifferenceIsToldOnce) {
  EXPECT_THAT(apply("ADDED", object("a", "u1", "1")), ElementsAre("ADDED shop/a"));
  EXPECT_THAT(apply("ADDED", object("a", "u1", "1")), IsEmpty()) << "a watch without a version begins with all objects";
  EXPECT_THAT(apply("MODIFIED", object("a", "u1", "1")), IsEmpty());
  EXPECT_THAT(apply("MODIFIED", object("a", "u1", "2")), ElementsAre("MODIFIED shop/a"));
  EXPECT_THAT(apply("ADDED", object("a", "u1", "3")), ElementsAre("MODIFIED shop/a"));
  EXPECT_THAT(apply("DELETED", object("a", "u1", "4")), ElementsAre("DELETED shop/a"));
  EXPECT_THAT(apply("DELETED", object("a", "u1", "4")), IsEmpty());
  EXPECT_THAT(apply("MODIFIED", object("b", "u2", "1")), ElementsAre("ADDED shop/b")) << "its ADDED was missed";
}

TEST_F(ThirdPartyObjectsTest, TheSameNameAgainIsAnotherObject) {
  apply("ADDED", object("a", "u1", "1"));
  EXPECT_THAT(apply("ADDED", object("a", "u2", "9")), ElementsAre("DELETED shop/a", "ADDED shop/a"));
  EXPECT_THAT(apply("DELETED", object("a", "u1", "1")), IsEmpty()) << "of the one before, late";
  EXPECT_EQ(objects_.size(), 1u);
}

TEST_F(ThirdPartyObjectsTest, ADeletedObjectIsToldWithItsLastLabels) {
  apply("ADDED", object("a", "u1", "1"));
  const auto changes = objects_.apply("DELETED", object("a", "u1", "2", R"({"engine": "pg"})"));
  ASSERT_TRUE(changes && changes->size() == 1);
  EXPECT_EQ((*changes)[0].payload["labels"]["engine"].string(), "pg");
  EXPECT_EQ((*changes)[0].payload["resource"].string(), "DELETED");
}

TEST_F(ThirdPartyObjectsTest, AListTellsWhatHappenedMeanwhile) {
  EXPECT_THAT(replace({object("a", "u1", "1"), object("b", "u2", "1"), object("c", "u3", "1")}),
              ElementsAre("ADDED shop/a", "ADDED shop/b", "ADDED shop/c"));
  restart(/*written=*/true);
  EXPECT_THAT(replace({object("b", "u2", "5"), object("c", "u3", "1"), object("d", "u4", "1")}),
              ElementsAre("DELETED shop/a", "MODIFIED shop/b", "ADDED shop/d"));
  restart(/*written=*/false);
  EXPECT_THAT(replace({object("b", "u2", "5"), object("c", "u3", "1"), object("d", "u4", "1")}),
              ElementsAre("DELETED shop/a", "MODIFIED shop/b", "ADDED shop/d"))
      << "what was not durable is told again";
  restart(/*written=*/true);
  EXPECT_THAT(replace({object("b", "u2", "5"), object("c", "u3", "1"), object("d", "u4", "1")}), IsEmpty());
}

TEST_F(ThirdPartyObjectsTest, WithoutVersionsTheContentCounts) {
  EXPECT_THAT(apply("ADDED", object("a", "u1", "")), ElementsAre("ADDED shop/a"));
  EXPECT_THAT(apply("ADDED", object("a", "u1", "")), IsEmpty());
  EXPECT_THAT(apply("ADDED", object("a", "u1", "", "{}")), ElementsAre("MODIFIED shop/a"));
}

TEST_F(ThirdPartyObjectsTest, WhatIsNoObjectIsRefusedAndChangesNothing) {
  EXPECT_FALSE(objects_.apply("ADDED", parse_json(R"({"kind": "K", "metadata": {}})").value()).has_value());
  EXPECT_FALSE(objects_.apply("ADDED", Value()).has_value());
  EXPECT_FALSE(objects_.apply("SHAKEN", object("a", "u1", "1")).has_value());
  int64_t refused = 0;
  const auto changes = objects_.replace(Value::list({Value(5), object("a", "u1", "1")}), refused);
  EXPECT_EQ(refused, 1);
  EXPECT_THAT(told(changes), ElementsAre("ADDED shop/a"));
}

TEST_F(ThirdPartyObjectsTest, OtherScopesAreErased) {
  apply("ADDED", object("a", "u1", "1"));
  restart(/*written=*/true);
  const auto erase = [this](const std::string& scope) {
    return store_.write_and_wait([&](store::WriteTx& tx) { return erase_other_third_party_scopes(tx, scope); });
  };
  ASSERT_TRUE(erase("thirdparty/abc").has_value());
  restart(/*written=*/false);
  EXPECT_EQ(objects_.size(), 1u);
  ASSERT_TRUE(erase("thirdparty/other").has_value());
  restart(/*written=*/false);
  EXPECT_EQ(objects_.size(), 0u);
}

}  // namespace
}  // namespace squall::sensors
