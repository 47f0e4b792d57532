// Costs of the pure core, for comparing one change with another. `make bench` prints the figures that are promised.
#include <benchmark/benchmark.h>

#include "expr/expr.hpp"
#include "rules/criteria.hpp"
#include "value/json.hpp"

namespace squall {
namespace {

Value payload() {
  Value items = Value::empty_list();
  for (int i = 0; i < 20; ++i) items.push_back(Value::dict({{"name", "item"}, {"n", i}, {"on", i % 2 == 0}}));
  return Value::dict({{"body", Value::dict({{"name", "orders"}, {"n", 7}, {"items", items}})}});
}

void json_round_trip(benchmark::State& state) {
  const std::string text = to_json(payload());
  for (auto _ : state) benchmark::DoNotOptimize(to_json(*parse_json(text)));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK(json_round_trip);

void render_template(benchmark::State& state) {
  const auto compiled = expr::JinjaTemplate::compile("{{ trigger.body.name | upper }}-{{ trigger.body.n + 1 }}");
  const expr::Scope scope(Value::dict({{"trigger", payload()}}));
  for (auto _ : state) benchmark::DoNotOptimize(compiled->render(scope));
}
BENCHMARK(render_template);

void match_three_criteria(benchmark::State& state) {
  const auto criteria = rules::CompiledCriteria::compile(
      Value::dict({{"trigger.body.name", Value::dict({{"type", "eq"}, {"pattern", "orders"}})},
                   {"trigger.body.n", Value::dict({{"type", "gt"}, {"pattern", 3}})},
                   {"trigger.body.items[0].name", Value::dict({{"type", "startswith"}, {"pattern", "it"}})}}));
  const rules::Inputs inputs{payload(), Value(), Timestamp()};
  for (auto _ : state) benchmark::DoNotOptimize(criteria->evaluate(inputs, false));
}
BENCHMARK(match_three_criteria);

}  // namespace
}  // namespace squall

BENCHMARK_MAIN();
