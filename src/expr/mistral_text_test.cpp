#include "expr/mistral_text.hpp"

#include <gtest/gtest.h>

namespace squall::expr {
namespace {

Result<Value> evaluate(const Value& value) {
  MistralScope scope;
  scope.data = Value::dict({{"n", 7}, {"inner", "<% 1 + 1 %>"}, {"l", Value::list({1, 2})}});
  return evaluate_mistral_value(value, scope);
}

// mistral.md section 8.
TEST(MistralText, KeepsTypesAndNeverEvaluatesTwice) {
  EXPECT_EQ(evaluate(Value("<% $.n %>")), Value(7));
  EXPECT_EQ(evaluate(Value("n is <% $.n %>, l is <% $.l %>")), Value("n is 7, l is [1, 2]"));
  EXPECT_EQ(evaluate(Value("{{ _.n }}")), Value(7));
  EXPECT_EQ(evaluate(Value("n is {{ _.n }}")), Value("n is 7"));
  EXPECT_EQ(evaluate(Value("<% $.inner %>")), Value("<% 1 + 1 %>"));
  EXPECT_EQ(evaluate(Value("7 / 2 = <% 7 / 2 %>, <% -7 / 2 %>")), Value("7 / 2 = 3, -4"));
}

TEST(MistralText, LeavesKeysAlone) {
  EXPECT_EQ(evaluate(Value::dict({{"<% $.n %>", Value::list({"<% $.n %>"})}})),
            Value::dict({{"<% $.n %>", Value::list({7})}}));
}

TEST(MistralText, FailuresNameTheExpression) {
  const auto missing = evaluate(Value("<% $.zz %>"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().type(), "YaqlEvaluationException");
  EXPECT_NE(missing.error().message().find("$.zz"), std::string::npos);
  EXPECT_EQ(evaluate(Value("{{ _.zz }}")).error().type(), "JinjaEvaluationException");
  // A block without any {{ }} fails; a comment alone is plain text.
  EXPECT_FALSE(evaluate(Value("{% if true %}x{% endif %}")));
  EXPECT_EQ(evaluate(Value("{# note #}")), Value("{# note #}"));
}

}  // namespace
}  // namespace squall::expr
