// What the recorded cases do not reach: limits, late results, cycles through joins, random orders of completion.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "value/json.hpp"
#include "workflow/mistral/run.hpp"

namespace squall::workflow::mistral {
namespace {

class Driver {
 public:
  explicit Driver(const std::string& text, const std::string& workflow = "wf") {
    auto library = std::make_shared<Library>();
    const Status status = library->upload(DocumentKind::kWorkflows, text);
    EXPECT_TRUE(status) << (status ? "" : status.error().to_string());
    library_ = library;
    workflow_ = workflow;
    auto made = make_run(library_, workflow);
    EXPECT_TRUE(made);
    run_ = *std::move(made);
  }

  Status apply(Event::What what, bool more = false) {
    Event event;
    event.what = std::move(what);
    event.at = now_;
    event.seed = ++seed_;
    event.more = more;
    auto applied = run_->apply(event);
    if (!applied) return fail(applied.error());
    event.answers = applied->answers;
    journal_.push_back(event.to_value());
    for (Command& command : applied->commands) {
      if (auto* run = std::get_if<RunAction>(&command)) {
        runs.push_back(*run);
      } else if (auto* timer = std::get_if<StartTimer>(&command)) {
        timers.push_back(*timer);
      } else if (auto* cancel = std::get_if<CancelAction>(&command)) {
        cancelled.push_back(cancel->number);
      } else if (auto* finish = std::get_if<Finish>(&command)) {
        finishes.push_back(*finish);
      }
    }
    return {};
  }
  Status start(Value inputs = Value::empty_dict()) {
    return apply(Start{std::move(inputs), Value::dict({{"params", Value::empty_dict()}})});
  }
  Status succeed(int64_t number, Value result = Value()) {
    std::erase_if(runs, [&](const RunAction& run) { return run.number == number; });
    return apply(ActionChanged{number, "succeeded", std::move(result)});
  }
  void fire() {
    ASSERT_FALSE(timers.empty());
    const StartTimer timer = timers.front();
    timers.erase(timers.begin());
    now_ += std::chrono::milliseconds(timer.delay_ms);
    EXPECT_TRUE(apply(TimerDue{timer.number}));
  }
  std::string state_of(const std::string& task) const {
    std::string state;
    const Value document = run_->document();
    for (const Value& each : document["tasks"].as_list()) {
      if (each["name"] == Value(task)) state = each["state"].string();
    }
    return state;
  }
  // A fresh run that reads the journal.
  uint64_t replayed_hash() const {
    auto again = *make_run(library_, workflow_);
    for (const Value& row : journal_) {
      const auto event = Event::from_value(*parse_json(to_json(row)));
      EXPECT_TRUE(event);
      EXPECT_TRUE(again->apply(*event));
    }
    return again->hash();
  }
  WorkflowRun& run() { return *run_; }

  std::vector<RunAction> runs;
  std::vector<StartTimer> timers;
  std::vector<int64_t> cancelled;
  std::vector<Finish> finishes;

