// Whatever an expression asks for, it ends soon and says which limit it reached.
#include <gtest/gtest.h>

#include "expr/test_clock.hpp"
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

TEST_P(YaqlLimits, EndSoonAndSayWhere) {
  const auto came = evaluate(GetParam());
  EXPECT_LT(cost_of([&] { (void)evaluate(GetParam()); }), kLimitSeconds) << GetParam();
  ASSERT_FALSE(came) << GetParam();
  EXPECT_EQ(came.error().code(), ErrorCode::kLimit) << came.error().to_string();
  EXPECT_NE(came.error().message().find("("), std::string::npos) << came.error().message();
  EXPECT_GE(came.error().where().line, 1) << came.error().to_string();
  EXPECT_GE(came.error().where().column, 1) << came.error().to_string();
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

TEST(YaqlLimits, RegexBombsEndSoonAndSayWhere) {
  for (const char* pattern : {"^(a+)+$", "(a|aa)+$", "(a*)*b", "(.*)*x", "((a{0,30}){0,30}){0,30}b"}) {
    const std::string text = "[1,\n '" + std::string(40, 'a') + "!' =~ '" + pattern + "']";
    const auto came = evaluate(text);
    EXPECT_LT(cost_of([&] { (void)evaluate(text); }), kLimitSeconds) << text;
    if (came) continue;
    EXPECT_EQ(came.error().code(), ErrorCode::kLimit) << came.error().to_string();
    EXPECT_EQ(came.error().where().line, 2) << came.error().to_string();
    EXPECT_GE(came.error().where().column, 1) << came.error().to_string();
  }
}

class YaqlSlow : public testing::TestWithParam<const char*> {};

// These may have an answer, but none of them may grow with the square of its input.
TEST_P(YaqlSlow, EndSoon) {
  const auto came = evaluate(GetParam());
  EXPECT_LT(cost_of([&] { (void)evaluate(GetParam()); }), kLimitSeconds) << GetParam();
  if (!came) {
    EXPECT_EQ(came.error().code(), ErrorCode::kLimit) << came.error().to_string();
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, YaqlSlow,
    testing::Values("range(100000).distinct().len()", "range(100000).toSet().len()", "range(100000).toDict($, $).len()",
                    "range(100000).groupBy($).len()", "range(50000).toList().contains(-1)",
                    "let(l => range(20000).toList()) -> range(20000).where($l.contains(-1)).len()",
                    "range(20000).toSet().union(range(20000, 40000).toSet()).len()",
                    "let(d => range(1000).toDict(str($), $)) -> range(100000).select($d.get('x')).len()",
                    "'ab' * 1000000", "('ab' * 100000).replace('a', 'ccc').len()", "('a,' * 100000).split(',').len()",
                    "range(50000).aggregate($1 + $2)", "range(50000).select(str($)).join(',').len()",
                    "range(30000).orderByDescending($).toList()", "range(30000).zip(range(30000)).len()",
                    "range(3000).accumulate($1 + [$2], []).len()", "range(100000).reverse().first()"));

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
