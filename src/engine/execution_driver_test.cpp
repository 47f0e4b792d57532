// From request to result: what is durable before what happens, cancel, pause, resume, waits, slots, secrets.
#include "engine/execution_driver.hpp"

#include <gmock/gmock.h>

#include "engine/test_house.hpp"
#include "value/json.hpp"

namespace squall::engine {
namespace {

using std::chrono::seconds;
using store::Collection;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::House;

constexpr const char* kChain =
    "chain:\n- {name: one, ref: t.act, on-success: two, on-failure: mend}\n- {name: two, ref: t.act}\n"
    "- {name: mend, ref: t.act}\n";

class Driver : public ::testing::Test {
 protected:
  Driver() {
    house.write_action("act", "noop", "parameters:\n  n: {type: integer}\n  s: {type: string}\n  any: {}\n");
    house.write_action("native", "native");
    house.write_action("shell", "local-shell-cmd", "parameters:\n  cmd: {default: x}\n");
    house.write_action("off", "noop");
    house.write("actions/off.yaml", "name: 'off'\nrunner_type: noop\nenabled: false\n");
    house.write_action("odd", "winrm-cmd");
    house.write_action("fixed", "noop", "parameters:\n  f: {type: string, default: a, immutable: true}\n");
    house.write_action("secret", "native", "parameters:\n  token: {type: string, secret: true}\n");
    house.write_chain("chain", kChain);
    house.write_chain("outer", "chain:\n- {name: inner, ref: t.chain, on-success: last}\n- {name: last, ref: t.act}\n");
    const RegisterReport report = house.register_pack();
    for (const auto& problem : report.problems) ADD_FAILURE() << problem.error.to_string();
  }
  House house{{.running_processes_max = 2}};
};

TEST_F(Driver, NothingIsStartedBeforeItsRecordIsDurable) {
  ExecutionRequest request;
  request.action = "t.act";
  Changes changes;
  const auto answer = house.driver->request(std::move(request), changes);
  ASSERT_TRUE(answer);
  EXPECT_TRUE((*answer)["status"] == "requested");
  house.committer->commit(std::move(changes));
  house.executor->run();
  EXPECT_TRUE(house.attempts.empty()) << "the commit has not happened yet";
  house.settle();
  ASSERT_EQ(house.attempts.size(), 1u);
  const std::string id = (*answer)["id"].string();
  EXPECT_EQ(house.status(id), "running");
  house.finish(Value::dict({{"x", 1}}));
  EXPECT_EQ(house.status(id), "succeeded");
  EXPECT_THAT(house.log_of(id), ElementsAre("requested", "scheduled", "running", "succeeded"));
  EXPECT_TRUE(house.stored(id)["result"]["x"] == 1);
  EXPECT_EQ(house.driver->live_count(), 0u);
}

TEST_F(Driver, RefusesWhatCannotRun) {
  const auto refusal = [&](const std::string& action, const Value& parameters) {
    const auto answer = house.request(action, parameters);
    return answer ? std::string("accepted") : answer.error().message();
  };
  EXPECT_THAT(refusal("t.nothing", Value::empty_dict()), HasSubstr("cannot be found"));
  EXPECT_THAT(refusal("t.off", Value::empty_dict()), HasSubstr("disabled"));
  EXPECT_THAT(refusal("t.act", Value::dict({{"n", "x"}})), HasSubstr("x"));
  EXPECT_THAT(refusal("t.act", Value::dict({{"unknown", 1}})), HasSubstr("unknown"));
  EXPECT_THAT(refusal("t.fixed", Value::dict({{"f", "b"}})), HasSubstr("immutable"));
  EXPECT_TRUE(house.attempts.empty());
  // A value that cannot be cast is a rendering that failed (see below); nothing else is kept.
  EXPECT_EQ(house.all(Collection::kExecutions).size(), 1u);
}

TEST_F(Driver, ARenderingThatFailsIsKeptAsAFailedExecution) {
  const auto answer = house.request("t.act", Value::dict({{"s", "{{ nowhere.x }}"}}));
  ASSERT_FALSE(answer);
  const auto kept = house.all(Collection::kExecutions);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_TRUE(kept[0]["status"] == "failed");
  EXPECT_FALSE(kept[0]["result"]["error"].string().empty());
}

TEST_F(Driver, AResultThatNoRecordCanHoldFailsTheExecution) {
  const std::string id = house.run("t.act");
  Value deep = 1;
  for (int i = 0; i < 2000; ++i) deep = Value(List{deep});
  house.finish(Value::dict({{"deep", deep}}));
  EXPECT_EQ(house.status(id), "failed");
  EXPECT_THAT(house.stored(id)["result"]["error"].string(), HasSubstr("cannot be recorded"));
  EXPECT_EQ(house.committer->refused_count(), 0u) << "the border has to find it, not the net";
}

TEST_F(Driver, CancelEndsTheActionAndItsLateResultDoesNotCount) {
  const std::string id = house.run("t.act");
  ASSERT_TRUE(house.ask(&ExecutionDriver::cancel, id));
  EXPECT_TRUE(house.attempts[0].stop.stopped());
  EXPECT_EQ(house.status(id), "canceled");
  EXPECT_TRUE(house.stored(id)["context"]["cancelled_by"] == "somebody");
  house.finish(Value::dict({{"late", true}}));
  EXPECT_EQ(house.status(id), "canceled");
  EXPECT_FALSE(house.ask(&ExecutionDriver::cancel, id)) << "it is over";
}

TEST_F(Driver, CancelingAChainEndsItsTask) {
  const std::string chain = house.run("t.outer");
  const std::string inner = house.child(chain);
  const std::string task = house.child(inner);
  ASSERT_TRUE(house.ask(&ExecutionDriver::cancel, chain));
  for (const std::string& id : {chain, inner, task}) EXPECT_EQ(house.status(id), "canceled") << id;
  EXPECT_EQ(house.attempts.size(), 1u) << "nothing more was started";
  EXPECT_EQ(house.driver->live_count(), 0u);
}

TEST_F(Driver, AChainRunsTaskAfterTask) {
  const std::string chain = house.run("t.chain");
  house.finish(Value::dict({{"x", 1}}));
  EXPECT_EQ(house.status(house.child(chain)), "succeeded");
  ASSERT_EQ(house.attempts.size(), 2u);
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(chain), "succeeded");
  const Value tasks = house.stored(chain)["result"]["tasks"];
  ASSERT_EQ(tasks.as_list().size(), 2u);
  EXPECT_TRUE(tasks.as_list()[1]["name"] == "two");
}

TEST_F(Driver, AFailedTaskTakesTheFailurePath) {
  const std::string chain = house.run("t.chain");
  house.finish(Value::empty_dict(), "failed");
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(chain), "succeeded");
  EXPECT_TRUE(house.stored(chain)["result"]["tasks"].as_list()[1]["name"] == "mend");
}