 private:
  std::shared_ptr<const Library> library_;
  std::string workflow_;
  std::unique_ptr<WorkflowRun> run_;
  std::vector<Value> journal_;
  Timestamp now_{std::chrono::seconds(1'700'000'000)};
  uint64_t seed_ = 0;
};

TEST(MistralEngine, CirclesWithoutWaitingLeaveTheThreadNowAndThen) {
  Driver driver(R"(
version: '2.0'
wf:
  tasks:
    start: {on-success: step}
    step: {on-success: step}
)");
  ASSERT_TRUE(driver.start());
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(driver.timers.size(), 1u);
    EXPECT_EQ(driver.timers[0].delay_ms, 0);
    EXPECT_EQ(driver.run().status(), "running");
    driver.fire();
  }
  EXPECT_EQ(driver.run().hash(), driver.replayed_hash());
  ASSERT_TRUE(driver.apply(CancelRequest{}));
  EXPECT_EQ(driver.run().status(), "canceled");
}

TEST(MistralEngine, WorkflowsWithoutEndInThemselvesAreStopped) {
  Driver driver("version: '2.0'\nwf: {tasks: {again: {workflow: wf}}}\n");
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(driver.run().status(), "failed");
  EXPECT_NE(to_json(driver.run().document()).find("kSubWorkflowDepthMax"), std::string::npos);
}

TEST(MistralEngine, ATimeoutCancelsTheActionAndRefusesItsResult) {
  Driver driver(R"(
version: '2.0'
wf:
  tasks:
    t: {action: p.a, timeout: 5, on-error: u, publish-on-error: {r: <% task().result %>}}
    u: {action: std.noop}
)");
  ASSERT_TRUE(driver.start());
  ASSERT_EQ(driver.runs.size(), 1u);
  driver.fire();
  EXPECT_EQ(driver.cancelled, std::vector<int64_t>{driver.runs[0].number});
  EXPECT_EQ(driver.run().status(), "succeeded");
  EXPECT_EQ(driver.run().output(), Value::dict({{"r", Value::empty_list()}}));
  const Status late = driver.succeed(driver.runs[0].number, 1);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kConflict);
}

TEST(MistralEngine, ATimeoutStopsTheWorkflowInsideAndARetryIsNotMistakenForIt) {
  Driver driver(R"(
version: '2.0'
wf:
  tasks:
    c: {workflow: sub, timeout: 5, retry: {count: 1, delay: 0}, publish: {r: <% task().result %>}}
sub:
  tasks:
    s: {action: p.a, publish: {o: <% task().result %>}}
)");
  ASSERT_TRUE(driver.start());
  driver.fire();
  ASSERT_EQ(driver.runs.size(), 2u);
  EXPECT_EQ(driver.cancelled, std::vector<int64_t>{driver.runs[0].number});
  // The action of the first round ends only now.
  ASSERT_TRUE(driver.apply(ActionChanged{driver.runs[0].number, "canceled", Value()}));
  EXPECT_EQ(driver.run().status(), "running");
  ASSERT_TRUE(driver.succeed(driver.runs[1].number, 7));
  EXPECT_EQ(driver.run().status(), "succeeded");
  EXPECT_EQ(driver.run().output(), Value::dict({{"r", Value::dict({{"o", 7}})}}));
  EXPECT_EQ(driver.run().hash(), driver.replayed_hash());
}

TEST(MistralEngine, HostFunctionsAreAskedOnce) {
  int asked = 0;
  Environment environment;
  environment.functions.push_back(std::make_shared<const expr::HostFunction>(
      "st2kv", std::vector<expr::HostParameter>{{"key", true, Value()}}, [&](const List& arguments) -> Result<Value> {
        ++asked;
        return Value("value of " + arguments[0].string());
      }));
  auto library = std::make_shared<Library>();
  ASSERT_TRUE(library->upload(DocumentKind::kWorkflows, R"(
version: '2.0'
wf: {tasks: {t: {publish: {k: "<% st2kv('system.k') %>"}}}}
)"));
  auto run = *make_run(library, "wf", environment);
  Event start;
  start.what = Start{Value::empty_dict(), Value::empty_dict()};
  const auto applied = run->apply(start);
  ASSERT_TRUE(applied);
  EXPECT_EQ(run->output(), Value::dict({{"k", "value of system.k"}}));
  ASSERT_EQ(asked, 1);
  start.answers = applied->answers;
  auto again = *make_run(library, "wf", environment);
  ASSERT_TRUE(again->apply(*Event::from_value(*parse_json(to_json(start.to_value())))));
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(again->hash(), run->hash());
}

TEST(MistralEngine, AJoinInACycleRunsOnceARound) {
  Driver driver(R"(
version: '2.0'
wf:
  tasks:
    start: {publish: {n: 0}, on-success: [left, right]}
    left: {on-success: both}
    right: {action: p.a, on-success: both}
    both:
      join: all
      publish: {n: <% $.n + 1 %>}
      on-success:
        - left: <% $.n < 3 %>
        - right: <% $.n < 3 %>
  output: {n: <% task(both).published.n %>}
)");
  ASSERT_TRUE(driver.start());
  int rounds = 0;
  while (!driver.runs.empty()) {
    ++rounds;
    ASSERT_LT(rounds, 10);
    ASSERT_EQ(driver.runs.size(), 1u);
    ASSERT_TRUE(driver.succeed(driver.runs[0].number));
  }
  EXPECT_EQ(rounds, 3);
  EXPECT_EQ(driver.run().status(), "succeeded");
  EXPECT_EQ(driver.run().output(), Value::dict({{"n", 3}}));
}

TEST(MistralEngine, NothingBeginsDuringAPause) {
  Driver driver(R"(
version: '2.0'
wf:
  tasks:
    a: {action: p.a, on-success: j}
    b: {action: p.b, on-success: j}
    j: {join: all, action: p.c}
    w: {action: p.d, wait-before: 3}
)");
  ASSERT_TRUE(driver.start());
  ASSERT_EQ(driver.runs.size(), 2u);
  ASSERT_TRUE(driver.apply(PauseRequest{}));
  ASSERT_TRUE(driver.succeed(driver.runs[0].number));
  ASSERT_TRUE(driver.succeed(driver.runs[0].number));
  driver.fire();
  EXPECT_TRUE(driver.runs.empty());
  EXPECT_EQ(driver.run().status(), "paused");
  ASSERT_TRUE(driver.apply(ResumeRequest{}));
  ASSERT_EQ(driver.runs.size(), 2u);
  ASSERT_TRUE(driver.succeed(driver.runs[0].number));
  ASSERT_TRUE(driver.succeed(driver.runs[0].number));
  EXPECT_EQ(driver.run().status(), "succeeded");
  EXPECT_EQ(driver.run().hash(), driver.replayed_hash());
}

// The end of an action and a pause in one transaction.
TEST(MistralEngine, APauseThatCameTogetherWithAnEndHoldsUpTheNextTask) {
  Driver driver("version: '2.0'\nwf: {tasks: {a: {action: p.a, on-success: b}, b: {action: p.b}}}\n");
  ASSERT_TRUE(driver.start());
  const int64_t number = driver.runs[0].number;
  driver.runs.clear();
  ASSERT_TRUE(driver.apply(ActionChanged{number, "succeeded", 1}, true));
  ASSERT_TRUE(driver.apply(PauseRequest{}));
  EXPECT_TRUE(driver.runs.empty());
  EXPECT_EQ(driver.state_of("a"), "SUCCESS");
  ASSERT_TRUE(driver.apply(ResumeRequest{}));
  EXPECT_EQ(driver.runs.size(), 1u);
}

TEST(MistralEngine, CancellingReachesActionsInSubWorkflows) {
  Driver driver("version: '2.0'\nwf: {tasks: {c: {workflow: sub}}}\nsub: {tasks: {s: {action: p.a}}}\n");
  ASSERT_TRUE(driver.start());
  ASSERT_EQ(driver.runs.size(), 1u);
  ASSERT_TRUE(driver.apply(CancelRequest{"canceled", "enough"}));
  EXPECT_EQ(driver.cancelled, std::vector<int64_t>{driver.runs[0].number});
  EXPECT_EQ(driver.run().output(), Value::dict({{"result", "enough"}}));
  ASSERT_TRUE(driver.apply(ActionChanged{driver.runs[0].number, "canceled", Value()}));
  EXPECT_TRUE(driver.run().open_actions().empty());
  ASSERT_EQ(driver.finishes.size(), 1u);
  EXPECT_EQ(driver.finishes[0].status, "canceled");
}

TEST(MistralEngine, APauseInsidePausesWhatIsAround) {
  Driver driver(R"(
version: '2.0'
wf:
  tasks:
    c: {workflow: sub, on-success: d}
    d: {action: p.d}
sub:
  tasks:
    s: {on-success: [pause, t]}
    t: {action: p.t}
)");
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(driver.run().status(), "paused");
  EXPECT_EQ(driver.state_of("c"), "PAUSED");
  EXPECT_TRUE(driver.runs.empty());
  ASSERT_TRUE(driver.apply(ResumeRequest{}));
  EXPECT_EQ(driver.state_of("c"), "RUNNING");
  ASSERT_EQ(driver.runs.size(), 1u);
  ASSERT_TRUE(driver.succeed(driver.runs[0].number));
  ASSERT_EQ(driver.runs.size(), 1u);
  EXPECT_EQ(driver.runs[0].action, "p.d");
  ASSERT_TRUE(driver.succeed(driver.runs[0].number));
  EXPECT_EQ(driver.run().status(), "succeeded");
  EXPECT_EQ(driver.run().hash(), driver.replayed_hash());
}

TEST(MistralEngine, AJoinOfManySourcesRunsWhenTheLastCame) {
  std::string text = "version: '2.0'\nwf:\n  tasks:\n    j: {join: all}\n";
  constexpr int kSources = 600;
  for (int i = 0; i < kSources; ++i) {
    text += "    s" + std::to_string(i) + ": {action: p.a, on-success: j}\n";
  }
  Driver driver(text);
  ASSERT_TRUE(driver.start());
  ASSERT_EQ(driver.runs.size(), static_cast<size_t>(kSources));
  const std::vector<RunAction> all = std::exchange(driver.runs, {});
  for (const RunAction& run : all) ASSERT_TRUE(driver.apply(ActionChanged{run.number, "succeeded", Value()}));
  EXPECT_EQ(driver.run().status(), "succeeded");
}

TEST(MistralEngine, OnlyWhatEndedBadlyRunsAgain) {
  Driver driver(R"(
version: '2.0'
wf:
  input: [x]
  tasks:
    a: {action: p.a x=<% $.x %>, on-success: b}
    b: {action: p.b x=<% $.x %>}
)");
  ASSERT_TRUE(driver.start(Value::dict({{"x", 1}})));
  ASSERT_TRUE(driver.succeed(driver.runs[0].number));
  ASSERT_TRUE(driver.apply(ActionChanged{driver.runs[0].number, "failed", "no"}));
  driver.runs.clear();
  EXPECT_EQ(driver.run().status(), "failed");
  RerunRequest wrong;
  wrong.tasks.push_back(RerunTask{"a"});
  const uint64_t before = driver.run().hash();
  const Status refused = driver.apply(wrong);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("SUCCESS"), std::string::npos);
  EXPECT_EQ(driver.run().hash(), before);

  RerunRequest again;
  again.inputs = Value::dict({{"x", 7}});
  ASSERT_TRUE(driver.apply(again));
  ASSERT_EQ(driver.runs.size(), 1u);
  EXPECT_EQ(driver.runs[0].action, "p.b");
  EXPECT_EQ(driver.runs[0].input, Value::dict({{"x", 7}}));
  ASSERT_TRUE(driver.succeed(driver.runs[0].number));
  ASSERT_EQ(driver.finishes.size(), 2u);
  EXPECT_EQ(driver.finishes[1].status, "succeeded");
  EXPECT_EQ(driver.run().hash(), driver.replayed_hash());
}

// A random graph without cycles: every task succeeds or fails, and leads to some of those behind it.
std::string random_workflow(std::mt19937& random) {
  const auto below = [&](size_t bound) { return static_cast<size_t>(random() % bound); };
  const size_t count = 3 + below(8);
  std::vector<std::string> tasks(count);
  std::vector<int> inbound(count, 0);
  for (size_t i = 0; i < count; ++i) {
    for (const std::string_view clause : {"on-success", "on-error", "on-complete"}) {
      std::string next;
      for (size_t j = i + 1; j < count; ++j) {
        if (below(count) > 1) continue;
        next += (next.empty() ? "" : ", ") + ("t" + std::to_string(j));
        ++inbound[j];
      }
      if (!next.empty()) tasks[i] += ", " + std::string(clause) + ": [" + next + "]";
    }
  }
  std::string text = "version: '2.0'\nwf:\n  tasks:\n";
  for (size_t i = 0; i < count; ++i) {
    text += "    t" + std::to_string(i) + ": {action: p.a, publish: {v" + std::to_string(i) + ": " + std::to_string(i) +
            "}";
    if (inbound[i] > 1) text += below(2) == 0 ? ", join: all" : ", join: one";
    if (below(4) == 0) text += ", retry: {count: 1, delay: 0}";
    text += tasks[i] + "}\n";
  }
  return text;
}

TEST(MistralEngine, RandomGraphsEndInAnyOrderAndReplayTheSame) {
  for (unsigned seed = 1; seed <= 150; ++seed) {
    std::mt19937 random(seed);
    const std::string text = random_workflow(random);
    Driver driver(text);
    ASSERT_TRUE(driver.start());
    for (int steps = 0; !driver.runs.empty(); ++steps) {
      ASSERT_LT(steps, 2000) << text;
      const RunAction run = driver.runs[random() % driver.runs.size()];
      std::erase_if(driver.runs, [&](const RunAction& each) { return each.number == run.number; });
      ASSERT_TRUE(driver.apply(ActionChanged{run.number, random() % 4 == 0 ? "failed" : "succeeded", "r"}));
      // As if squall had died here.
      if (steps % 3 == 0) {
        ASSERT_EQ(driver.run().hash(), driver.replayed_hash()) << "seed " << seed << "\n" << text;
      }
    }
    const std::string status = driver.run().status();
    EXPECT_TRUE(status == "succeeded" || status == "failed") << "seed " << seed << " left " << status << "\n" << text;
    EXPECT_EQ(driver.finishes.size(), 1u) << "seed " << seed;
    EXPECT_EQ(driver.run().hash(), driver.replayed_hash()) << "seed " << seed;
  }
}

TEST(MistralEngine, ManyItemsTakeLinearTime) {
  const auto seconds_for = [](int64_t count) {
    Driver driver(R"(
version: '2.0'
wf:
  input: [n]
  tasks:
    t: {with-items: i in <% range($.n) %>, action: p.a i=<% $.i %>, concurrency: 50, publish: {n: <% task().result.len() %>}}
  output: {n: <% $.n %>}
)");
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(driver.start(Value::dict({{"n", count}})));
    int64_t done = 0;
    while (!driver.runs.empty()) {
      const std::vector<RunAction> batch = std::exchange(driver.runs, {});
      for (const RunAction& run : batch) {
        EXPECT_TRUE(driver.apply(ActionChanged{run.number, "succeeded", Value(++done)}));
      }
    }
    EXPECT_EQ(done, count);
    EXPECT_EQ(driver.run().output(), Value::dict({{"n", count}}));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  seconds_for(100);
  const double small = std::max(seconds_for(500), 1e-3);
  EXPECT_LT(seconds_for(5000), small * 100);  // quadratic would be 100 times; loose, for busy machines
}

}  // namespace
}  // namespace squall::workflow::mistral
