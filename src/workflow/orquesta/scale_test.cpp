// Large workflows end, and end right. bench/workflow_bench.cpp has the times.
#include <gtest/gtest.h>

#include "workflow/orquesta/inspect.hpp"
#include "workflow/orquesta/test_player.hpp"

namespace squall::workflow::orquesta {
namespace {

// Every action ends in the order of its start, with its number as the result. Actions that ran.
size_t play(WorkflowRun& run, Value inputs) {
  Event event;
  event.what = Start{std::move(inputs), Value::empty_dict()};
  std::vector<int64_t> open;
  for (size_t next = 0;; ++next) {
    const auto applied = run.apply(event);
    EXPECT_TRUE(applied) << applied.error().to_string();
    if (!applied) return 0;
    for (const Command& command : applied->commands) {
      if (const auto* action = std::get_if<RunAction>(&command)) open.push_back(action->number);
    }
    if (next == open.size()) return open.size();
    event.what = ActionChanged{open[next], "succeeded", Value(open[next])};
  }
}

Value next_to(std::string_view targets) { return Value::list({Value::dict({{"do", targets}})}); }

TEST(OrquestaScale, TwentyThousandItems) {
  constexpr int64_t kItems = 20000;
  for (const char* const concurrency : {"", ", concurrency: 10"}) {
    auto run = make_run(workflow_of("version: 1.0\ninput: [list]\ntasks:\n  each: {action: a.b, with: {items: x in <% "
                                    "ctx(list) %>" +
                                    std::string(concurrency) +
                                    "}, input: {i: \"{{ item('x') }}\"}, next: [{publish: all=<% result() %>}]}\n"
                                    "output: [{n: <% ctx(all).len() %>}]\n"),
                        {});
    Value list = Value::empty_list();
    for (int64_t i = 0; i < kItems; ++i) list.push_back(i);
    EXPECT_EQ(play(*run, Value::dict({{"list", list}})), static_cast<size_t>(kItems));
    EXPECT_EQ(run->output(), Value::dict({{"n", kItems}}));
  }
}

TEST(OrquestaScale, ThousandsOfTasksInARowThatPublish) {
  constexpr int kTasks = 3000;
  Value tasks = Value::empty_dict();
  for (int i = 0; i < kTasks; ++i) {
    Value task = Value::dict({{"action", "core.noop"}});
    Value next = Value::dict({{"when", "<% succeeded() %>"}, {"publish", "last=<% result() %>"}});
    if (i + 1 < kTasks) next.set("do", "t" + std::to_string(i + 1));
    task.set("next", Value::list({next}));
    tasks.set("t" + std::to_string(i), task);
  }
  auto spec = WorkflowSpec::from_document(Value::dict(
      {{"version", 1.0}, {"output", Value::list({Value::dict({{"last", "<% ctx(last) %>"}})})}, {"tasks", tasks}}));
  ASSERT_TRUE(spec);
  use_patterns();
  EXPECT_TRUE(inspect(*spec, {}).ok());
  auto run = make_run(std::make_shared<const Workflow>(*std::move(spec)), {});
  EXPECT_EQ(play(*run, Value::empty_dict()), static_cast<size_t>(kTasks));
  EXPECT_EQ(run->status(), "succeeded");
  EXPECT_EQ(run->output(), Value::dict({{"last", kTasks}}));
}

TEST(OrquestaScale, ThousandsOfTasksSideBySideThatMeet) {
  constexpr int kTasks = 3000;
  Value tasks = Value::empty_dict();
  tasks.set("meet", Value::dict({{"action", "core.noop"}, {"join", "all"}}));
  for (int i = 0; i < kTasks; ++i) {
    tasks.set("t" + std::to_string(i), Value::dict({{"action", "core.noop"}, {"next", next_to("meet")}}));
  }
  auto spec = WorkflowSpec::from_document(Value::dict({{"version", 1.0}, {"tasks", tasks}}));
  ASSERT_TRUE(spec);
  use_patterns();
  EXPECT_TRUE(inspect(*spec, {}).ok());
  auto run = make_run(std::make_shared<const Workflow>(*std::move(spec)), {});
  EXPECT_EQ(play(*run, Value::empty_dict()), static_cast<size_t>(kTasks) + 1);
  EXPECT_EQ(run->status(), "succeeded");
}

TEST(OrquestaScale, TenThousandTasksAreInspected) {
  constexpr int kTasks = 10000;
  Value tasks = Value::empty_dict();
  for (int i = 0; i < kTasks; ++i) {
    Value task = Value::dict({{"action", "core.echo"}, {"input", Value::dict({{"message", "<% ctx(name) %>"}})}});
    if (i + 1 < kTasks) task.set("next", next_to("t" + std::to_string(i + 1)));
    tasks.set("t" + std::to_string(i), std::move(task));
  }
  auto spec = WorkflowSpec::from_document(
      Value::dict({{"version", 1.0}, {"input", Value::list({"name"})}, {"tasks", std::move(tasks)}}));
  ASSERT_TRUE(spec);
  use_patterns();
  EXPECT_TRUE(inspect(*spec, {}).ok());
  EXPECT_EQ(Workflow(*std::move(spec)).graph.edges().size(), static_cast<size_t>(kTasks) - 1);
}

}  // namespace
}  // namespace squall::workflow::orquesta
