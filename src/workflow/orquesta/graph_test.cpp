#include "workflow/orquesta/graph.hpp"

#include <gtest/gtest.h>

#include "workflow/orquesta/draw.hpp"

namespace squall::workflow::orquesta {
namespace {

WorkflowSpec parsed(std::string_view text) {
  auto spec = WorkflowSpec::parse(text);
  EXPECT_TRUE(spec) << spec.error().to_string();
  return spec ? *std::move(spec) : WorkflowSpec();
}

std::vector<std::string> targets(const Graph& graph, std::string_view name) {
  std::vector<std::string> names;
  for (const uint32_t edge : graph.node(*graph.find(name)).out) names.push_back(graph.edge(edge).id);
  return names;
}

const char* const kText = R"(
version: 1.0
tasks:
  start:
    action: core.noop
    next:
      - {when: <% failed() %>, do: "z, a"}
      - {when: <% succeeded() %>, do: "b, a, a"}
  a: {action: core.noop, next: [{do: b}]}
  b:
    action: core.noop
    join: all
    next:
      - {when: <% ctx().n < 3 %>, do: loop}
      - {when: <% failed() %>, do: retry}
  loop: {action: core.noop, next: [{do: b}]}
  z: {action: core.noop, next: [{do: fail}]}
  alone: {action: core.noop, join: 0}
)";

TEST(OrquestaGraph, EdgesAreSortedByTargetAndCountedForEach) {
  const WorkflowSpec spec = parsed(kText);
  const Graph graph(spec);
  // The second transition names `a` twice, which makes one edge.
  EXPECT_EQ(targets(graph, "start"), (std::vector<std::string>{"a__t0", "a__t1", "b__t0", "z__t0"}));
  EXPECT_EQ(targets(graph, "z"), (std::vector<std::string>{"fail__t0"}));
}

TEST(OrquestaGraph, KnowsStartsJoinsSplitsAndCycles) {
  const WorkflowSpec spec = parsed(kText);
  const Graph graph(spec);
  const auto node = [&](std::string_view name) -> const Node& { return graph.node(*graph.find(name)); };
  std::vector<std::string> roots;
  for (const uint32_t root : graph.roots()) roots.push_back(graph.node(root).name);
  EXPECT_EQ(roots, (std::vector<std::string>{"alone", "start"}));
  EXPECT_EQ(node("b").barrier, Value("*"));
  EXPECT_TRUE(node("alone").is_barrier());
  EXPECT_TRUE(node("a").split);
  EXPECT_FALSE(node("b").split);
  EXPECT_TRUE(node("b").in_cycle);
  EXPECT_TRUE(node("loop").in_cycle);
  EXPECT_FALSE(node("a").in_cycle);
  EXPECT_EQ(node("b").sources.size(), 3u);
}

TEST(OrquestaGraph, TheCommandRetryIsNoNodeButAPropertyOfItsTask) {
  const WorkflowSpec spec = parsed(kText);
  const Graph graph(spec);
  const Node& node = graph.node(*graph.find("b"));
  ASSERT_TRUE(node.retry);
  EXPECT_EQ(node.retry->when, Value("<% failed() %>"));
  EXPECT_EQ(node.retry->count, Value(3));
  EXPECT_FALSE(graph.find("retry"));
}

TEST(OrquestaGraph, AChainOfManyTasksNeedsNoRecursion) {
  constexpr int kTasks = 50000;
  Value tasks = Value::empty_dict();
  for (int i = 0; i < kTasks; ++i) {
    Value task = Value::dict({{"action", "core.noop"}});
    const std::string next = i + 1 < kTasks ? "t" + std::to_string(i + 1) : "noop";
    task.set("next", Value::list({Value::dict({{"do", next}})}));
    tasks.set("t" + std::to_string(i), task);
  }
  auto spec = WorkflowSpec::from_document(Value::dict({{"version", 1.0}, {"tasks", tasks}}));
  ASSERT_TRUE(spec);
  const Graph graph(*spec);
  EXPECT_EQ(graph.roots().size(), 1u);
  EXPECT_EQ(graph.edges().size(), static_cast<size_t>(kTasks));
  EXPECT_TRUE(graph.node(kTasks - 1).reachable);
  EXPECT_FALSE(graph.node(0).in_cycle);
}

TEST(OrquestaDrawing, ShowsEveryTaskAndEscapesWhatItShows) {
  const WorkflowSpec spec = parsed(kText);
  const Graph graph(spec);
  const std::string text = graph_text(graph);
  EXPECT_NE(text.find("start  ->  alone, start"), std::string::npos);
  EXPECT_NE(text.find("when <% ctx().n < 3 %>  ->  loop"), std::string::npos);
  const std::string svg = graph_svg(graph);
  for (const Node& node : graph.nodes()) {
    if (node.reachable) {
      EXPECT_NE(svg.find("<title>" + node.name + "</title>"), std::string::npos) << node.name;
    }
  }
  EXPECT_NE(svg.find("&lt;% ctx().n &lt; 3 %&gt;"), std::string::npos);
  EXPECT_EQ(svg.find("<%"), std::string::npos);
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
}

}  // namespace
}  // namespace squall::workflow::orquesta
