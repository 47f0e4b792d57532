#include "workflow/workflow.hpp"

#include <gtest/gtest.h>

#include "value/json.hpp"

namespace squall::workflow {
namespace {

Event through_json(const Event& event) {
  const auto row = parse_json(to_json(event.to_value()));
  EXPECT_TRUE(row);
  auto back = Event::from_value(*row);
  EXPECT_TRUE(back) << back.error().to_string();
  return *back;
}

Event at_some_time(Event::What what) {
  Event event;
  event.what = std::move(what);
  event.at = *parse_timestamp("2026-01-31T12:00:00.123456Z");
  event.seed = 0xfedcba9876543210;
  return event;
}

TEST(WorkflowEvent, KeepsWhatItIsThroughARowOfTheJournal) {
  const Event action = through_json(at_some_time(ActionChanged{3, "failed", Value::dict({{"stdout", "x"}})}));
  const auto& changed = std::get<ActionChanged>(action.what);
  EXPECT_EQ(changed.number, 3);
  EXPECT_EQ(changed.status, "failed");
  EXPECT_EQ(changed.result["stdout"].string(), "x");
  EXPECT_EQ(format_timestamp(action.at), "2026-01-31T12:00:00.123456Z");
  EXPECT_EQ(action.seed, 0xfedcba9876543210);

  const Event start = through_json(at_some_time(Start{Value::dict({{"a", 1}}), Value::dict({{"st2", Value()}})}));
  EXPECT_EQ(std::get<Start>(start.what).inputs, Value::dict({{"a", 1}}));
  EXPECT_TRUE(std::get<Start>(start.what).context.contains("st2"));

  const Event refused = through_json(at_some_time(ActionRefused{5, "no such action"}));
  EXPECT_EQ(std::get<ActionRefused>(refused.what).number, 5);
  EXPECT_EQ(std::get<ActionRefused>(refused.what).message, "no such action");
  EXPECT_FALSE(refused.more);

  Event paused = at_some_time(PauseRequest{});
  paused.more = true;
  EXPECT_TRUE(through_json(paused).more);

  const Event restored = through_json(at_some_time(Restore{Value::dict({{"state", 1}})}));
  EXPECT_EQ(std::get<Restore>(restored.what).document, Value::dict({{"state", 1}}));

  EXPECT_EQ(std::get<TimerDue>(through_json(at_some_time(TimerDue{7})).what).number, 7);
  EXPECT_TRUE(std::holds_alternative<PauseRequest>(through_json(at_some_time(PauseRequest{})).what));
  EXPECT_TRUE(std::holds_alternative<ResumeRequest>(through_json(at_some_time(ResumeRequest{})).what));
  EXPECT_TRUE(std::holds_alternative<CancelRequest>(through_json(at_some_time(CancelRequest{})).what));
}

TEST(WorkflowEvent, KeepsARerunWithAllItsParts) {
  RerunRequest request;
  request.tasks.push_back({"a", std::nullopt, true, Value()});
  request.tasks.push_back({"b", 2, false, Value::dict({{"x", 1}})});
  request.inputs = Value::dict({{"n", 5}});
  const Event event = through_json(at_some_time(request));
  const auto& back = std::get<RerunRequest>(event.what);
  ASSERT_EQ(back.tasks.size(), 2u);
  EXPECT_EQ(back.tasks[0].task, "a");
  EXPECT_FALSE(back.tasks[0].route);
  EXPECT_TRUE(back.tasks[0].reset_items);
  EXPECT_TRUE(back.tasks[0].input.is_null());
  EXPECT_EQ(back.tasks[1].route, 2);
  EXPECT_EQ(back.tasks[1].input, Value::dict({{"x", 1}}));
  EXPECT_EQ(back.inputs, Value::dict({{"n", 5}}));
}

TEST(WorkflowEvent, AReplayAlwaysHasAnswersSoThatNothingIsAskedAgain) {
  Event event = at_some_time(PauseRequest{});
  EXPECT_TRUE(through_json(event).answers.has_value());
  event.answers = List{Value::dict({{"value", "v"}})};
  EXPECT_EQ(through_json(event).answers, event.answers);
}

TEST(WorkflowEvent, RefusesRowsThatAreNone) {
  for (const char* text :
       {"{}", R"({"event": "dance", "at": "2026-01-31T12:00:00Z", "seed": 1})",
        R"({"event": "timer", "at": "2026-01-31T12:00:00Z", "seed": 1})",
        R"({"event": "pause", "at": "noon", "seed": 1})", R"({"event": "pause", "at": "2026-01-31T12:00:00Z"})"}) {
    EXPECT_FALSE(Event::from_value(*parse_json(text))) << text;
  }
}

TEST(WorkflowCommand, IsShownWithWhatMatters) {
  RunAction run;
  run.number = 4;
  run.task = "t";
  run.item = 0;
  run.action = "core.noop";
  run.input = Value::empty_dict();
  run.delay_ms = 1500;
  const Value shown = to_value(Command(run));
  EXPECT_EQ(shown["command"].string(), "run");
  EXPECT_EQ(shown["number"], Value(4));
  EXPECT_EQ(shown["item"], Value(0));
  EXPECT_EQ(shown["delay_ms"], Value(1500));
  EXPECT_EQ(to_value(Command(CancelAction{9})), Value::dict({{"command", "cancel"}, {"number", 9}}));
}

}  // namespace
}  // namespace squall::workflow
