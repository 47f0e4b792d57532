// Workflows in the engine: events and what follows from them are one transaction, and a restart goes on from there.
#include <gmock/gmock.h>

#include "engine/execution_driver.hpp"
#include "engine/test_house.hpp"
#include "value/json.hpp"

namespace squall::engine {
namespace {

using std::chrono::seconds;
using store::Collection;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::House;

constexpr const char* kTwo =
    "version: 1.0\n"
    "input: [word]\n"
    "output:\n  - said: <% ctx(said) %>\n"
    "tasks:\n"
    "  one:\n    action: t.act\n    input: {n: 1}\n"
    "    next: [{when: <% succeeded() %>, publish: [{said: <% result().x %>}], do: two}]\n"
    "  two:\n    action: t.act\n    input: {any: <% ctx(said) %>}\n";

class Workflow : public ::testing::Test {
 protected:
  Workflow() {
    house.write_action("act", "noop", "parameters:\n  n: {type: integer}\n  s: {type: string}\n  any: {}\n");
    house.write_action("ask", "inquirer");
    house.write_workflow("two", kTwo, "parameters:\n  word: {type: string, default: w}\n");
    house.write_workflow("items",
                         "version: 1.0\ntasks:\n  each:\n    with: <% range(3).toList() %>\n    action: t.act\n"
                         "    input: {n: <% item() %>}\n");
    house.write_workflow("outer",
                         "version: 1.0\noutput: [{got: <% ctx(got) %>}]\ntasks:\n  sub:\n    action: t.two\n"
                         "    next: [{publish: [{got: <% result().output.said %>}]}]\n");
    house.write_workflow("asks",
                         "version: 1.0\noutput: [{ok: <% ctx(ok) %>}]\ntasks:\n  q:\n    action: t.ask\n"
                         "    next: [{publish: [{ok: <% result().response.ok %>}]}]\n");
    house.write_workflow("later", "version: 1.0\ntasks:\n  one:\n    action: t.act\n    delay: 60\n");
    house.write_workflow("ghost", "version: 1.0\ninput: [a]\ntasks:\n  one:\n    action: <% ctx(a) %>\n",
                         "parameters:\n  a: {type: string}\n");
    house.write_workflow("wrong", "version: 1.0\ntasks:\n  one:\n    action: t.nobody\n");
    house.write_workflow(
        "bare", "version: 1.0\noutput: [{x: <% ctx(x) %>}]\ntasks:\n  one:\n    next: [{publish: [{x: 1}]}]\n");
    house.write_workflow("circle",
                         "version: 1.0\ntasks:\n  one:\n    next: [{do: two}]\n  two:\n    next: [{do: three}]\n"
                         "  three:\n    next: [{do: two}]\n");
    house.write_workflow("both", "version: 1.0\ntasks:\n  one:\n    action: t.act\n  two:\n    action: t.act\n");
    house.write_chain("chain", "chain:\n- {name: inner, ref: t.two, on-success: last}\n- {name: last, ref: t.act}\n");
    const RegisterReport report = house.register_pack();
    for (const auto& problem : report.problems) ADD_FAILURE() << problem.error.to_string();
  }
  // Ids of the executions that the workflow asked for, in their order.
  std::vector<std::string> tasks_of(const std::string& id) {
    std::vector<std::string> ids;
    for (const Value& execution : house.all(Collection::kExecutions)) {
      if (execution["parent"].string_or("") == id) ids.push_back(execution["id"].string());
    }
    return ids;
  }
  Value result_of(const std::string& id) { return house.stored(id)["result"]; }
  const Value hello = Value::dict({{"x", "hello"}});
  House house;
};

TEST_F(Workflow, RunsTaskAfterTask) {
  const std::string id = house.run("t.two");
  ASSERT_EQ(house.attempts.size(), 1u);
  EXPECT_TRUE(house.attempts[0].request.action_parameters["n"] == 1);
  house.finish(hello);
  ASSERT_EQ(house.attempts.size(), 2u);
  EXPECT_TRUE(house.attempts[1].request.action_parameters["any"] == "hello");
  const Value place = house.stored(tasks_of(id).at(1))["context"]["orquesta"];
  EXPECT_TRUE(place["task_name"] == "two");
  EXPECT_TRUE(place["task_route"] == 0);
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(id), "succeeded");
  EXPECT_EQ(to_json(result_of(id)), R"({"output":{"said":"hello"}})");
  EXPECT_THAT(house.log_of(id), ElementsAre("requested", "scheduled", "running", "succeeded"));
  EXPECT_EQ(house.driver->live_count(), 0u);
}

TEST_F(Workflow, GoesOnAfterARestartAtAnyStep) {
  const std::string id = house.run("t.two");
  house.restart();
  EXPECT_EQ(house.status(tasks_of(id).at(0)), "abandoned") << "nobody knows how far the first task got";
  EXPECT_EQ(house.status(id), "failed");

  const std::string next = house.run("t.two");
  house.finish(hello);
  house.restart(false);
  house.settle();
  EXPECT_EQ(house.status(next), "failed");
  EXPECT_EQ(tasks_of(next).size(), 2u) << "no task is started twice";
}

TEST_F(Workflow, ADelayedTaskIsStartedAfterARestart) {
  const std::string id = house.run("t.later");
  EXPECT_TRUE(house.attempts.empty());
  house.restart();
  house.advance(seconds(61));
  ASSERT_EQ(house.attempts.size(), 1u);
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(id), "succeeded");
}

