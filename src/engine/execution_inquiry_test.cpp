// Questions: what they hold up, who may answer, and what the answer sets going again.
#include <gmock/gmock.h>

#include "engine/execution_driver.hpp"
#include "engine/test_house.hpp"

namespace squall::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::House;

class Inquiry : public ::testing::Test {
 protected:
  Inquiry() {
    house.write_action("ask", "inquirer");
    house.write_action("act", "noop", "parameters:\n  x: {}\n");
    house.write_chain("chain",
                      "chain:\n"
                      "- {name: q, ref: t.ask, publish: {v: '{{ q.response.ok }}'}, on-success: two, on-failure: two}\n"
                      "- {name: two, ref: t.act, parameters: {x: '{{ q.result.response.ok }} {{ v }}'}}\n");
    house.write_chain("outer", "chain:\n- {name: inner, ref: t.chain, on-success: last}\n- {name: last, ref: t.act}\n");
    const RegisterReport report = house.register_pack();
    for (const auto& problem : report.problems) ADD_FAILURE() << problem.error.to_string();
    house.driver->on_inquiry([this](const Value& execution, Changes&) { asked.push_back(execution["id"].string()); });
  }
  Result<Value> respond(const std::string& id, const Value& response, const std::string& user = "stanley") {
    Changes changes;
    auto answer = house.driver->respond(id, response, user, changes);
    house.committer->commit(std::move(changes));
    house.settle();
    return answer;
  }
  // The runner has put its question.
  void ask(const Value& users = Value::list({})) {
    house.finish(
        Value::dict(
            {{"schema", Value::dict({{"type", "object"},
                                     {"properties",
                                      Value::dict({{"ok", Value::dict({{"type", "boolean"}, {"required", true}})}})}})},
             {"users", users},
             {"roles", Value::list({})},
             {"route", "r"},
             {"ttl", 10}}),
        "pending");
  }
  const Value yes = Value::dict({{"ok", true}});
  std::vector<std::string> asked;
  House house;
};

TEST_F(Inquiry, IsPendingUntilItIsAnswered) {
  const std::string id = house.run("t.ask");
  ask();
  EXPECT_EQ(house.status(id), "pending");
  EXPECT_THAT(asked, ElementsAre(id));
  house.restart();
  EXPECT_EQ(house.status(id), "pending") << "a restart neither asks again nor gives up";
  EXPECT_TRUE(house.attempts.empty());
  const auto answer = respond(id, yes);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_TRUE((*answer)["response"] == yes);
  EXPECT_EQ(house.status(id), "succeeded");
  EXPECT_TRUE(house.stored(id)["result"]["response"] == yes);
  EXPECT_TRUE(house.stored(id)["result"]["ttl"] == 10);
  const auto again = respond(id, yes);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message(), HasSubstr("already been responded to"));
}

TEST_F(Inquiry, RefusesAnswersThatDoNotFitAndPeopleItDoesNotAsk) {
  const std::string id = house.run("t.ask");
  ask(Value::list({Value("anna")}));
  const auto stranger = respond(id, yes, "berta");
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().code(), ErrorCode::kForbidden);
  const auto wrong = respond(id, Value::dict({{"ok", "perhaps"}}), "anna");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message(), HasSubstr("'perhaps' is not of type 'boolean'"));
  EXPECT_FALSE(respond(id, Value::empty_dict(), "anna"));
  EXPECT_EQ(house.status(id), "pending");
  EXPECT_TRUE(respond(id, yes, "anna"));
}

TEST_F(Inquiry, PausesItsChainWhichGoesOnWithTheAnswer) {
  const std::string chain = house.run("t.chain");
  ask();
  EXPECT_EQ(house.status(chain), "paused");
  EXPECT_TRUE(house.stored(chain)["result"]["tasks"].as_list().at(0)["state"] == "pending");
  const auto resumed = house.ask(&ExecutionDriver::resume, chain);
  ASSERT_FALSE(resumed) << "nothing can go on without the answer";
  EXPECT_THAT(resumed.error().message(), HasSubstr("waits for an answer"));
  house.restart();
  ASSERT_TRUE(respond(house.child(chain), yes));
  ASSERT_EQ(house.attempts.size(), 1u);
  EXPECT_TRUE(house.attempts[0].request.action_parameters["x"] == "True True");
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(chain), "succeeded");
  EXPECT_THAT(house.log_of(chain), ElementsAre("requested", "scheduled", "running", "pausing", "paused", "resuming",
                                               "running", "succeeded"));
  const Value tasks = house.stored(chain)["result"]["tasks"];
  ASSERT_EQ(tasks.as_list().size(), 2u);
  EXPECT_TRUE(tasks.as_list()[0]["state"] == "succeeded");
}

TEST_F(Inquiry, PausesAllChainsAboveAndTheAnswerResumesThemAll) {
  const std::string outer = house.run("t.outer");
  ask();
  const std::string inner = house.child(outer);
  EXPECT_EQ(house.status(inner), "paused");
  EXPECT_EQ(house.status(outer), "paused");
  house.restart();
  ASSERT_TRUE(respond(house.child(inner), yes));
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(inner), "succeeded");
  EXPECT_EQ(house.status(outer), "running");
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(outer), "succeeded");
  EXPECT_EQ(house.driver->live_count(), 0u);
}

TEST_F(Inquiry, IsWithdrawnWithTheChainThatAsked) {
  const std::string chain = house.run("t.chain");
  ask();
  const std::string question = house.child(chain);
  ASSERT_TRUE(house.ask(&ExecutionDriver::cancel, chain));
  EXPECT_EQ(house.status(chain), "canceled");
  EXPECT_EQ(house.status(question), "canceled");
  EXPECT_FALSE(respond(question, yes));
  EXPECT_EQ(house.driver->live_count(), 0u);
}

}  // namespace
}  // namespace squall::engine