TEST_F(Driver, APausedChainStartsNoTaskUntilItIsResumed) {
  const std::string chain = house.run("t.chain");
  ASSERT_TRUE(house.ask(&ExecutionDriver::pause, chain));
  EXPECT_EQ(house.status(chain), "pausing");
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(chain), "paused");
  EXPECT_EQ(house.attempts.size(), 1u);
  house.restart();
  EXPECT_EQ(house.status(chain), "paused");
  EXPECT_TRUE(house.attempts.empty());
  ASSERT_TRUE(house.ask(&ExecutionDriver::resume, chain));
  ASSERT_EQ(house.attempts.size(), 1u);
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(chain), "succeeded");
  EXPECT_FALSE(house.ask(&ExecutionDriver::resume, chain));
  EXPECT_FALSE(house.ask(&ExecutionDriver::pause, house.run("t.act"))) << "only chains can be paused";
}

TEST_F(Driver, PausingAChainPausesTheChainInside) {
  const std::string outer = house.run("t.outer");
  ASSERT_TRUE(house.ask(&ExecutionDriver::pause, outer));
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(outer), "paused");
  EXPECT_EQ(house.status(house.child(outer)), "paused");
  ASSERT_TRUE(house.ask(&ExecutionDriver::resume, outer));
  house.finish(Value::empty_dict());
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(outer), "succeeded");
}

