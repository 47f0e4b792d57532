#include <gtest/gtest.h>

#include "expr/yaql/yaql.hpp"
#include "value/python.hpp"

namespace squall::expr {
namespace {

struct Answer {
  const char* text;
  const char* shown;  // repr() of the value, or the error
};

// Found by random comparison: what yaql 3.2.0 answered in places where squall once did not.
TEST(YaqlRealAnswers, AreSquallsToo) {
  const Answer answers[] = {
      {"{1 => 2}.items().contains(abc)", "ValueError: too many values to unpack (expected 2)"},
      {"{1 => 2}.items().contains([1])", "ValueError: not enough values to unpack (expected 2, got 1)"},
      {"{1 => 2}.items().contains(5)", "TypeError: cannot unpack non-iterable int object"},
      {"{1 => 2}.items().contains([1, 2])", "True"},
      {"set(1, 2, 3).intersect(set(2.0, null, 3.75)).toList()", "[2.0]"},
      {"set(2).intersect(set(2.0, null, 3.75)).toList()", "[2]"},
      {"[, 2].join('-')", "NoMatchingFunctionException: No function \"str\" matches supplied arguments"},
      {"coalesce(, null)", "NoMatchingFunctionException: No function \"#finalize\" matches supplied arguments"},
  };
  for (const Answer& answer : answers) {
    const auto compiled = YaqlExpression::compile(answer.text);
    ASSERT_TRUE(compiled) << answer.text;
    const auto came = compiled->evaluate(YaqlScope());
    const std::string shown =
        came ? python::repr(*came) : std::string(came.error().type()) + ": " + std::string(came.error().message());
    EXPECT_EQ(shown, answer.shown) << answer.text;
  }
}

}  // namespace
}  // namespace squall::expr
