// Policies through the driver: who starts, in which order, and what is tried again.
#include "engine/test_house.hpp"
#include "model/execution.hpp"

namespace squall::engine::testing {
namespace {

class PoliciesTest : public ::testing::Test {
 protected:
  PoliciesTest() { house.write_action("work", "native", "parameters: {key: {type: string, default: d}}\n"); }

  void policy(const std::string& type, const std::string& parameters, const std::string& name = "p") {
    house.write("policies/" + name + ".yaml", "name: " + name + "\nresource_ref: t.work\npolicy_type: action." + type +
                                                  "\nenabled: true\nparameters: " + parameters + "\n");
    EXPECT_TRUE(house.register_pack().problems.empty());
  }
  std::string run(const std::string& key = "") {
    return house.run("t.work", key.empty() ? Value::empty_dict() : Value::dict({{"key", key}}));
  }
  // The executions that were started, in that order.
  std::vector<std::string> started() const {
    std::vector<std::string> ids;
    for (const auto& attempt : house.attempts) ids.push_back(attempt.request.execution_id);
    return ids;
  }
  void end(size_t attempt, const std::string& status = "succeeded") {
    house.finish(attempt, Value::dict({{"n", static_cast<int>(attempt)}}), status);
  }

  House house;
};

TEST_F(PoliciesTest, NoMoreThanTheThresholdRunAndTheRestFollowsInOrder) {
  policy("concurrency", "{threshold: 2}");
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(run());
  EXPECT_EQ(started(), std::vector<std::string>(ids.begin(), ids.begin() + 2));
  for (int i = 2; i < 6; ++i) EXPECT_EQ(house.status(ids[i]), "delayed");
  for (size_t i = 0; i < 6; ++i) {
    end(i);
    EXPECT_EQ(started().size(), std::min<size_t>(i + 3, 6));
  }
  EXPECT_EQ(started(), ids);
  for (const std::string& id : ids) EXPECT_EQ(house.status(id), "succeeded");
}

TEST_F(PoliciesTest, TheLogSaysThatItWasDelayed) {
  policy("concurrency", "{threshold: 1}");
  run();
  const std::string second = run();
  end(0);
  end(1);
  std::string log;
  for (const Value& entry : house.stored(second)["log"].as_list()) log += entry["status"].string() + " ";
  EXPECT_EQ(log, "requested delayed scheduled running succeeded ");
}

TEST_F(PoliciesTest, CancelsWhatIsTooMuchWhenAskedTo) {
  policy("concurrency", "{threshold: 1, action: cancel}");
  const std::string first = run(), second = run();
  EXPECT_EQ(house.status(first), "running");
  EXPECT_EQ(house.status(second), "canceled");
  end(0);
  EXPECT_EQ(house.status(run()), "running");
}

TEST_F(PoliciesTest, CountsByTheValuesOfParametersWithTheirDefaults) {
  policy("concurrency.attr", "{threshold: 1, attributes: [key]}");
  const std::string a = run("a"), again = run("a"), b = run("b"), none = run(), same_as_none = run("d");
  EXPECT_EQ(started(), (std::vector<std::string>{a, b, none}));
  EXPECT_EQ(house.status(again), "delayed");
  EXPECT_EQ(house.status(same_as_none), "delayed");
  end(2);
  EXPECT_EQ(started().back(), same_as_none);
  EXPECT_EQ(house.status(again), "delayed");
  end(0);
  EXPECT_EQ(started().back(), again);
}

TEST_F(PoliciesTest, NobodyOvertakesThoseOfTheSameKind) {
  policy("concurrency.attr", "{threshold: 1, attributes: [key]}");
  run("a");
  const std::string first = run("a"), second = run("a");
  end(0);
  const std::string third = run("a");
  EXPECT_EQ(started().back(), first);
  end(1);
  EXPECT_EQ(started().back(), second);
  end(2);
  EXPECT_EQ(started().back(), third);
}

TEST_F(PoliciesTest, ACanceledOneLeavesTheQueue) {
  policy("concurrency", "{threshold: 1}");
  run();
  const std::string second = run(), third = run();
  ASSERT_TRUE(house.ask(&ExecutionDriver::cancel, second));
  end(0);
  EXPECT_EQ(started().back(), third);
  EXPECT_EQ(house.status(second), "canceled");
}

TEST_F(PoliciesTest, ARestartKeepsTheOrder) {
  policy("concurrency", "{threshold: 1}");
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(run());
  house.restart();
  EXPECT_EQ(started(), std::vector<std::string>(ids.begin(), ids.begin() + 1));
  for (size_t i = 0; i < 4; ++i) end(i);
  EXPECT_EQ(started(), ids);
}

TEST_F(PoliciesTest, ADisabledPolicyHoldsNobodyBack) {
  policy("concurrency", "{threshold: 1}");
  run();
  run();
  ASSERT_EQ(started().size(), 1u);
  Value changed = *house.catalog->find(store::Collection::kPolicies, "t.p");
  changed.set("enabled", false);
  Changes changes;
  ASSERT_TRUE(house.registry->put_document(store::Collection::kPolicies, changed, changes));
  house.driver->release_held_back(changes);
  house.committer->commit(std::move(changes));
  house.settle();
  EXPECT_EQ(started().size(), 2u);
}

TEST_F(PoliciesTest, AFailureIsTriedAgainAsOftenAsThePolicySays) {
  policy("retry", "{retry_on: failure, max_retry_count: 2}");
  const std::string first = run("k");
  end(0, "failed");
  ASSERT_EQ(started().size(), 2u);
  const Value second = house.stored(started()[1]);
  EXPECT_EQ(second["parameters"]["key"], Value("k"));
  const Value& policies = second["context"]["policies"]["retry"];
  EXPECT_EQ(policies["applied_policy"], Value("t.p"));
  EXPECT_EQ(policies["retry_count"], Value(1));
  EXPECT_EQ(policies["retried_liveaction_id"], house.stored(first)["liveaction"]["id"]);
  end(1, "failed");
  ASSERT_EQ(started().size(), 3u);
  end(2, "failed");
  EXPECT_EQ(started().size(), 3u);
}

TEST_F(PoliciesTest, OnlyTheEndThatThePolicyNamesIsTriedAgain) {
  policy("retry", "{retry_on: timeout, max_retry_count: 1}");
  run();
  end(0, "failed");
  EXPECT_EQ(started().size(), 1u);
  run();
  end(1, "timeout");
  EXPECT_EQ(started().size(), 3u);
}

TEST_F(PoliciesTest, ARetryWaitsAndSurvivesARestart) {
  policy("retry", "{retry_on: failure, max_retry_count: 1, delay: 30}");
  run();
  end(0, "failed");
  EXPECT_EQ(started().size(), 1u);
  house.restart();
  EXPECT_TRUE(started().empty());
  house.advance(std::chrono::seconds(31));
  EXPECT_EQ(started().size(), 1u);
}

TEST_F(PoliciesTest, ARetryQueuesBehindThoseThatWait) {
  policy("concurrency", "{threshold: 1}");
  policy("retry", "{retry_on: failure, max_retry_count: 1}", "again");
  run();
  const std::string second = run();
  end(0, "failed");
  EXPECT_EQ(started().back(), second);
  end(1);
  EXPECT_EQ(started().size(), 3u);
}

TEST_F(PoliciesTest, TasksOfChainsAreLeftToTheirChain) {
  policy("retry", "{retry_on: failure, max_retry_count: 3}");
  house.write_chain("c", "chain: [{name: one, ref: t.work}]\n");
  house.register_pack();
  const std::string chain = house.run("t.c");
  end(0, "failed");
  EXPECT_EQ(started().size(), 1u);
  EXPECT_EQ(house.status(chain), "failed");
}

}  // namespace
}  // namespace squall::engine::testing
