#include "engine/datastore.hpp"

#include "engine/test_house.hpp"

namespace squall::engine::testing {
namespace {

class DatastoreTest : public ::testing::Test {
 protected:
  DatastoreTest() { open(); }

  void open() {
    datastore = std::make_unique<Datastore>(house.executor->clock, *house.executor, house.store, *house.committer,
                                            [this](const std::string& trigger, const Value& payload, Changes&) {
                                              events.push_back(trigger.substr(trigger.rfind('.') + 1));
                                              payloads.push_back(payload);
                                            });
    ASSERT_TRUE(datastore->start());
  }
  Value set(const std::string& name, const std::string& value, int ttl_s = 0) {
    Value pair = Value::dict({{"scope", kSystemScope}, {"name", name}, {"value", value}, {"secret", false}});
    if (ttl_s > 0) {
      pair.set("expire_timestamp", format_timestamp(house.executor->clock.now() + std::chrono::seconds(ttl_s)));
    }
    Value stored;
    datastore->set(pair, [&](const Result<Value>& done) { stored = done ? *done : Value(); });
    house.settle();
    return stored;
  }
  Value get(const std::string& name) { return *datastore->find(std::string(kSystemScope), name); }

  House house;
  std::unique_ptr<Datastore> datastore;
  std::vector<std::string> events;
  std::vector<Value> payloads;
};

TEST_F(DatastoreTest, KeepsTheIdOfAPairAndTellsOfEveryChange) {
  const Value first = set("a", "1");
  const Value second = set("a", "2");
  EXPECT_EQ(first["id"], second["id"]);
  EXPECT_EQ(second["uid"], Value("key_value_pair:st2kv.system:a"));
  set("a", "2");
  EXPECT_EQ(get("a")["value"], Value("2"));
  datastore->remove(std::string(kSystemScope), "a", [](const Result<Value>&) {});
  house.settle();
  EXPECT_TRUE(get("a").is_null());
  EXPECT_EQ(events, (std::vector<std::string>{"create", "update", "value_change", "update", "delete"}));
  EXPECT_EQ(payloads[2]["old_object"]["value"], Value("1"));
  EXPECT_EQ(payloads[2]["new_object"]["value"], Value("2"));
  EXPECT_NE(set("a", "3")["id"], first["id"]);
}

TEST_F(DatastoreTest, ChangesThatAreNotDurableYetCount) {
  Value ids[2];
  const Value pair = Value::dict({{"scope", kSystemScope}, {"name", "a"}, {"value", "1"}});
  for (Value& id : ids) datastore->set(pair, [&id](const Result<Value>& done) { id = (*done)["id"]; });
  EXPECT_EQ(get("a")["value"], Value("1"));
  datastore->remove(std::string(kSystemScope), "a", [](const Result<Value>&) {});
  EXPECT_TRUE(get("a").is_null());
  house.settle();
  EXPECT_FALSE(ids[0].is_null());
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_TRUE(get("a").is_null());
}

TEST_F(DatastoreTest, ExpiredPairsAreAbsentAtOnceAndSweptAway) {
  set("short", "1", 10);
  set("long", "1", 100);
  set("ever", "1");
  house.executor->clock.advance(std::chrono::seconds(10));
  EXPECT_TRUE(get("short").is_null());
  house.advance(std::chrono::seconds(1));
  EXPECT_EQ(house.all(store::Collection::kKeyValues).size(), 2u);
  house.advance(std::chrono::seconds(100));
  const auto left = house.all(store::Collection::kKeyValues);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0]["name"], Value("ever"));
}

TEST_F(DatastoreTest, TimeGoesOnOverARestart) {
  set("short", "1", 10);
  datastore.reset();
  house.restart();
  open();
  house.advance(std::chrono::seconds(11));
  EXPECT_TRUE(house.all(store::Collection::kKeyValues).empty());
}

TEST_F(DatastoreTest, SettingAnewStopsTheClock) {
  set("a", "1", 10);
  set("a", "2");
  house.advance(std::chrono::seconds(20));
  EXPECT_EQ(get("a")["value"], Value("2"));
}

}  // namespace
}  // namespace squall::engine::testing
