#include "text/human_time.hpp"

#include <gtest/gtest.h>

#include "value/conformance.hpp"

namespace squall {
namespace {

TEST(HumanTimeConformance, StackStorm) {
  SQ_LOAD_TOPIC(topic, "human_time");
  conformance::Report report("human_time", topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    const auto text = human_time_from_seconds(conformance::decode_tagged(vector)["seconds"]);
    report.judge(vector, text ? Result<Value>(Value(*text)) : Result<Value>(fail(text.error())));
  }
  report.finish();
}

TEST(HumanTime, NumbersBeyondAnyDate) {
  EXPECT_EQ(human_time_from_seconds(Value::big_int("123456789012345678901234567890")).error().type(), "OverflowError");
  EXPECT_EQ(human_time_from_seconds(Value(std::nan(""))).error().type(), "ValueError");
}

}  // namespace
}  // namespace squall
