// Expectations come from orquesta 1.x (validation and extraction run; evaluation in the recorded answers).
#include "expr/workflow_text.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "expr/workflow_functions.hpp"

namespace squall::expr {
namespace {

Value text_list(std::initializer_list<const char*> texts) {
  List items;
  for (const char* text : texts) items.emplace_back(text);
  return Value(std::move(items));
}

std::vector<std::string> messages(const Value& value) {
  std::vector<std::string> out;
  for (const ExpressionProblem& problem : validate_workflow_value(value)) {
    out.push_back(problem.language + "|" + problem.expression + "|" + problem.message);
  }
  return out;
}

TEST(WorkflowText, ValidationSaysWhatOrquestaSays) {
  EXPECT_EQ(messages(Value("<% 1 + %>")),
            std::vector<std::string>{"yaql|<% 1 + %>|Parse error: unexpected end of statement"});
  EXPECT_EQ(messages(Value("{{ 1 + }}")),
            std::vector<std::string>{"jinja|{{ 1 + }}|unexpected 'end of print statement'"});
  EXPECT_EQ(messages(Value("<% a b %> {{ x }}")),
            std::vector<std::string>{"|<% a b %> {{ x }}|Expression with multiple types is not supported."});
  const auto both = messages(Value::dict({{"<% ) %>", Value::list({"{{ ) }}", 5})}}));
  EXPECT_EQ(both, (std::vector<std::string>{"yaql|<% ) %>|Parse error: unexpected ')' at position 0 of expression ')'",
                                            "jinja|{{ ) }}|unexpected ')'"}));
  EXPECT_TRUE(messages(Value("{{ x|nofilter }}")).empty());
  EXPECT_TRUE(messages(Value("<% ctx(x) + ctx().y %>")).empty());
}

std::vector<std::string> names(const Value& value) {
  std::vector<std::string> out;
  for (const VariableReference& reference : workflow_variables(value))
    out.push_back(reference.language + ":" + reference.name);
  return out;
}

TEST(WorkflowText, VariablesAreFoundByTheLookOfTheText) {
  EXPECT_EQ(names(Value("<% ctx(x) + ctx().y.z + ctx('w') %>")),
            (std::vector<std::string>{"yaql:w", "yaql:x", "yaql:y"}));
  EXPECT_EQ(names(Value("{{ ctx().a }} {{ ctx('b-c') }}")), std::vector<std::string>{"jinja:a"});
  EXPECT_TRUE(names(text_list({"<% ctx().get(q) %>", "<% ctx().items().select($) %>", "<% notctx(x) %>"})).empty());
  EXPECT_EQ(names(Value("<% result().ctx().p %>")), std::vector<std::string>{"yaql:p"});
}

std::shared_ptr<const HostFunction> greeting() {
  return std::make_shared<HostFunction>(
      "greet", std::vector<HostParameter>{{"name"}, {"loud", false, Value(false)}},
      [](const List& arguments) -> Result<Value> {
        return Value("hello " + arguments[0].string() + (arguments[1].as_bool() ? "!" : ""));
      });
}

TEST(WorkflowText, HostFunctionsWorkInBothLanguages) {
  WorkflowScope scope;
  scope.variables = Value::dict({{"who", "ann"}});
  scope.functions.push_back(greeting());
  const auto evaluate = [&](const char* text) { return evaluate_workflow_value(Value(text), scope); };
  EXPECT_EQ(evaluate("<% greet(ctx(who)) %>"), Value("hello ann"));
  EXPECT_EQ(evaluate("<% greet(ctx(who), loud => true) %>"), Value("hello ann!"));
  EXPECT_EQ(evaluate("{{ greet(ctx().who, loud=true) }}"), Value("hello ann!"));
  // A parameter takes the type of its default, as yaql has it.
  const auto wrong = evaluate("<% greet(a, loud => 5) %>");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message().find("No function \"greet\" matches supplied arguments"), std::string::npos);
  const auto missing = evaluate("{{ greet() }}");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message().find("greet() missing 1 required positional argument: 'name'"),
            std::string::npos);
}

