#include "runners/database/turns.hpp"

#include <gmock/gmock.h>

#include <map>
#include <set>

namespace squall::runners::database {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The engine as far as turns see it.
class Engine {
 public:
  void add_chain(const std::string& id, const std::string& action, const std::string& uid,
                 const std::string& status = "running") {
    documents_[id] = Value::dict(
        {{"id", id},
         {"status", status},
         {"action", Value::dict({{"ref", "database." + action}, {"pack", "database"}})},
         {"runner", Value::dict({{"name", "action-chain"}})},
         {"children", Value::empty_list()},
         {"parameters", Value::dict({{"object", Value::dict({{"metadata", Value::dict({{"uid", uid}})}})}})}});
  }
  void add_task(const std::string& id, const std::string& chain, const std::string& action) {
    documents_[id] = Value::dict({{"id", id},
                                  {"status", "running"},
                                  {"parent", chain},
                                  {"action", Value::dict({{"ref", action}, {"pack", "database"}})},
                                  {"runner", Value::dict({{"name", "native"}})}});
    documents_[chain].mut_dict()["children"].push_back(id);
  }
  void end(const std::string& id) { documents_.erase(id); }

  ExecutionControl control() {
    ExecutionControl made;
    made.live = [this](std::string_view id) -> const Value* {
      const auto found = documents_.find(id);
      return found == documents_.end() ? nullptr : &found->second;
    };
    made.find_live = [this](const std::function<bool(const Value&)>& predicate) {
      std::vector<std::string> ids;
      for (const auto& [id, document] : documents_) {
        if (predicate(document)) ids.push_back(id);
      }
      return ids;
    };
    made.at_work = [this](std::string_view id) { return at_work.contains(std::string(id)); };
    made.cancel = [this](const std::string& id, const std::string&) {
      canceled.push_back(id);
      documents_.erase(id);
    };
    return made;
  }

  std::set<std::string> at_work;
  std::vector<std::string> canceled;

 private:
  std::map<std::string, Value, std::less<>> documents_;
};

struct TurnsTest : testing::Test {
  bool take(const std::string& id, const std::string& action, TurnMode mode, const std::string& uid = "u") {
    return turns.take(uid, id, "database." + action, mode, "tester");
  }
  Engine engine;
  Turns turns{engine.control()};
};

TEST_F(TurnsTest, OneAtATimeInTheirOrder) {
  engine.add_chain("1", "create", "u");
  engine.add_chain("2", "rotate", "u");
  engine.add_chain("3", "rotate", "u");
  EXPECT_TRUE(take("1", "create", TurnMode::kReplace));
  EXPECT_FALSE(take("2", "rotate", TurnMode::kQueue));
  EXPECT_FALSE(take("3", "rotate", TurnMode::kQueue));
  EXPECT_TRUE(take("1", "create", TurnMode::kReplace)) << "asked again, it still has it";
  engine.end("1");
  EXPECT_FALSE(take("3", "rotate", TurnMode::kQueue)) << "2 was here before";
  EXPECT_TRUE(take("2", "rotate", TurnMode::kQueue));
  engine.end("2");
  EXPECT_TRUE(take("3", "rotate", TurnMode::kQueue));
  EXPECT_THAT(engine.canceled, IsEmpty());
}

TEST_F(TurnsTest, OtherResourcesAreNotWaitedFor) {
  engine.add_chain("1", "create", "u");
  engine.add_chain("2", "create", "v");
  EXPECT_TRUE(take("1", "create", TurnMode::kReplace, "u"));
  EXPECT_TRUE(take("2", "create", TurnMode::kReplace, "v"));
}

TEST_F(TurnsTest, TheLastChangeReplacesThoseThatStillWait) {
  for (const char* id : {"1", "2", "3", "4"}) engine.add_chain(id, "modify", "u");
  EXPECT_TRUE(take("1", "modify", TurnMode::kReplace));
  EXPECT_FALSE(take("2", "modify", TurnMode::kReplace));
  EXPECT_FALSE(take("3", "modify", TurnMode::kReplace));
  EXPECT_THAT(engine.canceled, ElementsAre("2"));
  EXPECT_FALSE(take("4", "modify", TurnMode::kReplace));
  EXPECT_THAT(engine.canceled, ElementsAre("2", "3"));
  engine.end("1");
  EXPECT_TRUE(take("4", "modify", TurnMode::kReplace));
}

TEST_F(TurnsTest, ARetryThatIsToComeGivesWayToANewChange) {
  engine.add_chain("1", "create", "u", "delayed");
  turns.expect("u", "1", "database.create");
  engine.add_chain("2", "modify", "u");
  EXPECT_TRUE(take("2", "modify", TurnMode::kReplace));
  EXPECT_THAT(engine.canceled, ElementsAre("1"));
}

TEST_F(TurnsTest, ADeletionEndsTheOthersOnceNoCallIsUnderWay) {
  engine.add_chain("1", "create", "u");
  EXPECT_TRUE(take("1", "create", TurnMode::kReplace));
  engine.add_chain("2", "delete", "u");
  engine.at_work.insert("1");
  EXPECT_FALSE(take("2", "delete", TurnMode::kPreempt));
  EXPECT_THAT(engine.canceled, IsEmpty()) << "a call to RDS may be under way";
  engine.at_work.clear();
  EXPECT_TRUE(take("2", "delete", TurnMode::kPreempt));
  EXPECT_THAT(engine.canceled, ElementsAre("1"));
  // What comes later waits for the deletion.
  engine.add_chain("3", "repair", "u");
  EXPECT_FALSE(take("3", "repair", TurnMode::kReplace));
}

TEST_F(TurnsTest, AfterARestartItIsKnownWhoHadTheTurn) {
  engine.add_chain("1", "modify", "u");
  engine.add_task("1a", "1", "database.take_turn");
  engine.add_chain("2", "create", "u");
  engine.add_task("2a", "2", "aws.rds_wait_db_instance");
  EXPECT_FALSE(take("1", "modify", TurnMode::kReplace)) << "2 is in the middle of its work";
  engine.end("2");
  EXPECT_TRUE(take("1", "modify", TurnMode::kReplace));
}

TEST_F(TurnsTest, WhoElseIsOnItsWay) {
  engine.add_chain("1", "create", "u");
  EXPECT_TRUE(take("1", "create", TurnMode::kReplace));
  EXPECT_FALSE(turns.has_others("u", "1"));
  engine.add_chain("2", "delete", "u");
  EXPECT_FALSE(take("2", "delete", TurnMode::kQueue));
  EXPECT_TRUE(turns.has_others("u", "1"));
  EXPECT_FALSE(turns.has_others_like("u", "1", "database.repair"));
  EXPECT_TRUE(turns.has_others_like("u", "1", "database.delete"));
  EXPECT_TRUE(turns.has_others_like("u", "2", "database.modify")) << "a creation does what a change would";
}

}  // namespace
}  // namespace squall::runners::database
