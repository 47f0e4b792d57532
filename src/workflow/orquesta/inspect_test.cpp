#include "workflow/orquesta/inspect.hpp"

#include <gtest/gtest.h>

#include "value/json.hpp"
#include "value/schema.hpp"
#include "workflow/orquesta/spec_schema.hpp"
#include "workflow/orquesta/test_player.hpp"

namespace squall::workflow::orquesta {
namespace {

Inspection inspected(std::string_view text) {
  use_patterns();
  auto spec = WorkflowSpec::parse(text);
  EXPECT_TRUE(spec) << spec.error().to_string();
  return spec ? inspect(*spec, {"st2", "parent"}) : Inspection();
}

std::vector<std::string> messages(const List& entries) {
  std::vector<std::string> all;
  for (const Value& entry : entries) all.push_back(entry["spec_path"].string() + ": " + entry["message"].string());
  return all;
}
using Messages = std::vector<std::string>;

TEST(OrquestaInspection, FindsNothingInAGoodDocument) {
  const Inspection found = inspected(R"(
version: 1.0
input: [who, {greeting: hello}]
vars: [{n: "<% ctx().who %>"}]
tasks:
  a:
    action: core.echo message=<% ctx(greeting) %>
    next: [{when: <% succeeded() %>, publish: said=<% result() %>, do: b}]
  b: {action: core.echo, input: {message: "<% ctx().said %> {{ x }}"}}
output: [{said: <% ctx(said) %>}]
)");
  EXPECT_EQ(messages(found.expressions), (Messages{"tasks.b.input: Expression with multiple types is not supported."}));
  EXPECT_TRUE(found.syntax.empty());
  EXPECT_TRUE(found.semantics.empty());
  EXPECT_TRUE(found.context.empty());
}

TEST(OrquestaInspection, SyntaxHasPathsOfDocumentAndSchema) {
  const Inspection found = inspected(R"(
version: 1.0
colour: red
tasks:
  a: {action: core.noop, next: [{do: [b, b]}], retry: {when: <% failed() %>}}
  b: {action: core.noop, delay: -1}
)");
  ASSERT_EQ(found.syntax.size(), 4u);
  EXPECT_TRUE(found.syntax[0]["spec_path"].is_null());
  EXPECT_EQ(found.syntax[0]["schema_path"].string(), "additionalProperties");
  EXPECT_EQ(found.syntax[0]["message"].string(), "Additional properties are not allowed ('colour' was unexpected)");
  EXPECT_EQ(found.syntax[1]["spec_path"].string(), "tasks.b.delay");
  EXPECT_EQ(found.syntax[2]["spec_path"].string(), "tasks.a.next[0].do");
  EXPECT_EQ(found.syntax[3]["schema_path"].string(),
            "properties.tasks.patternProperties.^\\w+$.properties.retry.required");
  EXPECT_EQ(found.syntax[3]["message"].string(), "'count' is a required property");
}

TEST(OrquestaInspection, SemanticsNameReservedUndefinedAndActionless) {
  const Inspection found = inspected(R"(
version: 1.0
tasks:
  a: {action: core.noop, next: [{do: ghost}]}
  noop: {action: core.noop}
  c: {with: "<% [1] %>"}
)");
  EXPECT_EQ(messages(found.semantics),
            (Messages{"tasks.c: The action property is required for with items task.",
                      "tasks.noop: The task name \"noop\" is reserved with special function.",
                      "tasks.a.next[0].do: The task \"ghost\" is not defined."}));
}

TEST(OrquestaInspection, ALoopNeedsAWayIn) {
  const Inspection found = inspected(R"(
version: 1.0
tasks:
  a: {action: core.noop, next: [{do: b}]}
  b: {action: core.noop, next: [{do: a}]}
)");
  ASSERT_EQ(found.semantics.size(), 1u);
  EXPECT_EQ(found.semantics[0]["spec_path"].string(), "tasks");
}

TEST(OrquestaInspection, AJoinBehindASplitCannotBeReached) {
  const Inspection found = inspected(R"(
version: 1.0
tasks:
  a: {action: core.noop, next: [{do: "s, j"}]}
  b: {action: core.noop, next: [{do: s}]}
  s: {action: core.noop, next: [{do: j}]}
  j: {action: core.noop, join: all}
)");
  ASSERT_EQ(found.semantics.size(), 1u);
  EXPECT_EQ(found.semantics[0]["spec_path"].string(), "tasks.j");
}

TEST(OrquestaInspection, ContextFollowsTheWays) {
  const Inspection found = inspected(R"(
version: 1.0
input: [a]
vars: [{b: <% ctx().missing %>}]
tasks:
  one:
    action: core.echo message=<% ctx().c %>
    next: [{publish: c=<% ctx(a) %>, do: two}]
  two: {action: core.echo, input: {message: "<% ctx().c %> <% ctx().__secret %>"}}
output: [{x: <% ctx().c %>}, {y: <% ctx().x %>}, {z: <% ctx().nobody %>}]
)");
  EXPECT_EQ(messages(found.context),
            (Messages{"output[2]: Variable \"nobody\" is referenced before assignment.",
                      "tasks.one.input: Variable \"c\" is referenced before assignment.",
                      "tasks.two.input: Variable \"__secret\" that is prefixed with double underscores is considered a "
                      "private variable and cannot be referenced.",
                      "tasks.two.input: Variable \"__secret\" is referenced before assignment.",
                      "vars[0]: Variable \"missing\" is referenced before assignment."}));
}

TEST(OrquestaInspection, FlatEntriesHaveTheirKindAsType) {
  const List flat = inspected("version: 1.0\ntasks:\n  a: {action: core.echo message=<% ctx().x +  %>}\n").flat();
  ASSERT_EQ(flat.size(), 2u);
  EXPECT_EQ(flat[0]["type"].string(), "context");
  EXPECT_EQ(flat[0]["language"].string(), "yaql");
  EXPECT_EQ(flat[1]["type"].string(), "expression");
}

TEST(OrquestaInspection, NestedForksAndMergesEndInTime) {
  Value tasks = Value::empty_dict();
  constexpr int kDiamonds = 200;  // 2^200 ways
  const auto to = [](const std::string& names) { return Value::list({Value::dict({{"do", names}})}); };
  const auto name = [](const char* kind, int i) { return kind + std::to_string(i); };
  for (int i = 0; i < kDiamonds; ++i) {
    tasks.set(name("a", i), Value::dict({{"action", "a.b"}, {"next", to(name("b", i) + "," + name("c", i))}}));
    for (const char* side : {"b", "c"}) {
      tasks.set(name(side, i), Value::dict({{"action", "a.b"}, {"next", to(name("a", i + 1))}}));
    }
  }
  tasks.set(name("a", kDiamonds), Value::dict({{"action", "a.b"}}));
  auto spec = WorkflowSpec::from_document(Value::dict({{"version", 1.0}, {"tasks", tasks}}));
  ASSERT_TRUE(spec);
  EXPECT_TRUE(inspect(*spec, {}).ok());
}

// The quick look must never pass what the schema refuses.
TEST(OrquestaInspection, TheQuickLookAgreesWithTheSchema) {
  const char* const kDocuments[] = {
      R"({"version": 1.0, "tasks": {"a": {"action": "x"}}})",
      R"({"version": "1.0", "tasks": {"a": {"action": "x", "join": 2, "delay": "<% 1 %>"}}})",
      R"({"version": 2, "tasks": {"a": {"action": "x"}}})",
      R"({"version": 1.0, "tasks": {}})",
      R"({"version": 1.0})",
      R"({"version": 1.0, "tasks": {"a": {"action": ""}}})",
      R"({"version": 1.0, "tasks": {"a": {"action": "x", "input": {}}}})",
      R"({"version": 1.0, "tasks": {"a": {"action": "x", "input": []}}})",
      R"({"version": 1.0, "tasks": {"a": {"action": "x", "with": {"items": "nonsense"}}}})",
      R"({"version": 1.0, "tasks": {"a": {"action": "x", "with": {"items": "i in <% [] %>", "concurrency": 1.5}}}})",
      R"({"version": 1.0, "tasks": {"a": {"action": "x", "join": true}}})",
      R"({"version": 1.0, "tasks": {"a": {"action": "x", "join": "some"}}})",
      R"({"version": 1.0, "tasks": {"a": {"action": "x", "retry": {"count": -1}}}})",
      R"({"version": 1.0, "input": ["a", "a"], "tasks": {"a": {"action": "x"}}})",
      R"({"version": 1.0, "vars": [{"a": 1, "b": 2}], "tasks": {"a": {"action": "x"}}})",
      R"({"version": 1.0, "output": [], "tasks": {"a": {"action": "x"}}})",
      R"({"version": 1.0, "tags": [""], "tasks": {"a": {"action": "x"}}})",
      R"({"version": 1.0, "tasks": {"a": {"action": "x", "next": [{"when": 1}]}}})",
      R"({"version": 1.0, "tasks": {"a": {"action": "x", "next": [{"publish": [{"a": 1}, {"a": 1}]}]}}})",
      R"({"version": 1.0, "tasks": {"a": {"action": "x", "other": 1}}})",
  };
  use_patterns();
  for (const char* text : kDocuments) {
    const Value document = *parse_json(text);
    const bool valid = schema::check(document, workflow_schema(), schema::Nulls::kAsWritten).empty();
    if (surely_valid(document)) {
      EXPECT_TRUE(valid) << text;
    }
  }
  EXPECT_TRUE(surely_valid(*parse_json(kDocuments[0])));
  EXPECT_TRUE(surely_valid(*parse_json(kDocuments[1])));
}

}  // namespace
}  // namespace squall::workflow::orquesta
