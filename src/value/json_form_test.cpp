#include "value/json_form.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "value/json.hpp"

namespace squall {
namespace {

Value nested(size_t depth) {
  Value value = 1;
  for (size_t i = 0; i < depth; ++i) value = Value::list({std::move(value)});
  return value;
}

std::string refusal(const Value& value, const JsonFormOptions& options = {}) {
  const auto form = json_form(value, options);
  return form ? "accepted: " + to_json(*form) : form.error().message();
}

TEST(JsonForm, JsonIsPassedOnWithoutACopy) {
  const Value value = Value::dict({{"a", Value::list({1, "x", Value(), 1.5, true, 18446744073709551615ull})}});
  const auto form = json_form(value);
  ASSERT_TRUE(form);
  EXPECT_TRUE(form->same_storage(value));
}

TEST(JsonForm, KindsWithAFaithfulFormGetIt) {
  const Value value = Value::dict({{"tuple", Value::tuple({1, Value::tuple({2})})},
                                   {"set", Value::set({"x"})},
                                   {"bytes", Value::bytes("h\xc3\xa9")},
                                   {"markup", Value::markup("<b>")},
                                   {"date", Value::date(11670)},
                                   {"time", Value::date_time({0, true, 0})},
                                   {"span", Value::time_delta(90'000'000)},
                                   {"nan", std::nan("")},
                                   {"inf", Value::list({std::numeric_limits<double>::infinity()})},
                                   {"kept", "x"}});
  const auto form = json_form(value);
  ASSERT_TRUE(form) << form.error().message();
  EXPECT_EQ(to_json(*form),
            R"({"tuple":[1,[2]],"set":["x"],"bytes":"hé","markup":"<b>","date":"2001-12-14",)"
            R"("time":"1970-01-01T00:00:00+00:00","span":"0:01:30","nan":null,"inf":[null],"kept":"x"})");
}

TEST(JsonForm, WhatHasNoFormIsRefusedWithItsPlace) {
  EXPECT_EQ(
      refusal(Value::dict({{"a", Value::list({0, Value::dict({{"b", Value::big_int("36893488147419103232")}})})}})),
      "$.a[1].b is an integer outside 64 bits, which JSON documents cannot hold");
  EXPECT_EQ(refusal(Value::list({"\xed\xa0\x80"})), "$[0] is text that is not valid UTF-8");
  EXPECT_EQ(refusal(Value::dict({{"\xff", 1}})), "$ has a key that is not valid UTF-8");
  EXPECT_EQ(refusal(Value::bytes("\xff\xfe")),
            "$ is bytes that are not UTF-8 text; encode them, for example as base64");
  EXPECT_EQ(refusal(Value::undefined("x")), "$ is undefined");
}

TEST(JsonForm, DepthAndSizeAreLimited) {
  EXPECT_TRUE(json_form(nested(limits::kDataDepthMax)));
  const auto deep = json_form(nested(limits::kDataDepthMax + 1));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(deep.error().message().find("deeper than 256 levels"), std::string::npos);
  EXPECT_TRUE(json_form(nested(5), {.depth_max = 5}));
  EXPECT_FALSE(json_form(nested(6), {.depth_max = 5}));
  EXPECT_FALSE(json_form(Value::list({std::string(100, 'x'), std::string(100, 'x')}), {.bytes_max = 200}));
  EXPECT_TRUE(json_form(Value::list({std::string(100, 'x')}), {.bytes_max = 200}));
}

TEST(JsonForm, RepairKeepsAResultWithStrayBytes) {
  const Value value = Value::dict({{"out\xff",
                                    "a\xff"
                                    "b"},
                                   {"raw", Value::bytes("\xfe")},
                                   {"ok", 1}});
  const auto form = json_form(value, {.repair_texts = true});
  ASSERT_TRUE(form);
  EXPECT_EQ(to_json(*form),
            "{\"out\xef\xbf\xbd\":\"a\xef\xbf\xbd"
            "b\",\"raw\":\"\xef\xbf\xbd\",\"ok\":1}");
  EXPECT_EQ(valid_text("ok"), "ok");
}

}  // namespace
}  // namespace squall