TEST(WorkflowText, StateMayComeApartFromTheVariables) {
  WorkflowScope scope;
  scope.variables = Value::empty_dict();
  scope.current_item = Value::dict({{"n", 3}});
  scope.current_task = Value::dict({{"id", "t1"}, {"route", 0}, {"result", Value::dict({{"rc", 0}})}});
  scope.state = Value::dict({{"tasks", Value::dict({{"t1__r0", 0}})},
                             {"sequence", Value::list({Value::dict({{"id", "t1"}, {"status", "succeeded"}})})}});
  EXPECT_EQ(evaluate_workflow_value(Value("<% item(n) %>"), scope), Value(3));
  EXPECT_EQ(evaluate_workflow_value(Value("<% succeeded() and result().rc = 0 %>"), scope), Value(true));
  EXPECT_EQ(evaluate_workflow_value(Value("{{ task_status('t1') }}"), scope), Value("succeeded"));
}

TEST(WorkflowText, TextThatNamesItselfEnds) {
  for (const char* text : {"<% ctx(x) %>", "{{ ctx().x }}"}) {
    WorkflowScope scope;
    scope.variables = Value::dict({{"x", text}});
    const auto came = evaluate_workflow_value(Value(text), scope);
    ASSERT_FALSE(came);
    EXPECT_EQ(came.error().code(), ErrorCode::kLimit);
    EXPECT_LT(came.error().message().size(), 300u);
  }
}

TEST(WorkflowText, ErrorsOfYaqlStandInTheWholeText) {
  WorkflowScope scope;
  scope.variables = Value::empty_dict();
  const auto came = evaluate_workflow_value(Value("first line\né <% 1 + a %>"), scope);
  ASSERT_FALSE(came);
  EXPECT_EQ(came.error().where().line, 2);
  EXPECT_EQ(came.error().where().column, 8);
}

// A host that has run "a" on route 0 and "b" on route 2, which came from there.
class TwoTasks final : public TaskStates {
 public:
  std::optional<std::string> status_in(std::string_view task, int64_t route) const override {
    if (task == "a" && route == 0) return "failed";
    if (task == "b" && route == 2) return "running";
    return std::nullopt;
  }
  std::optional<int64_t> parent_route(int64_t route) const override {
    return route > 0 ? std::optional<int64_t>(0) : std::nullopt;
  }
};

TEST(WorkflowText, AHostCanAnswerForTheStateOfTasks) {
  WorkflowScope scope;
  scope.state = Value::object(std::make_shared<TwoTasks>());
  scope.current_task = Value::dict({{"id", "b"}, {"route", 2}});
  const auto evaluated = [&](const char* text) {
    return evaluate_workflow_value(Value(text), scope).value_or("error");
  };
  EXPECT_EQ(evaluated("<% task_status(a) %>"), Value("failed"));
  EXPECT_EQ(evaluated("{{ task_status('b') }}"), Value("running"));
  EXPECT_EQ(evaluated("<% task_status(b, 0) %>"), Value("null"));
  EXPECT_EQ(evaluated("<% task_status(c) %>"), Value("null"));
  EXPECT_EQ(evaluated("{{ succeeded() }}"), Value(false));
}

class Sevens final : public Random {
 public:
  void fill(void* bytes, size_t count) override { std::memset(bytes, 7, count); }
};

TEST(WorkflowText, ChanceComesFromTheScopeWhenItHasOne) {
  Sevens sevens;
  WorkflowScope scope;
  scope.random = &sevens;
  const auto first = evaluate_workflow_value(Value("<% [random(), random(1, 1000)] %>"), scope);
  const auto second = evaluate_workflow_value(Value("<% [random(), random(1, 1000)] %>"), scope);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  scope.random = nullptr;
  const auto third = evaluate_workflow_value(Value("<% random() %>"), scope);
  const auto fourth = evaluate_workflow_value(Value("<% random() %>"), scope);
  ASSERT_TRUE(third && fourth);
  EXPECT_NE(third->as_double(), fourth->as_double());
}

}  // namespace
}  // namespace squall::expr
