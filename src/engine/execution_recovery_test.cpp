// What a restart makes of every state that an execution can be in.
#include <gmock/gmock.h>

#include "engine/test_house.hpp"

namespace squall::engine {
namespace {

using std::chrono::seconds;
using store::Collection;
using ::testing::HasSubstr;
using testing::House;

class Recovery : public ::testing::Test {
 protected:
  Recovery() {
    house.write_action("act", "noop");
    house.write_action("native", "native");
    house.write_action("shell", "local-shell-cmd", "parameters:\n  cmd: {default: x}\n");
    house.write_chain("chain",
                      "chain:\n- {name: one, ref: t.act, on-success: two, on-failure: mend}\n"
                      "- {name: two, ref: t.native}\n- {name: mend, ref: t.native}\n");
    house.write_chain("waits", "chain:\n- {name: wait, ref: t.native, on-success: end}\n- {name: end, ref: t.act}\n");
    house.register_pack();
  }
  House house{{.running_processes_max = 1}};
};

TEST_F(Recovery, AnActionThatMayHaveDoneAnythingIsAbandoned) {
  const std::string id = house.run("t.act");
  house.restart();
  EXPECT_EQ(house.status(id), "abandoned");
  EXPECT_THAT(house.stored(id)["result"]["error"].string(), HasSubstr("how far it got is unknown"));
  EXPECT_TRUE(house.attempts.empty()) << "it was started again";
  house.restart();
  EXPECT_EQ(house.driver->live_count(), 0u) << "what is over stays over";
}

TEST_F(Recovery, AnIdempotentActionIsTriedAgain) {
  const std::string id = house.run("t.native");
  house.restart();
  ASSERT_EQ(house.attempts.size(), 1u);
  EXPECT_EQ(house.attempts[0].request.execution_id, id);
  house.finish(Value::dict({{"ok", true}}));
  EXPECT_EQ(house.status(id), "succeeded");
}

TEST_F(Recovery, AChainWhoseTaskIsAbandonedTakesItsFailurePath) {
  const std::string chain = house.run("t.chain");
  house.restart();
  EXPECT_EQ(house.status(house.child(chain)), "abandoned");
  ASSERT_EQ(house.attempts.size(), 1u);
  EXPECT_EQ(house.attempts[0].request.action_ref, "t.native");
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(chain), "succeeded");
  EXPECT_TRUE(house.stored(chain)["result"]["tasks"].as_list()[1]["name"] == "mend");
}

TEST_F(Recovery, AChainGoesOnAfterItsLastRecordedTask) {
  const std::string chain = house.run("t.chain");
  house.finish(Value::dict({{"x", 1}}));
  house.restart();
  ASSERT_EQ(house.attempts.size(), 1u) << "only the second task";
  EXPECT_EQ(house.attempts[0].request.action_ref, "t.native");
  house.finish(Value::empty_dict());
  const Value tasks = house.stored(chain)["result"]["tasks"];
  ASSERT_EQ(tasks.as_list().size(), 2u);
  EXPECT_TRUE(tasks.as_list()[0]["result"]["x"] == 1);
}

TEST_F(Recovery, WhatWasAskedForButNotDurableNeverWas) {
  ExecutionRequest request;
  request.action = "t.act";
  Changes changes;
  ASSERT_TRUE(house.driver->request(std::move(request), changes));
  // The process dies before the commit.
  house.restart();
  EXPECT_TRUE(house.attempts.empty());
  EXPECT_TRUE(house.all(Collection::kExecutions).empty());
}

TEST_F(Recovery, AWaitGoesOnWaitingWithItsState) {
  const std::string chain = house.run("t.waits");
  house.wait(seconds(60), Value::dict({{"n", 7}}));
  house.advance(seconds(20));
  house.restart();
  EXPECT_TRUE(house.attempts.empty());
  house.advance(seconds(30));
  EXPECT_TRUE(house.attempts.empty()) << "the wait began anew too early";
  house.advance(seconds(15));
  ASSERT_EQ(house.attempts.size(), 1u);
  EXPECT_TRUE(house.attempts[0].request.wait_state["n"] == 7);
  house.finish(Value::empty_dict());
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(chain), "succeeded");
}