TEST_F(Workflow, RunsItemsAtOnce) {
  const std::string id = house.run("t.items");
  ASSERT_EQ(house.attempts.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(house.stored(tasks_of(id).at(i))["context"]["orquesta"]["item_id"] == static_cast<int64_t>(i));
    house.finish(i, hello, "succeeded");
  }
  EXPECT_EQ(house.status(id), "succeeded");
}

TEST_F(Workflow, ATaskWithoutAnActionSucceedsAtOnce) {
  const std::string id = house.run("t.bare");
  EXPECT_EQ(house.status(id), "succeeded");
  EXPECT_EQ(to_json(result_of(id)), R"({"output":{"x":1}})");
  EXPECT_TRUE(tasks_of(id).empty());
}

TEST_F(Workflow, ACircleOfTasksWithoutActionsStallsNobody) {
  const std::string id = house.run("t.circle");
  EXPECT_EQ(house.status(id), "failed");
  EXPECT_THAT(to_json(result_of(id)), HasSubstr("circle of tasks"));
  const std::string other = house.run("t.act");
  house.finish(hello);
  EXPECT_EQ(house.status(other), "succeeded");
}

TEST_F(Workflow, TellsWhatIsWrongWithItsFile) {
  const std::string id = house.run("t.wrong");
  EXPECT_EQ(house.status(id), "failed");
  const Value errors = result_of(id)["errors"];
  ASSERT_EQ(errors.as_list().size(), 1u);
  EXPECT_TRUE(errors.as_list()[0]["type"] == "content");
  EXPECT_TRUE(errors.as_list()[0]["message"] == "The action \"t.nobody\" is not registered in the database.");
  EXPECT_TRUE(errors.as_list()[0]["spec_path"] == "tasks.one.action");
}

TEST_F(Workflow, AnActionThatCannotBeRequestedFailsIt) {
  const std::string id = house.run("t.ghost", Value::dict({{"a", "t.nobody"}}));
  EXPECT_EQ(house.status(id), "failed");
  EXPECT_EQ(to_json(result_of(id)["errors"]),
            R"([{"type":"error","message":"InvalidActionReferencedException: Unable to find action \"t.nobody\".",)"
            R"("task_id":"one","route":0}])");
  EXPECT_TRUE(tasks_of(id).empty());
}

TEST_F(Workflow, WorkflowsInsideWorkflowsAndChains) {
  const std::string outer = house.run("t.outer");
  house.finish(hello);
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(outer), "succeeded");
  EXPECT_EQ(to_json(result_of(outer)), R"({"output":{"got":"hello"}})");

  const std::string chain = house.run("t.chain");
  house.finish(hello);
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(house.child(chain)), "succeeded");
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(chain), "succeeded");
}

