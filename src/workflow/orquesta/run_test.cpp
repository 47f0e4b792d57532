// What the recorded cases do not show: refusals, inquiries, replays of what the host answered, reruns with changes.
#include <gtest/gtest.h>

#include "workflow/orquesta/test_player.hpp"

namespace squall::workflow::orquesta {
namespace {

Value dict(std::initializer_list<std::pair<std::string_view, Value>> members) { return Value::dict(members); }

Player started(std::string_view text, Value inputs = Value::empty_dict(), Environment environment = empty_datastore()) {
  Player player(workflow_of(text), std::move(environment));
  EXPECT_TRUE(player.send(Start{std::move(inputs), dict({{"st2", dict({{"workflow_execution_id", "wf1"}})}})}));
  return player;
}

template <typename C>
std::vector<C> all_of(const Player& player) {
  std::vector<C> found;
  for (const Command& command : player.commands()) {
    if (const auto* one = std::get_if<C>(&command)) found.push_back(*one);
  }
  return found;
}

const char* const kTwoTasks = R"(
version: 1.0
input: [{who: stanley}]
tasks:
  a:
    action: core.echo message=<% ctx(who) %>
    next: [{when: <% succeeded() %>, publish: said=<% result().out %>, do: b}]
  b: {action: core.noop}
output: [{said: <% ctx(said) %>}]
)";

TEST(OrquestaRun, RefusesActionsThatNobodyAskedForOrThatHaveEnded) {
  Player player = started(kTwoTasks);
  const uint64_t before = player.run().hash();
  EXPECT_EQ(player.send(ActionChanged{9, "succeeded", Value()}).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(player.send(ActionChanged{1, "dancing", Value()}).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(player.run().hash(), before);
  ASSERT_TRUE(player.send(ActionChanged{1, "succeeded", dict({{"out", "x"}})}));
  EXPECT_EQ(player.send(ActionChanged{1, "failed", Value()}).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(player.send(Start{}).error().code(), ErrorCode::kConflict);
  EXPECT_TRUE(player.replays());
}

TEST(OrquestaRun, EndsWithItsOutput) {
  Player player = started(kTwoTasks, dict({{"who", "me"}, {"undeclared", 1}}));
  ASSERT_EQ(player.actions().size(), 1u);
  EXPECT_EQ(player.actions()[0].input, dict({{"message", "me"}}));
  ASSERT_TRUE(player.send(ActionChanged{1, "succeeded", dict({{"out", "x"}})}));
  EXPECT_EQ(player.finish(), nullptr);
  ASSERT_TRUE(player.send(ActionChanged{2, "succeeded", Value()}));
  ASSERT_NE(player.finish(), nullptr);
  EXPECT_EQ(player.finish()->status, "succeeded");
  EXPECT_EQ(player.finish()->output, dict({{"said", "x"}}));
  EXPECT_TRUE(player.run().open_actions().empty());
}

TEST(OrquestaRun, AnInquiryPausesAndItsAnswerGoesOn) {
  Player player = started(kTwoTasks);
  ASSERT_TRUE(player.send(ActionChanged{1, "pending", Value()}));
  EXPECT_EQ(player.run().status(), "paused");
  ASSERT_TRUE(player.send(ActionChanged{1, "succeeded", dict({{"out", "yes"}})}));
  ASSERT_TRUE(player.send(ResumeRequest{}));
  ASSERT_EQ(player.actions().size(), 1u);
  EXPECT_EQ(player.actions()[0].task, "b");
  EXPECT_TRUE(player.replays());
}

TEST(OrquestaRun, AnActionThatEndsWithoutBeingToldToGoOnIsNotLost) {
  for (const char* const held : {"paused", "pausing", "resuming"}) {
    Player player = started(kTwoTasks);
    ASSERT_TRUE(player.send(PauseRequest{}));
    EXPECT_EQ(all_of<PauseAction>(player).size(), 1u);
    ASSERT_TRUE(player.send(ActionChanged{1, held, Value()})) << held;
    ASSERT_TRUE(player.send(ResumeRequest{})) << held;
    ASSERT_TRUE(player.send(ActionChanged{1, "succeeded", dict({{"out", 1}})})) << held;
    ASSERT_EQ(player.actions().size(), 1u) << held << " " << player.run().status();
    ASSERT_TRUE(player.send(ActionChanged{2, "succeeded", Value()}));
    EXPECT_EQ(player.run().status(), "succeeded") << held;
  }
}

TEST(OrquestaRun, ACancelTellsWhatIsUnderWay) {
  Player player = started(kTwoTasks);
  ASSERT_TRUE(player.send(CancelRequest{}));
  ASSERT_EQ(all_of<CancelAction>(player).size(), 1u);
  EXPECT_EQ(all_of<CancelAction>(player)[0].number, 1);
  EXPECT_EQ(player.run().status(), "canceling");
  ASSERT_TRUE(player.send(ActionChanged{1, "canceled", Value()}));
  EXPECT_EQ(player.run().status(), "canceled");
  ASSERT_NE(player.finish(), nullptr);
  EXPECT_EQ(player.send(PauseRequest{}).error().type(), "InvalidWorkflowStatusTransition");
}

TEST(OrquestaRun, APauseThatComesWithTheEndOfAnActionKeepsTheNextFromStarting) {
  Player player = started(kTwoTasks);
  ASSERT_TRUE(player.send(ActionChanged{1, "succeeded", dict({{"out", 1}})}, true));
  EXPECT_TRUE(player.actions().empty());
  ASSERT_TRUE(player.send(PauseRequest{}));
  EXPECT_TRUE(player.actions().empty());
  EXPECT_EQ(player.run().status(), "paused");
  ASSERT_TRUE(player.send(ResumeRequest{}));
  EXPECT_EQ(player.actions().size(), 1u);
  EXPECT_TRUE(player.replays());
}

TEST(OrquestaRun, AnActionThatCannotBeRequestedFailsItsTaskAndFollowsNothing) {
  Player player = started(R"(
version: 1.0
tasks:
  a: {action: core.ghost, next: [{when: <% failed() %>, do: b}]}
  b: {action: core.noop}
)");
  ASSERT_TRUE(player.send(ActionRefused{1, "InvalidActionReferencedException: Unable to find action \"core.ghost\"."}));
  EXPECT_TRUE(player.actions().empty());
  ASSERT_NE(player.finish(), nullptr);
  EXPECT_EQ(player.finish()->status, "failed");
  EXPECT_EQ(player.finish()->errors,
            Value::list({dict({{"type", "error"},
                               {"message", "InvalidActionReferencedException: Unable to find action \"core.ghost\"."},
                               {"task_id", "a"},
                               {"route", 0}})}));
  // And it can be tried again.
  ASSERT_TRUE(player.send(RerunRequest{}));
  ASSERT_EQ(player.actions().size(), 1u);
  EXPECT_EQ(player.actions()[0].number, 2);
  EXPECT_TRUE(player.replays());
}

TEST(OrquestaRun, WhatTheHostAnsweredIsKeptForTheReplay) {
  auto asked = std::make_shared<int>(0);
  const auto body = [asked](const List& arguments) -> Result<Value> {
    if (arguments[0] == Value("bad")) return fail(Error(ErrorCode::kNotFound, "no key bad").with_type("KeyError"));
    return Value("answer " + std::to_string(++*asked));
  };
  Environment environment;
  environment.functions.push_back(
      std::make_shared<expr::HostFunction>("st2kv", std::vector<expr::HostParameter>{{"key", true, Value()}}, body));
  Player player = started(R"(
version: 1.0
vars: [{first: <% st2kv('k') %>}]
tasks:
  a: {action: core.echo, input: {m: "{{ st2kv('k') }} {{ ctx('first') }}"}, next: [{publish: x=<% st2kv('bad') %>}]}
)",
                          Value::empty_dict(), environment);
  ASSERT_EQ(player.actions().size(), 1u);
  EXPECT_EQ(player.actions()[0].input, dict({{"m", "answer 2 answer 1"}}));
  ASSERT_TRUE(player.send(ActionChanged{1, "succeeded", Value()}));
  EXPECT_EQ(player.run().status(), "failed");
  EXPECT_NE(player.run().errors()[0]["message"].string().find("no key bad"), std::string::npos);
  EXPECT_TRUE(player.replays());
  EXPECT_EQ(*asked, 2);
}

TEST(OrquestaRun, TimeAndChanceComeFromTheEvent) {
  Player player = started(R"(
version: 1.0
tasks:
  a: {action: core.echo, input: {now: "<% str(now()) %>", dice: "<% random(1, 1000000) %>"}}
)");
  ASSERT_EQ(player.actions().size(), 1u);
  EXPECT_NE(player.actions()[0].input["now"].string().find("2026-01-31 12:00:00"), std::string::npos);
  EXPECT_TRUE(player.actions()[0].input["dice"].is_int());
  EXPECT_TRUE(player.replays());
}

const char* const kItems = R"(
version: 1.0
input: [list]
tasks:
  each:
    with: {items: x in <% ctx(list) %>, concurrency: 2}
    action: core.echo
    input: {m: <% item(x) %>}
    next: [{when: <% succeeded() %>, publish: all=<% result() %>}]
output: [{all: <% ctx(all) %>}]
)";

TEST(OrquestaRun, ItemsRunAsManyAtATimeAsAllowed) {
  Player player = started(kItems, dict({{"list", Value::list({"a", "b", "c"})}}));
  ASSERT_EQ(player.actions().size(), 2u);
  EXPECT_EQ(player.actions()[0].task_execution_id, player.actions()[1].task_execution_id);
  ASSERT_TRUE(player.send(ActionChanged{2, "succeeded", "B"}));
  ASSERT_EQ(player.actions().size(), 1u);
  EXPECT_EQ(player.actions()[0].input, dict({{"m", "c"}}));
  ASSERT_TRUE(player.send(ActionChanged{3, "succeeded", "C"}));
  ASSERT_TRUE(player.send(ActionChanged{1, "succeeded", "A"}));
  EXPECT_EQ(player.run().output(), dict({{"all", Value::list({"A", "B", "C"})}}));
  EXPECT_TRUE(player.replays());
}

TEST(OrquestaRun, ARerunRepeatsTheItemsThatFailedOrAll) {
  for (const bool reset : {false, true}) {
    Player player = started(kItems, dict({{"list", Value::list({"a", "b"})}}));
    ASSERT_TRUE(player.send(ActionChanged{1, "succeeded", "A"}));
    ASSERT_TRUE(player.send(ActionChanged{2, "failed", "boom"}));
    EXPECT_EQ(player.run().status(), "failed");
    ASSERT_TRUE(player.send(RerunRequest{{{"each", std::nullopt, reset, Value()}}, Value()}));
    ASSERT_EQ(player.actions().size(), reset ? 2u : 1u);
    EXPECT_TRUE(player.run().errors().empty());
    for (const RunAction& action : player.actions()) {
      ASSERT_TRUE(player.send(ActionChanged{action.number, "succeeded", "again"}));
    }
    EXPECT_EQ(player.run().status(), "succeeded");
    EXPECT_EQ(player.run().output(), dict({{"all", Value::list({reset ? "again" : "A", "again"})}}));
    EXPECT_TRUE(player.replays());
  }
}

TEST(OrquestaRun, ARerunTakesNewInputsAndParameters) {
  Player player = started(kTwoTasks);
  ASSERT_TRUE(player.send(ActionChanged{1, "failed", Value()}));
  EXPECT_EQ(player.run().status(), "failed");
  RerunRequest request;
  request.tasks.push_back({"a", std::nullopt, false, dict({{"extra", true}})});
  request.inputs = dict({{"who", "someone else"}});
  ASSERT_TRUE(player.send(request));
  ASSERT_EQ(player.actions().size(), 1u);
  EXPECT_EQ(player.actions()[0].input, dict({{"message", "someone else"}, {"extra", true}}));
  ASSERT_TRUE(player.send(ActionChanged{2, "succeeded", dict({{"out", "ok"}})}));
  ASSERT_TRUE(player.send(ActionChanged{3, "succeeded", Value()}));
  ASSERT_NE(player.finish(), nullptr);
  EXPECT_EQ(player.finish()->output, dict({{"said", "ok"}}));
  EXPECT_TRUE(player.replays());
}

TEST(OrquestaRun, ARerunIsRefusedWhenItMakesNoSense) {
  Player player = started(kTwoTasks);
  EXPECT_EQ(player.send(RerunRequest{}).error().type(), "WorkflowIsActiveAndNotRerunableError");
  ASSERT_TRUE(player.send(ActionChanged{1, "succeeded", dict({{"out", 1}})}));
  ASSERT_TRUE(player.send(ActionChanged{2, "succeeded", Value()}));
  EXPECT_FALSE(player.send(RerunRequest{}));
  EXPECT_EQ(player.send(RerunRequest{{{"a", 4, false, Value()}}, Value()}).error().message(),
            "Unable to rerun task|route(s) because it doesn't exist or isn't rerunnable: a|4");
  EXPECT_EQ(
      player.send(RerunRequest{{{"x", std::nullopt, false, Value()}, {"y", std::nullopt, false, Value()}}, Value()})
          .error()
          .message(),
      "Unable to rerun workflow because one or more tasks is not found: x,y");
  // A task that succeeded can be run again when it is named.
  EXPECT_TRUE(player.send(RerunRequest{{{"a", std::nullopt, false, Value()}}, Value()}));
  EXPECT_EQ(player.actions().size(), 1u);
}

TEST(OrquestaRun, GoesOnFromItsOwnDocument) {
  Player first = started(kTwoTasks);
  ASSERT_TRUE(first.send(ActionChanged{1, "succeeded", dict({{"out", "x"}})}));
  ASSERT_TRUE(first.send(ActionChanged{2, "failed", Value()}));
  Player second(workflow_of(kTwoTasks));
  ASSERT_TRUE(second.send(Restore{first.run().document()}));
  EXPECT_EQ(second.run().document(), first.run().document());
  ASSERT_TRUE(second.send(RerunRequest{}));
  ASSERT_EQ(second.actions().size(), 1u);
  EXPECT_EQ(second.actions()[0].task, "b");
  EXPECT_FALSE(Player(workflow_of(kTwoTasks)).send(Restore{dict({{"state", dict({{"status", "odd"}})}})}));
}

TEST(OrquestaRun, TaskRecordsHaveTimesAndResults) {
  Player player = started(kItems, dict({{"list", Value::list({"a"})}}));
  ASSERT_TRUE(player.send(ActionChanged{1, "succeeded", "A"}));
  const Value records = player.run().task_records();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0]["task"].string(), "each");
  EXPECT_EQ(records[0]["status"].string(), "succeeded");
  EXPECT_EQ(records[0]["items"], Value::list({dict({{"status", "succeeded"}, {"result", "A"}})}));
  EXPECT_EQ(records[0]["start_timestamp"].string(), "2026-01-31T12:00:00.000000Z");
  EXPECT_EQ(records[0]["end_timestamp"].string(), "2026-01-31T12:00:00.001000Z");
}

}  // namespace
}  // namespace squall::workflow::orquesta