TEST_F(Recovery, WhatWasDueMeanwhileIsDoneAtOnce) {
  const std::string waits = house.run("t.native");
  house.wait(seconds(60), Value::empty_dict());
  const std::string delayed = house.run("t.act", Value::empty_dict(), 60'000);
  house.executor->clock.advance(seconds(3600));  // while nobody ran
  house.restart();
  house.advance(seconds(1));
  EXPECT_EQ(house.attempts.size(), 2u);
  EXPECT_EQ(house.status(delayed), "running");
  EXPECT_EQ(house.status(waits), "running");
}

TEST_F(Recovery, WhatWaitedForASlotGetsOne) {
  const std::string first = house.run("t.shell");
  const std::string second = house.run("t.shell");
  EXPECT_EQ(house.status(second), "requested");
  house.restart();
  EXPECT_EQ(house.status(first), "abandoned");
  EXPECT_EQ(house.status(second), "running");
  EXPECT_EQ(house.attempts.size(), 1u);
}

TEST_F(Recovery, ACancelThatHadBegunIsFinished) {
  const std::string chain = house.run("t.chain");
  const std::string task = house.child(chain);
  // As a crash between the two would leave them: the chain says canceling, its task still runs.
  Value document = house.stored(chain);
  document.set("status", "canceling");
  Changes changes;
  changes.put(Collection::kExecutions, chain, document);
  house.committer->commit(std::move(changes));
  house.settle();
  house.restart();
  EXPECT_EQ(house.status(chain), "canceled");
  EXPECT_EQ(house.status(task), "abandoned");
  EXPECT_TRUE(house.attempts.empty()) << "no failure path for what was canceled";
}

TEST_F(Recovery, AChainWhoseFileIsGoneFailsWithTheReason) {
  const std::string chain = house.run("t.chain");
  house.finish(Value::empty_dict());
  house.write("actions/chains/chain.yaml", "chain: [");
  house.restart();
  EXPECT_EQ(house.status(chain), "failed");
  EXPECT_THAT(house.stored(chain)["result"]["error"].string(), HasSubstr("cannot be continued"));
}

// Far more than one step reads: requests are served in between, and what is asked about is read at once.
class RecoveryInSteps : public Recovery {
 protected:
  RecoveryInSteps() {
    for (int i = 0; i < 260; ++i) {
      ids.push_back(house.run("t.waits"));
      house.wait(seconds(60), Value::dict({{"i", i}}));
    }
    house.restart(false);
  }
  std::vector<std::string> ids;
};

TEST_F(RecoveryInSteps, AllComeBack) {
  EXPECT_EQ(house.driver->live_count(), 520u) << "known before they are read";
  EXPECT_EQ(house.driver->unrecovered_count(), 520u);
  house.settle();
  EXPECT_EQ(house.driver->unrecovered_count(), 0u);
  EXPECT_TRUE(house.attempts.empty());
  house.advance(seconds(61));
  EXPECT_EQ(house.attempts.size(), 260u);
  for (size_t i = 0; i < 260; ++i) house.finish(i, Value::empty_dict(), "succeeded");
  EXPECT_EQ(house.attempts.size(), 520u);
}

TEST_F(RecoveryInSteps, NewWorkDoesNotWaitForThem) {
  ExecutionRequest request;
  request.action = "t.act";
  Changes changes;
  ASSERT_TRUE(house.driver->request(std::move(request), changes));
  house.committer->commit(std::move(changes));
  house.store.drain();
  EXPECT_EQ(house.driver->unrecovered_count(), 520u);
  house.settle();
  ASSERT_EQ(house.attempts.size(), 1u);
  EXPECT_EQ(house.attempts[0].request.action_ref, "t.act");
  EXPECT_EQ(house.driver->live_count(), 521u);
}

TEST_F(RecoveryInSteps, OneCanBeCanceledBeforeItWasRead) {
  const std::string last = ids.back();
  const std::string task = house.child(last);
  ASSERT_TRUE(house.ask(&ExecutionDriver::cancel, last));
  EXPECT_EQ(house.status(last), "canceled");
  EXPECT_EQ(house.status(task), "canceled");
  house.advance(seconds(61));
  EXPECT_EQ(house.attempts.size(), 259u);
}

TEST_F(RecoveryInSteps, WhoLooksForOthersSeesAll) {
  const auto found =
      house.driver->find_live([](const Value& document) { return document["action"]["ref"] == "t.waits"; });
  EXPECT_EQ(found.size(), 260u);
  EXPECT_NE(house.driver->live(ids[200]), nullptr);
}

TEST_F(RecoveryInSteps, ACrashInTheMiddleOfItLosesNothing) {
  house.restart(false);
  house.restart();
  house.advance(seconds(61));
  EXPECT_EQ(house.attempts.size(), 260u);
}

}  // namespace
}  // namespace squall::engine
