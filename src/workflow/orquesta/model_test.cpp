#include "workflow/orquesta/model.hpp"

#include <gtest/gtest.h>

#include "value/json.hpp"
#include "workflow/orquesta/inline_params.hpp"

namespace squall::workflow::orquesta {
namespace {

WorkflowSpec parsed(std::string_view text) {
  auto spec = WorkflowSpec::parse(text, "w.yaml");
  EXPECT_TRUE(spec) << spec.error().to_string();
  return spec ? *std::move(spec) : WorkflowSpec();
}

Error refused(std::string_view text) {
  auto spec = WorkflowSpec::parse(text, "w.yaml");
  EXPECT_FALSE(spec);
  return spec ? Error(ErrorCode::kInternal, "not refused") : spec.error();
}

Value params(std::string_view text) {
  Value all = Value::empty_list();
  for (const auto& [name, value] : parse_inline_params(text)) all.push_back(Value::dict({{name, value}}));
  return all;
}

Value json(std::string_view text) { return *parse_json(text); }

TEST(OrquestaInlineParams, ValuesAreJsonUnlessTheyAreQuoted) {
  EXPECT_EQ(params(R"(core.echo a=1 b=-1.5 c=true d=FALSE e=null)"),
            json(R"([{"a": 1}, {"b": -1.5}, {"c": true}, {"d": false}, {"e": null}])"));
  EXPECT_EQ(params(R"(x a="1" b='true' c="two words")"), json(R"([{"a": "1"}, {"b": "true"}, {"c": "two words"}])"));
  EXPECT_EQ(params(R"(x list=[1, 2] obj='{"k": 1}')"), json(R"([{"list": [1, 2]}, {"obj": {"k": 1}}])"));
}

TEST(OrquestaInlineParams, OnlyTheFirstExpressionOfAnUnquotedValueCounts) {
  EXPECT_EQ(params("x m=<% item(x) %>-<% item(y) %> n={{ ctx('a') }}"),
            json(R"([{"m": "<% item(x) %>"}, {"n": "{{ ctx('a') }}"}])"));
}

TEST(OrquestaInlineParams, BareWordsAreNone) {
  EXPECT_EQ(params("core.local cmd=date"), Value::empty_list());
  EXPECT_EQ(params("core.noop"), Value::empty_list());
}

TEST(OrquestaModel, InlineParametersReplaceTheInput) {
  const WorkflowSpec spec = parsed(R"(
version: 1.0
tasks:
  t:
    action: core.echo message="hi" n=2
    input: {other: 1}
)");
  const TaskSpec& task = *spec.find("t");
  EXPECT_EQ(task.action.string(), "core.echo");
  EXPECT_EQ(task.input, json(R"({"message": "hi", "n": 2})"));
}

TEST(OrquestaModel, TheShortFormOfWithIsWrittenOut) {
  const WorkflowSpec spec = parsed(R"(
version: 1.0
tasks:
  t: {action: core.noop, with: "x, y in <% ctx(z) %>"}
)");
  const TaskSpec& task = *spec.find("t");
  ASSERT_TRUE(task.items);
  EXPECT_EQ(task.items->expression, "<% ctx(z) %>");
  EXPECT_EQ(task.items->keys, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(spec.document()["tasks"]["t"]["with"], json(R"({"items": "x, y in <% ctx(z) %>"})"));
}

TEST(OrquestaModel, TransitionsHaveTargetsAsTextOrList) {
  const WorkflowSpec spec = parsed(R"(
version: 1.0
tasks:
  t:
    action: core.noop
    next:
      - {do: "a, b"}
      - {do: [c], publish: x=1 y=<% ctx(x) %>}
      - {publish: [{z: 2}]}
)");
  const auto& next = spec.find("t")->next;
  ASSERT_EQ(next.size(), 3u);
  EXPECT_EQ(next[0].targets, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(next[1].targets, (std::vector<std::string>{"c"}));
  ASSERT_EQ(next[1].publish.size(), 2u);
  EXPECT_EQ(next[1].publish[1].first, "y");
  EXPECT_EQ(next[2].targets, (std::vector<std::string>{"continue"}));
}

TEST(OrquestaModel, RefusesWhatCannotBeBuiltWithItsPlace) {
  EXPECT_NE(refused("version: 1.0\ntasks:\n  t: {action: a.b, next: {do: x}}\n")
                .message()
                .find("The spec is not type of list. (at tasks.t.next)"),
            std::string::npos);
  EXPECT_NE(refused("version: 1.0\ntasks:\n  t: hello\n").message().find("at tasks.t"), std::string::npos);
  EXPECT_NE(refused("version: 1.0\ntasks:\n  a-b: {action: a.b}\n").message().find("\"a-b\""), std::string::npos);
  EXPECT_NE(refused("").message().find("The spec cannot be type of None."), std::string::npos);
  EXPECT_EQ(refused("version: 1.0\ntasks:\n  t:\n    action: a.b\n    action: c.d\n").where().line, 5);
}

}  // namespace
}  // namespace squall::workflow::orquesta
