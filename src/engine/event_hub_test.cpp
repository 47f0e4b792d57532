#include "engine/event_hub.hpp"

#include <gtest/gtest.h>

namespace squall::engine {
namespace {

using store::Collection;

class EventHubTest : public ::testing::Test {
 protected:
  uint64_t listen() {
    return hub.listen([this](const HubEvent& event) {
      const std::string state = event.data["status"].string();
      const std::string text = event.data["data"].string();
      told.push_back(event.name.substr(4) + (state.empty() ? "" : " " + state) + (text.empty() ? "" : " " + text));
      events.push_back(event);
    });
  }
  Value execution(std::initializer_list<const char*> states, Value result = {}) {
    Value log = Value::empty_list();
    std::string last;
    for (const char* state : states) log.push_back(Value::dict({{"status", last = state}, {"timestamp", "t"}}));
    Value document =
        Value::dict({{"id", "e1"},
                     {"status", last},
                     {"start_timestamp", format_timestamp(clock.now())},
                     {"action", Value::dict({{"ref", "p.a"}})},
                     {"runner", Value::dict({{"name", "r"}})},
                     {"liveaction", Value::dict({{"id", "l1"}, {"runner_info", Value::dict({{"pid", 1}})}})},
                     {"context", Value::dict({{"user", "u"}})},
                     {"_squall", Value::dict({{"sealed_parameters", "x"}})},
                     {"log", log}});
    if (!result.is_null()) document.set("result", std::move(result));
    return document;
  }
  void commit(const Value& document) { hub.on_committed(Collection::kExecutions, "e1", document, false); }

  ManualClock clock{Timestamp(std::chrono::seconds(1'700'000'000))};
  EventHub hub{clock};
  std::vector<std::string> told;
  std::vector<HubEvent> events;
};

TEST_F(EventHubTest, StepsThatBecameDurableAtOnceAreToldOneByOne) {
  listen();
  commit(execution({"requested", "scheduled", "running"}));
  EXPECT_EQ(told, (std::vector<std::string>{"liveaction__create requested", "execution__create requested",
                                            "liveaction__update scheduled", "execution__update scheduled",
                                            "liveaction__update running", "execution__update running"}));
  EXPECT_TRUE(events[1].data["liveaction"]["runner_info"].empty());
  EXPECT_FALSE(events[5].data["liveaction"]["runner_info"].empty());
  EXPECT_EQ(events[1].data["log"].size(), 1u);
  EXPECT_FALSE(events[1].data.contains("_squall"));
}

TEST_F(EventHubTest, TheEndComesAfterTheOutput) {
  listen();
  commit(execution({"requested", "scheduled", "running"}));
  told.clear();
  commit(execution({"requested", "scheduled", "running", "succeeded"}, Value::dict({{"stdout", "a\nb"}})));
  EXPECT_EQ(told, (std::vector<std::string>{"execution.output__create a\n", "execution.output__create b\n",
                                            "liveaction__update succeeded", "execution__update succeeded"}));
}

TEST_F(EventHubTest, OutputThatCameBeforeIsNotToldTwice) {
  listen();
  commit(execution({"requested", "running"}));
  hub.publish_output(execution({"requested", "running"}), "stdout", "a\n");
  told.clear();
  commit(execution({"requested", "running", "succeeded"}, Value::dict({{"stdout", "a"}})));
  EXPECT_EQ(told, (std::vector<std::string>{"liveaction__update succeeded", "execution__update succeeded"}));
}

TEST_F(EventHubTest, WhatARunningActionHasPrintedIsKeptUntilItIsOver) {
  const Value running = execution({"requested", "running"});
  hub.publish_output(running, "stdout", "one\ntw");
  hub.publish_output(running, "stderr", "e\n");
  EXPECT_EQ(hub.printed("e1", "stdout"), "one\ntw");
  listen();
  hub.publish_output(running, "stdout", "o\n");
  EXPECT_EQ(told, (std::vector<std::string>{"execution.output__create two\n"}));
  EXPECT_EQ(hub.printed("e1", "stdout"), "one\ntwo\n");
  hub.publish_output(running, "stdout", std::string(EventHub::kPrintedKept, 'x'));
  EXPECT_EQ(hub.printed("e1", "stdout").size(), EventHub::kPrintedKept);
  commit(execution({"requested", "running", "succeeded"}, Value::dict({{"stdout", "one\ntwo"}})));
  EXPECT_EQ(hub.printed("e1", "stdout"), "");
  EXPECT_EQ(hub.printed("e1", "stderr"), "");
}

TEST_F(EventHubTest, ManyLinesAtOnceAreToldInBlocks) {
  std::vector<std::string> pieces;
  hub.listen([&](const HubEvent& event) { pieces.push_back(event.data["data"].string()); });
  const Value running = execution({"requested", "running"});
  std::string text;
  for (int line = 0; line < 100'000; ++line) text += std::to_string(line) + "\n";
  for (size_t at = 0; at < text.size(); at += 60'000) hub.publish_output(running, "stdout", text.substr(at, 60'000));
  EXPECT_EQ(pieces.front(), "0\n");
  EXPECT_LT(pieces.size(), 1000u);
  std::string all;
  for (const std::string& piece : pieces) {
    EXPECT_TRUE(piece.ends_with("\n"));
    all += piece;
  }
  EXPECT_EQ(all, text);
  pieces.clear();
  hub.publish_output(running, "stdout", std::string(100'000, 'x'));
  EXPECT_TRUE(pieces.empty());
  hub.publish_output(running, "stdout", "\ny\n");
  EXPECT_EQ(pieces, (std::vector<std::string>{std::string(100'000, 'x') + "\n", "y\n"}));
}

TEST_F(EventHubTest, OfWhatIsOlderThanTheFirstListenerOnlyTheLatestStepIsNews) {
  const Value old = execution({"requested", "running"});
  clock.advance(std::chrono::seconds(5));
  listen();
  Value ended = old;
  ended.mut_dict()["log"].push_back(Value::dict({{"status", "failed"}, {"timestamp", "t"}}));
  ended.set("status", "failed");
  commit(ended);
  EXPECT_EQ(told, (std::vector<std::string>{"liveaction__update failed", "execution__update failed"}));
}

TEST_F(EventHubTest, WhoComesBackGetsWhatWasMissed) {
  const uint64_t first = listen();
  commit(execution({"requested"}));
  const uint64_t last = events.back().number;
  hub.drop(first);
  commit(execution({"requested", "scheduled"}));
  EXPECT_EQ(told.size(), 2u);
  const auto missed = hub.since(last);
  ASSERT_EQ(missed.size(), 2u);
  EXPECT_EQ(missed[1].data["status"], Value("scheduled"));
  clock.advance(std::chrono::minutes(10));
  commit(execution({"requested", "scheduled", "running"}));
  EXPECT_TRUE(hub.since(0).empty()) << "nobody has listened for a long time";
}

TEST_F(EventHubTest, AListenerMayDropItself) {
  uint64_t self = 0;
  int calls = 0;
  self = hub.listen([&](const HubEvent&) {
    ++calls;
    hub.drop(self);
  });
  listen();
  hub.publish("st2.announcement__general", Value::dict({{"status", "x"}}));
  hub.publish("st2.announcement__general", Value::dict({{"status", "y"}}));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(told.size(), 2u);
}

}  // namespace
}  // namespace squall::engine
