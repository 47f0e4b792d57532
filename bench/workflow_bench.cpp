// The Orquesta core alone: finding mistakes in large documents, and steps of runs. What the disk costs is measured by
// bench/run.py.
#include <benchmark/benchmark.h>

#include <string>

#include "value/yaml.hpp"
#include "workflow/orquesta/inspect.hpp"
#include "workflow/orquesta/orquesta.hpp"

namespace squall {
namespace {

namespace orquesta = workflow::orquesta;

Value chain_of_tasks(int64_t count) {
  Value tasks = Value::empty_dict();
  for (int64_t i = 0; i < count; ++i) {
    Value task = Value::dict({{"action", "core.echo"}, {"input", Value::dict({{"message", "<% ctx(name) %>"}})}});
    if (i + 1 < count) {
      task.set("next", Value::list({Value::dict(
                           {{"when", "<% succeeded() %>"}, {"do", Value::list({"task" + std::to_string(i + 1)})}})}));
    }
    tasks.set("task" + std::to_string(i), std::move(task));
  }
  return Value::dict({{"version", 1.0}, {"input", Value::list({"name"})}, {"tasks", std::move(tasks)}});
}

Value with_items(int64_t concurrency) {
  Value with = Value::dict({{"items", "x in <% ctx(list) %>"}});
  if (concurrency > 0) with.set("concurrency", concurrency);
  const Value task =
      Value::dict({{"action", "core.echo"}, {"with", with}, {"input", Value::dict({{"m", "<% item(x) %>"}})}});
  return Value::dict({{"version", 1.0}, {"input", Value::list({"list"})}, {"tasks", Value::dict({{"each", task}})}});
}

// Promised: at most 150 ms for 10,000 tasks.
void inspect_and_compose(benchmark::State& state) {
  const Value document = chain_of_tasks(state.range(0));
  for (auto _ : state) {
    auto spec = orquesta::WorkflowSpec::from_document(document);
    if (!orquesta::inspect(*spec, {"st2", "parent"}).ok()) state.SkipWithError("the document should be good");
    const orquesta::Workflow workflow(*std::move(spec));
    benchmark::DoNotOptimize(workflow.graph.edges().size());
  }
}
BENCHMARK(inspect_and_compose)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond);

// Plays a run to its end, every action ending in the order of its start.
int64_t play(const std::shared_ptr<const orquesta::Workflow>& workflow, const Value& inputs) {
  const auto run = orquesta::make_run(workflow, {});
  workflow::Event event;
  event.what = workflow::Start{inputs, Value::empty_dict()};
  int64_t steps = 0;
  std::vector<int64_t> open;
  for (size_t next = 0;; ++next) {
    const auto applied = run->apply(event);
    for (const workflow::Command& command : applied->commands) {
      if (const auto* action = std::get_if<workflow::RunAction>(&command)) open.push_back(action->number);
    }
    if (next == open.size()) return steps;
    ++steps;
    event.what = workflow::ActionChanged{open[next], "succeeded", Value(steps)};
  }
}

std::shared_ptr<const orquesta::Workflow> workflow_of(const Value& document) {
  return std::make_shared<const orquesta::Workflow>(*orquesta::WorkflowSpec::from_document(document));
}

void sequential_tasks(benchmark::State& state) {
  const auto workflow = workflow_of(chain_of_tasks(state.range(0)));
  int64_t steps = 0;
  for (auto _ : state) steps += play(workflow, Value::dict({{"name", "x"}}));
  state.SetItemsProcessed(steps);
}
BENCHMARK(sequential_tasks)->Arg(50)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond);

// Promised: an item at 100,000 costs at most 1.2 times what it costs at 1,000.
void items(benchmark::State& state) {
  const auto workflow = workflow_of(with_items(state.range(1)));
  Value list = Value::empty_list();
  for (int64_t i = 0; i < state.range(0); ++i) list.push_back(i);
  int64_t steps = 0;
  for (auto _ : state) steps += play(workflow, Value::dict({{"list", list}}));
  state.SetItemsProcessed(steps);
}
BENCHMARK(items)->ArgsProduct({{1000, 10000, 100000}, {0, 10}})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace squall
