#include "rules/operators.hpp"

#include <gtest/gtest.h>

#include "rules/criteria.hpp"
#include "value/conformance.hpp"

namespace squall::rules {
namespace {

// Any moment between the dates of the vectors (2001 and 2999) gives the recorded answers.
const Timestamp kNow = *parse_timestamp("2026-01-31T12:00:00Z");

Result<Value> as_value(const Result<bool>& result) {
  if (!result) return fail(result.error());
  return Value(*result);
}

// `search` has its children evaluated, so it is asked through a whole criterion.
Result<Value> run_search(const Value& vector) {
  const Value criteria = Value::dict(
      {{"trigger.v",
        Value::dict({{"type", "search"}, {"condition", vector["condition"]}, {"pattern", vector["pattern"]}})}});
  SQ_TRY(const CompiledCriteria compiled, CompiledCriteria::compile(criteria));
  const Verdict verdict =
      compiled.evaluate({.payload = Value::dict({{"v", vector["payload_value"]}}), .st2kv = Value(), .now = kNow});
  if (verdict.error) return fail(*verdict.error);
  return Value(verdict.matched);
}

TEST(OperatorsConformance, StackStorm) {
  SQ_LOAD_TOPIC(topic, "rule_operators");
  conformance::Report report("rule_operators", topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    const Value decoded = conformance::decode_tagged(vector);
    const std::string name = decoded["operator"].string();
    Result<Value> answer = name == "search"
                               ? run_search(decoded)
                               : as_value(evaluate_operator(name, decoded["payload_value"], decoded["pattern"], kNow));
    // CPython's class re.error calls itself "error".
    if (!answer && answer.error().type() == "re.error") answer = fail(answer.error().with_type("error"));
    report.judge(vector, answer);
  }
  report.finish();
}

TEST(Operators, NamesAreExactAtRegistrationAndLooseAtEvaluation) {
  EXPECT_EQ(operator_names().size(), 33u);
  EXPECT_TRUE(is_operator("eq"));
  EXPECT_FALSE(is_operator("EQ"));
  EXPECT_TRUE(*evaluate_operator("EQ", Value(1), Value(1), kNow));
}

TEST(Operators, AMisspelledNameFindsItsNeighbour) {
  EXPECT_EQ(closest_operator("equls"), "equals");
  EXPECT_EQ(closest_operator("EQUALS"), "equals");
  EXPECT_EQ(closest_operator("starts_with"), "startswith");
  EXPECT_EQ(closest_operator("something else"), "");
}

TEST(Operators, CaseFollowsUnicode) {
  EXPECT_TRUE(*evaluate_operator("ieq", Value("ÅNGSTRÖM"), Value("ångström"), kNow));
  EXPECT_TRUE(*evaluate_operator("icontains", Value("ΣΊΣΥΦΟΣ"), Value("σίσυφος"), kNow));
}

TEST(Operators, ARunawayRegularExpressionIsAnError) {
  const auto result = evaluate_operator("regex", Value(std::string(60, 'a') + "b"), Value("(a+)+$"), kNow);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kLimit);
}

TEST(Operators, TimeDifferencesCountFromNow) {
  const Value half_a_minute_ago("2026-01-31T11:59:30Z");
  EXPECT_TRUE(*evaluate_operator("timediff_lt", half_a_minute_ago, Value(31), kNow));
  EXPECT_FALSE(*evaluate_operator("timediff_lt", half_a_minute_ago, Value(30), kNow));
  EXPECT_TRUE(*evaluate_operator("td_gt", half_a_minute_ago, Value("29.5"), kNow));
  EXPECT_EQ(evaluate_operator("td_gt", half_a_minute_ago, Value::empty_list(), kNow).error().type(), "TypeError");
}

TEST(Operators, GreaterThanNamesTheOperandsInPythonsOrder) {
  EXPECT_EQ(evaluate_operator("gt", Value("x"), Value(5), kNow).error().message(),
            "'>' not supported between instances of 'str' and 'int'");
}

}  // namespace
}  // namespace squall::rules