TEST_F(Workflow, PausesAfterTheTaskThatRunsAndResumes) {
  const std::string id = house.run("t.two");
  const auto paused = house.ask(&ExecutionDriver::pause, id);
  ASSERT_TRUE(paused) << paused.error().to_string();
  EXPECT_TRUE((*paused)["status"] == "pausing");
  house.finish(hello);
  EXPECT_EQ(house.status(id), "paused");
  house.restart();
  EXPECT_EQ(house.status(id), "paused");
  EXPECT_TRUE(house.attempts.empty());
  ASSERT_TRUE(house.ask(&ExecutionDriver::resume, id));
  ASSERT_EQ(house.attempts.size(), 1u);
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(id), "succeeded");
}

TEST_F(Workflow, CancelEndsItsTasks) {
  const std::string id = house.run("t.both");
  ASSERT_EQ(house.attempts.size(), 2u);
  const auto canceled = house.ask(&ExecutionDriver::cancel, id);
  ASSERT_TRUE(canceled) << canceled.error().to_string();
  EXPECT_TRUE((*canceled)["status"] == "canceling");
  EXPECT_EQ(house.status(id), "canceled");
  for (const std::string& task : tasks_of(id)) EXPECT_EQ(house.status(task), "canceled");
  EXPECT_TRUE(house.attempts[0].stop.stopped());
  EXPECT_EQ(house.driver->live_count(), 0u);
}

TEST_F(Workflow, AQuestionPausesItAndTheAnswerResumesIt) {
  const std::string id = house.run("t.asks");
  house.finish(Value::dict({{"schema", Value::dict({{"type", "object"}})}, {"users", Value::list({})}}), "pending");
  EXPECT_EQ(house.status(id), "paused");
  house.restart();
  Changes changes;
  ASSERT_TRUE(house.driver->respond(tasks_of(id).at(0), Value::dict({{"ok", true}}), "stanley", changes));
  house.committer->commit(std::move(changes));
  house.settle();
  EXPECT_EQ(house.status(id), "succeeded");
  EXPECT_EQ(to_json(result_of(id)), R"({"output":{"ok":true}})");
}

TEST_F(Workflow, ALateResultIsRecordedAndARerunGoesOnFromTheFailedTask) {
  const std::string id = house.run("t.two");
  house.finish(hello);
  house.finish(Value::empty_dict(), "failed");
  EXPECT_EQ(house.status(id), "failed");

  ExecutionRequest again;
  again.action = "t.two";
  again.context = Value::dict({{"re-run", Value::dict({{"ref", id}, {"tasks", Value::list({Value("two")})}})}});
  Changes changes;
  const auto rerun = house.driver->request(std::move(again), changes);
  ASSERT_TRUE(rerun);
  house.committer->commit(std::move(changes));
  house.settle();
  const std::string second = (*rerun)["id"].string();
  ASSERT_EQ(house.attempts.size(), 3u) << "the first task is not run again";
  EXPECT_TRUE(house.attempts[2].request.action_parameters["any"] == "hello");
  house.finish(Value::empty_dict());
  EXPECT_EQ(house.status(second), "succeeded");
  EXPECT_EQ(house.status(id), "failed") << "the record of the first run stays as it is";
}

TEST_F(Workflow, ATaskThatOutlivesItsWorkflowIsStillJournaled) {
  const std::string id = house.run("t.both");
  house.finish(0, Value::empty_dict(), "failed");
  EXPECT_EQ(house.status(id), "failed");
  const size_t before = house.all(Collection::kWorkflowEvents).size();
  house.finish(1, Value::empty_dict(), "succeeded");
  EXPECT_EQ(house.all(Collection::kWorkflowEvents).size(), before + 1);
  EXPECT_EQ(house.status(id), "failed");
}

}  // namespace
}  // namespace squall::engine
