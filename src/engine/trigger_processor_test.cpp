// One event: its instance, enforcements and executions, in one transaction.
#include "engine/trigger_processor.hpp"

#include <gmock/gmock.h>

#include "engine/test_house.hpp"

namespace squall::engine {
namespace {

using store::Collection;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::House;

std::string rule(const std::string& name, const std::string& criteria, const std::string& more = "",
                 const std::string& action = "t.act") {
  return "name: " + name + "\nenabled: true\ntrigger: {type: t.event}\ncriteria: " + criteria +
         "\naction: {ref: " + action + ", parameters: {s: '{{ trigger.who }}'}}\n" + more;
}

class Processor : public ::testing::Test {
 protected:
  Processor() {
    house.write_action("act", "noop", "parameters:\n  s: {type: string}\n");
    house.write("triggers/event.yaml",
                "name: event\npayload_schema:\n  type: object\n  properties:\n"
                "    who: {type: string}\n    n: {type: integer}\n");
  }
  Result<Value> event(const Value& payload, const std::string& trigger = "t.event") {
    Changes changes;
    auto instance = house.triggers->process({trigger, payload, "tag"}, changes);
    committed_nothing = changes.empty();
    house.committer->commit(std::move(changes));
    house.settle();
    return instance;
  }
  std::vector<std::string> enforced() {
    std::vector<std::string> refs;
    for (const Value& document : house.all(Collection::kEnforcements)) {
      refs.push_back(document["rule"]["ref"].string() + " " + document["status"].string());
    }
    std::sort(refs.begin(), refs.end());
    return refs;
  }
  House house;
  bool committed_nothing = false;
};

TEST_F(Processor, AMatchMakesOneEnforcementAndOneExecutionThatKnowEachOther) {
  house.write("rules/a.yaml", rule("a", "{trigger.n: {type: greaterthan, pattern: 2}}"));
  house.write("rules/b.yaml", rule("b", "{trigger.n: {type: lessthan, pattern: 2}}"));
  ASSERT_TRUE(house.register_pack().problems.empty());
  const auto instance = event(Value::dict({{"who", "me"}, {"n", 5}}));
  ASSERT_TRUE(instance) << instance.error().to_string();
  EXPECT_THAT(enforced(), ElementsAre("t.a succeeded"));
  const Value enforcement = house.all(Collection::kEnforcements)[0];
  EXPECT_TRUE(enforcement["trigger_instance_id"] == (*instance)["id"]);
  const Value execution = house.stored(enforcement["execution_id"].string());
  EXPECT_TRUE(execution["parameters"]["s"] == "me");
  EXPECT_TRUE(execution["trigger_instance"]["id"] == (*instance)["id"]);
  EXPECT_TRUE(execution["context"]["trace_context"]["trace_tag"] == "tag");
  EXPECT_EQ(house.attempts.size(), 1u);
  const Value explained = house.triggers->explain(*instance);
  ASSERT_EQ(explained["rules"].as_list().size(), 2u);
  EXPECT_TRUE(explained["rules"].as_list()[0]["matched"] == true);
  EXPECT_TRUE(explained["rules"].as_list()[1]["matched"] == false);
}

TEST_F(Processor, ARefusedEventLeavesNothing) {
  house.write("rules/a.yaml", rule("a", "{}"));
  house.register_pack();
  const auto wrong = event(Value::dict({{"n", "five"}}));
  ASSERT_FALSE(wrong);
  EXPECT_TRUE(committed_nothing);
  EXPECT_THAT(wrong.error().message(), HasSubstr("five"));
  EXPECT_FALSE(event(Value::empty_dict(), "t.unknown"));
  const auto bytes = event(Value::dict({{"who", Value::dict({{"x", "\xff"}})}}));
  ASSERT_FALSE(bytes);
  EXPECT_THAT(bytes.error().message(), HasSubstr("UTF-8"));
  EXPECT_TRUE(house.all(Collection::kTriggerInstances).empty());
  EXPECT_EQ(house.committer->refused_count(), 0u);
}

TEST_F(Processor, ARuleThatCannotBeEnforcedSaysWhyAndTheOthersGoOn) {
  house.write_action("strict", "noop", "parameters:\n  s: {type: integer}\n");
  house.write("rules/bad.yaml", rule("bad", "{trigger.who: {type: greaterthan, pattern: 5}}"));
  house.write("rules/good.yaml", rule("good", "{}"));
  house.write("rules/typed.yaml", rule("typed", "{}", "", "t.strict"));
  house.register_pack();
  ASSERT_TRUE(event(Value::dict({{"who", "me"}})));
  EXPECT_THAT(enforced(), ElementsAre("t.bad failed", "t.good succeeded", "t.typed failed"));
  for (const Value& document : house.all(Collection::kEnforcements)) {
    EXPECT_EQ(document["status"] == "failed", !document["failure_reason"].string().empty());
  }
  EXPECT_EQ(house.attempts.size(), 1u);
}

TEST_F(Processor, ABackstopRunsOnlyWhenNothingElseMatched) {
  house.write("rules/main.yaml", rule("main", "{trigger.n: {type: equals, pattern: 1}}"));
  house.write("rules/back.yaml", rule("back", "{}", "type: {ref: backstop}\n"));
  house.write("rules/off.yaml",
              "name: 'off'\nenabled: false\ntrigger: {type: t.event}\ncriteria: {}\naction: {ref: t.act}\n");
  house.register_pack();
  ASSERT_TRUE(event(Value::dict({{"who", "me"}, {"n", 1}})));
  EXPECT_THAT(enforced(), ElementsAre("t.main succeeded"));
  ASSERT_TRUE(event(Value::dict({{"who", "me"}, {"n", 2}})));
  EXPECT_THAT(enforced(), ElementsAre("t.back succeeded", "t.main succeeded"));
}

TEST_F(Processor, AnEventWithoutRulesIsKept) {
  house.register_pack();
  ASSERT_TRUE(event(Value::dict({{"n", 1}})));
  EXPECT_EQ(house.all(Collection::kTriggerInstances).size(), 1u);
  EXPECT_TRUE(enforced().empty());
}

TEST_F(Processor, ACrashBeforeTheCommitLeavesNeitherHalf) {
  house.write("rules/a.yaml", rule("a", "{}"));
  house.register_pack();
  Changes changes;
  ASSERT_TRUE(house.triggers->process({"t.event", Value::dict({{"who", "me"}}), ""}, changes));
  house.restart();
  EXPECT_TRUE(house.all(Collection::kTriggerInstances).empty());
  EXPECT_TRUE(enforced().empty());
  EXPECT_TRUE(house.all(Collection::kExecutions).empty());
}

}  // namespace
}  // namespace squall::engine