TEST_F(Driver, AWaitIsARowAndComesBackWithItsState) {
  const std::string id = house.run("t.native");
  house.wait(seconds(30), Value::dict({{"seen", 3}}), Value::dict({{"phase", "creating"}}));
  EXPECT_TRUE(house.stored(id)["result"]["phase"] == "creating");
  EXPECT_FALSE(house.stored(id, Collection::kWakeups).is_null());
  house.advance(seconds(29));
  EXPECT_EQ(house.attempts.size(), 1u);
  house.advance(seconds(2));
  ASSERT_EQ(house.attempts.size(), 2u);
  EXPECT_TRUE(house.attempts[1].request.wait_state["seen"] == 3);
  house.finish(Value::dict({{"phase", "available"}}));
  EXPECT_EQ(house.status(id), "succeeded");
  EXPECT_TRUE(house.stored(id, Collection::kWakeups).is_null());
  EXPECT_TRUE(house.stored(id)["_squall"].is_null());
}

TEST_F(Driver, CancelingAWaitTakesItsWakeUpAway) {
  const std::string id = house.run("t.native");
  house.wait(seconds(30), Value::empty_dict());
  ASSERT_TRUE(house.ask(&ExecutionDriver::cancel, id));
  EXPECT_TRUE(house.stored(id, Collection::kWakeups).is_null());
  house.advance(seconds(40));
  EXPECT_EQ(house.attempts.size(), 1u);
}

TEST_F(Driver, ADelayedExecutionStartsWhenItIsDue) {
  const std::string id = house.run("t.act", Value::empty_dict(), 5000);
  EXPECT_EQ(house.status(id), "delayed");
  house.advance(seconds(4));
  EXPECT_TRUE(house.attempts.empty());
  house.advance(seconds(2));
  ASSERT_EQ(house.attempts.size(), 1u);
  EXPECT_EQ(house.status(id), "running");
  EXPECT_TRUE(house.stored(id, Collection::kWakeups).is_null());
}

TEST_F(Driver, NoMoreProcessesThanAllowedTheRestWaitsItsTurn) {
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(house.run("t.shell"));
  EXPECT_EQ(house.attempts.size(), 2u);
  EXPECT_EQ(house.status(ids[2]), "requested");
  house.finish(0, Value::empty_dict(), "failed");
  EXPECT_EQ(house.status(ids[2]), "running");
  EXPECT_EQ(house.status(ids[3]), "requested");
  // Canceled while it waits: it takes no slot.
  ASSERT_TRUE(house.ask(&ExecutionDriver::cancel, ids[3]));
  house.finish(1, Value::empty_dict(), "succeeded");
  house.finish(2, Value::empty_dict(), "succeeded");
  EXPECT_EQ(house.attempts.size(), 3u);
  EXPECT_EQ(house.status(ids[3]), "canceled");
}

TEST_F(Driver, ARunnerThatSquallLacksFailsTheExecution) {
  const auto answer = house.request("t.odd", Value::empty_dict());
  if (!answer) return;  // the runner type itself is unknown
  const auto kept = house.all(Collection::kExecutions);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_TRUE(kept[0]["status"] == "failed");
  EXPECT_THAT(kept[0]["result"]["error"].string(), HasSubstr("cannot run actions of runner type"));
}

TEST_F(Driver, SecretParametersAreNowhereInTheRecordAndSurviveARestart) {
  const std::string id = house.run("t.secret", Value::dict({{"token", "correct-horse"}}));
  EXPECT_TRUE(house.attempts[0].request.action_parameters["token"] == "correct-horse");
  EXPECT_EQ(to_json(house.stored(id)).find("correct-horse"), std::string::npos);
  house.restart();
  ASSERT_EQ(house.attempts.size(), 1u);
  EXPECT_TRUE(house.attempts[0].request.action_parameters["token"] == "correct-horse");
  house.finish(Value::empty_dict());
  EXPECT_TRUE(house.stored(id)["_squall"].is_null()) << "nor sealed, once it is over";
}

TEST_F(Driver, WhatIsUnfinishedCanBeFound) {
  const std::string a = house.run("t.act");
  const std::string chain = house.run("t.chain");
  EXPECT_NE(house.driver->live(a), nullptr);
  EXPECT_EQ(house.driver->live("000000000000000000000000"), nullptr);
  EXPECT_TRUE(house.driver->at_work(chain)) << "its task is with its runner";
  const auto found =
      house.driver->find_live([](const Value& document) { return document["action"]["ref"] == "t.chain"; });
  EXPECT_THAT(found, ElementsAre(chain));
}

}  // namespace
}  // namespace squall::engine
