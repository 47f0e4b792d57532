// Whatever an expression asks for, it ends soon and says which limit it reached.
#include <gtest/gtest.h>

#include "expr/yaql/yaql.hpp"
#include "value/value.hpp"

namespace squall::expr {
namespace {

Result<Value> evaluate(const std::string& text, Value data = {}) {
  SQ_TRY(const YaqlExpression compiled, YaqlExpression::compile(text));
  YaqlScope scope;
  scope.data = std::move(data);
  return compiled.evaluate(scope);
}

class YaqlLimits : public testing::TestWithParam<const char*> {};

TEST_P(YaqlLimits, End) {
  const auto came = evaluate(GetParam());
  ASSERT_FALSE(came) << GetParam();
  EXPECT_EQ(came.error().code(), ErrorCode::kLimit) << came.error().to_string();
  EXPECT_NE(came.error().message().find("("), std::string::npos) << came.error().message();
}

INSTANTIATE_TEST_SUITE_P(
    All, YaqlLimits,
    testing::Values("range(1000000000000).len()", "sequence().toList()", "range(1000000000).select($ * 2).sum()",
                    "1.repeat().len()", "[1].cycle().where(false).first()", "[1] * 1000000000", "'ab' * 1000000000",
                    "'aaaaaaaaaaaaaaaaaaaa'.replace('', 'b' * 1000000)", "shiftBitsLeft(1, 100000000)",
                    "pow(10, 100000000)", "def(f, f($)) -> f(1)", "def(f, f($ + 1) + f($ + 2)) -> f(1)",
                    "generate(1, true, $ + 1).len()", "generateMany(1, [$, $]).len()",
                    "range(10000).join(range(10000), false, $1).len()",
                    "range(100000).orderBy(random()).select(range(100).sum()).len()",
                    "let(a => range(1000).toList()) -> $a.selectMany(range(1000)).selectMany(range(1000)).len()",
                    "[0].aggregate($1 + $2, range(100000).toList() * 100)"));

TEST(YaqlLimits, RegexBombsEnd) {
  const auto came = evaluate("'" + std::string(40, 'a') + "!' =~ '^(a+)+$'");
  if (!came) {
    EXPECT_EQ(came.error().code(), ErrorCode::kLimit) << came.error().to_string();
  }
}

TEST(YaqlLimits, DeepNestingIsRefused) {
  const auto brackets = YaqlExpression::compile(std::string(100'000, '[') + std::string(100'000, ']'));
  ASSERT_FALSE(brackets);
  EXPECT_EQ(brackets.error().code(), ErrorCode::kLimit);
  const auto parentheses = YaqlExpression::compile(std::string(100'000, '('));
  ASSERT_FALSE(parentheses);
  const auto chain = [] {
    std::string text = "1";
    for (int i = 0; i < 20'000; ++i) text += " + 1";
    return text;
  }();
  const auto long_sum = evaluate(chain);
  ASSERT_FALSE(long_sum);
  EXPECT_EQ(long_sum.error().code(), ErrorCode::kLimit);
}

TEST(YaqlLimits, ErrorsOfTheGrammarKnowWhere) {
  const auto compiled = YaqlExpression::compile("[1,\n  2 3]");
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().type(), "YaqlGrammarException");
  EXPECT_EQ(compiled.error().where().line, 2);
  EXPECT_EQ(compiled.error().where().column, 5);
}

}  // namespace
}  // namespace squall::expr
