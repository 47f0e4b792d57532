#include "engine/catalog.hpp"

#include <gmock/gmock.h>

#include "engine/test_house.hpp"

namespace squall::engine {
namespace {

using store::Collection;
using ::testing::ElementsAre;
using testing::House;

Value rule(const std::string& id, const std::string& ref, const std::string& trigger,
           const Value& criteria = Value::empty_dict()) {
  return Value::dict({{"id", id}, {"ref", ref}, {"trigger", trigger}, {"enabled", true}, {"criteria", criteria}});
}

std::vector<std::string> refs(const std::vector<std::shared_ptr<const Rule>>& rules) {
  std::vector<std::string> found;
  for (const auto& rule : rules) found.push_back(rule->ref);
  return found;
}

TEST(Catalog, FindsByIdAndByRefAndFollowsChanges) {
  Catalog catalog;
  catalog.put(Collection::kActions, Value::dict({{"id", "1"}, {"ref", "p.a"}, {"enabled", true}}));
  ASSERT_NE(catalog.find(Collection::kActions, "1"), nullptr);
  ASSERT_NE(catalog.action("p.a"), nullptr);
  catalog.put(Collection::kActions, Value::dict({{"id", "1"}, {"ref", "p.renamed"}}));
  EXPECT_EQ(catalog.action("p.a"), nullptr);
  EXPECT_NE(catalog.action("p.renamed"), nullptr);
  catalog.erase(Collection::kActions, "1");
  EXPECT_EQ(catalog.action("p.renamed"), nullptr);
  EXPECT_EQ(catalog.find(Collection::kActions, "1"), nullptr);
  catalog.put(Collection::kConfigs, Value::dict({{"id", "2"}, {"pack", "p"}}));
  EXPECT_NE(catalog.find(Collection::kConfigs, "p"), nullptr) << "configs go by their pack";
}

TEST(Catalog, RulesOfATriggerComeInTheOrderOfTheirRefs) {
  Catalog catalog;
  catalog.put(Collection::kRules, rule("1", "p.z", "t"));
  catalog.put(Collection::kRules, rule("2", "p.a", "t"));
  catalog.put(Collection::kRules, rule("3", "p.m", "other"));
  EXPECT_THAT(refs(catalog.rules_of("t")), ElementsAre("p.a", "p.z"));
  catalog.put(Collection::kRules, rule("1", "p.z", "other"));
  EXPECT_THAT(refs(catalog.rules_of("t")), ElementsAre("p.a"));
  EXPECT_THAT(refs(catalog.rules_of("other")), ElementsAre("p.m", "p.z"));
  catalog.erase(Collection::kRules, "2");
  EXPECT_TRUE(catalog.rules_of("t").empty());
  EXPECT_TRUE(catalog.rules_of("never").empty());
}

TEST(Catalog, ARuleWithBadCriteriaIsKeptWithTheReason) {
  Catalog catalog;
  catalog.put(Collection::kRules,
              rule("1", "p.a", "t", Value::dict({{"trigger.x", Value::dict({{"type", "no-such"}})}})));
  ASSERT_EQ(catalog.rules_of("t").size(), 1u);
  EXPECT_TRUE(catalog.rules_of("t")[0]->criteria_error);
}

TEST(Catalog, TriggersAreFoundByTypeAndParameters) {
  Catalog catalog;
  const Value parameters = Value::dict({{"url", "a"}, {"n", 1}});
  catalog.put(Collection::kTriggers,
              Value::dict({{"id", "1"}, {"ref", "core.x"}, {"type", "core.st2.webhook"}, {"parameters", parameters}}));
  const Value* found = catalog.trigger_with("core.st2.webhook", Value::dict({{"n", 1}, {"url", "a"}}));
  ASSERT_NE(found, nullptr) << "the order of the members does not matter";
  EXPECT_EQ(catalog.trigger_with("core.st2.webhook", Value::dict({{"url", "a"}})), nullptr);
  EXPECT_EQ(catalog.triggers_of_type("core.st2.webhook").size(), 1u);
}

TEST(Catalog, AnActionsParametersLieOverItsRunners) {
  const Value merged =
      merge_parameter_schemas(Value::dict({{"cmd", Value::dict({{"type", "string"}, {"required", true}})},
                                           {"timeout", Value::dict({{"default", 60}})}}),
                              Value::dict({{"cmd", Value::dict({{"default", "date"}, {"immutable", true}})},
                                           {"own", Value::dict({{"type", "object"}})}}));
  EXPECT_TRUE(merged["cmd"]["type"] == "string");
  EXPECT_TRUE(merged["cmd"]["immutable"] == true);
  EXPECT_TRUE(merged["timeout"]["default"] == 60);
  EXPECT_TRUE(merged["own"]["type"] == "object");
}

TEST(Catalog, IsThereAgainAfterARestart) {
  House house;
  house.write_action("act", "noop");
  house.write("rules/r.yaml", "name: r\nenabled: true\ntrigger: {type: t.e}\ncriteria: {}\naction: {ref: t.act}\n");
  house.write("triggers/e.yaml", "name: e\n");
  ASSERT_TRUE(house.register_pack().problems.empty());
  const std::string id = (*house.catalog->action("t.act"))["id"].string();
  house.restart();
  ASSERT_NE(house.catalog->action("t.act"), nullptr);
  EXPECT_TRUE((*house.catalog->action("t.act"))["id"] == id);
  EXPECT_THAT(refs(house.catalog->rules_of("t.e")), ElementsAre("t.r"));
  house.register_pack();
  EXPECT_TRUE((*house.catalog->action("t.act"))["id"] == id) << "registering again keeps the ids";
}

}  // namespace
}  // namespace squall::engine
