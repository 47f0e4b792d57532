#include "clients/kubernetes/object_cache.hpp"

#include <gtest/gtest.h>

#include <random>

namespace squall::kubernetes {
namespace {

// With a content of its own for each version, unless with_spec() says otherwise.
Value object(const std::string& name, const std::string& uid, int version, const std::string& space = "shop") {
  return Value::dict(
      {{"metadata",
        Value::dict(
            {{"name", name}, {"namespace", space}, {"uid", uid}, {"resourceVersion", std::to_string(version)}})},
       {"spec", Value::dict({{"version", version}})}});
}

Value with_spec(Value object, int size) {
  object.set("spec", Value::dict({{"size", size}}));
  return object;
}

ObjectCache::Entry entry(const Value& object) {
  const Value& metadata = object["metadata"];
  return {metadata["uid"].string(), metadata["resourceVersion"].string(), content_hash(object)};
}

// "created shop/a u1@5 ..." of all changes.
std::string show(const std::vector<Change>& changes) {
  std::string text;
  for (const Change& change : changes) {
    if (!text.empty()) text += ", ";
    text += std::string(change_name(change.type)) + " " + change.key + " " + change.uid + "@" + change.resource_version;
    if (change.final_state_unknown) text += " unseen";
    if (!change.told) text += " quiet";
  }
  return text;
}

TEST(ObjectCache, FirstListCreatesEverything) {
  ObjectCache cache;
  cache.begin_list();
  EXPECT_EQ(show(cache.apply_page({object("a", "u1", 1), object("b", "u2", 2)})),
            "created shop/a u1@1, created shop/b u2@2");
  EXPECT_EQ(show(cache.apply_page({object("c", "u3", 3)})), "created shop/c u3@3");
  EXPECT_EQ(show(cache.end_list()), "");
  EXPECT_EQ(cache.size(), 3u);
}

TEST(ObjectCache, RelistYieldsTrueDifferencesOnly) {
  ObjectCache cache;
  cache.restore("shop/same", entry(object("same", "u1", 1)));
  cache.restore("shop/changed", entry(object("changed", "u2", 2)));
  cache.restore("shop/gone", entry(object("gone", "u3", 3)));
  cache.restore("shop/replaced", entry(object("replaced", "u4", 4)));
  cache.begin_list();
  EXPECT_EQ(show(cache.apply_page({object("same", "u1", 1), object("changed", "u2", 9)})),
            "modified shop/changed u2@9");
  EXPECT_EQ(show(cache.apply_page({object("replaced", "u5", 10), object("new", "u6", 11)})),
            "deleted shop/replaced u4@4 unseen, created shop/replaced u5@10, created shop/new u6@11");
  EXPECT_EQ(show(cache.end_list()), "deleted shop/gone u3@3 unseen");
  cache.begin_list();
  EXPECT_EQ(show(cache.apply_page({object("same", "u1", 1), object("changed", "u2", 9), object("replaced", "u5", 10),
                                   object("new", "u6", 11)})),
            "");
  EXPECT_EQ(show(cache.end_list()), "");
}

TEST(ObjectCache, AListThatIsStartedOverDeletesNothing) {
  ObjectCache cache;
  cache.restore("shop/a", entry(object("a", "u1", 1)));
  cache.restore("shop/b", entry(object("b", "u2", 2)));
  cache.begin_list();
  EXPECT_EQ(show(cache.apply_page({object("b", "u2", 2)})), "");
  cache.begin_list();
  EXPECT_EQ(show(cache.apply_page({object("a", "u1", 1), object("b", "u2", 2)})), "");
  EXPECT_EQ(show(cache.end_list()), "");
}

TEST(ObjectCache, EventsTwiceCountOnce) {
  ObjectCache cache;
  EXPECT_EQ(show(cache.apply_event("ADDED", object("a", "u1", 1))), "created shop/a u1@1");
  EXPECT_EQ(show(cache.apply_event("ADDED", object("a", "u1", 1))), "");
  EXPECT_EQ(show(cache.apply_event("MODIFIED", object("a", "u1", 1))), "");
  EXPECT_EQ(show(cache.apply_event("MODIFIED", object("a", "u1", 2))), "modified shop/a u1@2");
  EXPECT_EQ(show(cache.apply_event("ADDED", object("a", "u1", 3))), "modified shop/a u1@3");
  const auto deleted = cache.apply_event("DELETED", object("a", "u1", 4));
  EXPECT_EQ(show(deleted), "deleted shop/a u1@4");
  EXPECT_FALSE(deleted[0].object.is_null());
  EXPECT_EQ(show(cache.apply_event("DELETED", object("a", "u1", 4))), "");
  EXPECT_EQ(show(cache.apply_event("MODIFIED", object("b", "u2", 5))), "created shop/b u2@5");
}

TEST(ObjectCache, SameNameWithAnotherUidIsADeletionAndACreation) {
  ObjectCache cache;
  cache.restore("shop/a", entry(object("a", "u1", 1)));
  EXPECT_EQ(show(cache.apply_event("MODIFIED", object("a", "u2", 5))),
            "deleted shop/a u1@1 unseen, created shop/a u2@5");
  // The deletion of an object that nobody ever saw takes the one that was seen with it.
  EXPECT_EQ(show(cache.apply_event("DELETED", object("a", "u3", 7))), "deleted shop/a u2@5 unseen");
}

TEST(ObjectCache, KeysOfNamespacesDoNotMix) {
  ObjectCache cache;
  EXPECT_EQ(show(cache.apply_event("ADDED", object("a", "u1", 1, "x"))), "created x/a u1@1");
  EXPECT_EQ(show(cache.apply_event("ADDED", object("a", "u2", 2, "y"))), "created y/a u2@2");
  EXPECT_EQ(show(cache.apply_event("ADDED", object("a", "u3", 3, ""))), "created /a u3@3");
}

TEST(ObjectCache, WhatNobodyWantedToHearIsToldLaterOnce) {
  ObjectCache cache;
  cache.set_announcing(false);
  EXPECT_EQ(show(cache.apply_event("ADDED", object("a", "u1", 1))), "created shop/a u1@1 quiet");
  EXPECT_EQ(show(cache.apply_event("ADDED", object("b", "u2", 3))), "created shop/b u2@3 quiet");
  cache.apply_event("DELETED", object("b", "u2", 4));
  EXPECT_FALSE(cache.needs_list());
  cache.set_announcing(true);
  EXPECT_TRUE(cache.needs_list());
  cache.begin_list();
  EXPECT_EQ(show(cache.apply_page({object("a", "u1", 1)})), "created shop/a u1@1");
  EXPECT_EQ(show(cache.end_list()), "");
  EXPECT_FALSE(cache.needs_list());
  EXPECT_EQ(show(cache.apply_page({object("a", "u1", 1)})), "");
}

// Whoever asks for changes alone gets them, whether or not anybody asked for created objects.
TEST(ObjectCache, ModificationsAreToldWithoutCreations) {
  ObjectCache cache;
  cache.set_announcing(false);
  cache.apply_event("ADDED", object("a", "u1", 1));
  EXPECT_EQ(show(cache.apply_event("MODIFIED", with_spec(object("a", "u1", 2), 2))), "modified shop/a u1@2");
  cache.set_announcing(true);
  EXPECT_EQ(show(cache.apply_event("MODIFIED", with_spec(object("a", "u1", 3), 3))),
            "modified shop/a u1@3, created shop/a u1@3");
  EXPECT_EQ(show(cache.apply_event("MODIFIED", with_spec(object("a", "u1", 4), 4))), "modified shop/a u1@4");
}

TEST(ObjectCache, ContentDecidesNotTheVersion) {
  ObjectCache cache;
  cache.apply_event("ADDED", with_spec(object("a", "u1", 1), 1));
  EXPECT_EQ(show(cache.apply_event("MODIFIED", with_spec(object("a", "u1", 2), 1))), "modified shop/a u1@2 quiet");
  EXPECT_EQ(show(cache.apply_event("MODIFIED", with_spec(object("a", "u1", 2), 1))), "");
  // Two histories of one server: the same version, another content.
  EXPECT_EQ(show(cache.apply_event("MODIFIED", with_spec(object("a", "u1", 2), 5))), "modified shop/a u1@2");
  EXPECT_EQ(show(cache.apply_event("MODIFIED", with_spec(object("a", "u1", 1), 5))), "modified shop/a u1@1 quiet");
  // Nothing is known of a Secret's content.
  const auto secret = [](int version) {
    Value value = object("s", "u2", version);
    value.set("apiVersion", "v1");
    value.set("kind", "Secret");
    return value;
  };
  cache.apply_event("ADDED", secret(1));
  EXPECT_EQ(show(cache.apply_event("MODIFIED", secret(2))), "modified shop/s u2@2");
  EXPECT_EQ(show(cache.apply_event("MODIFIED", secret(2))), "");
}

TEST(ObjectCache, WhatWasSavedWithoutAHashGetsOne) {
  ObjectCache cache;
  cache.restore("shop/a", {"u1", "1"});
  EXPECT_EQ(show(cache.apply_event("ADDED", object("a", "u1", 1))), "modified shop/a u1@1 quiet");
  EXPECT_EQ(show(cache.apply_event("ADDED", object("a", "u1", 1))), "");
}

TEST(ObjectCache, WholeObjectsAreKeptFromWhenTheyAreWanted) {
  ObjectCache cache;
  cache.set_keeping(false);
  cache.set_announcing(false);
  const Value whole = with_spec(object("a", "u1", 1), 1);
  auto changes = cache.apply_event("ADDED", whole);
  EXPECT_EQ(changes[0].object, marks_of(whole)) << "neither told nor kept: it need not be held";
  EXPECT_FALSE(cache.needs_list());
  cache.set_keeping(true);
  EXPECT_TRUE(cache.needs_list());
  cache.begin_list();
  changes = cache.apply_page({whole});
  EXPECT_EQ(show(changes), "modified shop/a u1@1 quiet");
  EXPECT_EQ(changes[0].kept(), whole);
  cache.end_list();
  EXPECT_FALSE(cache.needs_list());
  // Wanted no more: dropped when it is seen next.
  cache.set_keeping(false);
  EXPECT_FALSE(cache.needs_list());
  changes = cache.apply_page({whole});
  EXPECT_EQ(changes[0].kept(), marks_of(whole));
  EXPECT_EQ(show(cache.apply_page({whole})), "");
}

TEST(ObjectCache, MarksAreWhatIdentifiesAnObject) {
  Value whole = with_spec(object("a", "u1", 7), 1);
  whole.set("kind", "Database");
  Value metadata = whole["metadata"];
  metadata.set("generation", 3);
  metadata.set("labels", Value::dict({{"x", "y"}}));
  whole.set("metadata", metadata);
  const Value marks = marks_of(whole);
  metadata.erase("labels");
  EXPECT_EQ(marks["metadata"], metadata);
  EXPECT_EQ(marks["kind"].string(), "Database");
  EXPECT_FALSE(marks.contains("spec"));
  EXPECT_EQ(marks_of(marks), marks);
}

// Whatever mixture of lists and events tells of a random history: replaying the changes gives the server's state.
TEST(ObjectCache, ReplayedChangesGiveTheServersState) {
  std::mt19937 random(7);
  const auto pick = [&](int bound) { return static_cast<int>(random() % static_cast<unsigned>(bound)); };
  for (int round = 0; round < 200; ++round) {
    ObjectCache cache;
    std::map<std::string, Value> server;
    std::map<std::string, std::string> replayed;  // name -> uid@version
    int version = 0;
    const auto replay = [&](const std::vector<Change>& changes) {
      for (const Change& change : changes) {
        const bool known = replayed.contains(change.key);
        EXPECT_EQ(known, change.type != ChangeType::kCreated) << "seed 7, round " << round;
        if (change.type == ChangeType::kDeleted) {
          replayed.erase(change.key);
        } else {
          const std::string mark = change.uid + "@" + change.resource_version;
          EXPECT_NE(replayed[change.key], mark);
          replayed[change.key] = mark;
        }
      }
    };
    for (int step = 0; step < 60; ++step) {
      const std::string name = "n" + std::to_string(pick(6));
      const auto found = server.find(name);
      std::string type;
      Value news;
      if (found == server.end()) {
        news = server[name] = object(name, "u" + std::to_string(version), version + 1);
        type = "ADDED";
      } else if (pick(3) == 0) {
        news = object(name, found->second["metadata"]["uid"].string(), version + 1);
        server.erase(found);
        type = "DELETED";
      } else {
        news = found->second = object(name, found->second["metadata"]["uid"].string(), version + 1);
        type = "MODIFIED";
      }
      ++version;
      if (pick(4) != 0) replay(cache.apply_event(type, news));  // else the event is lost
      if (pick(10) != 0 && step != 59) continue;
      cache.begin_list();
      for (const auto& [key, value] : server) replay(cache.apply_page({value}));
      replay(cache.end_list());
      std::map<std::string, std::string> expected;
      for (const auto& [key, value] : server) {
        expected["shop/" + key] =
            value["metadata"]["uid"].string() + "@" + value["metadata"]["resourceVersion"].string();
      }
      ASSERT_EQ(replayed, expected) << "seed 7, round " << round << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace squall::kubernetes
