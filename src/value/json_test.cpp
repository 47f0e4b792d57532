#include "value/json.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "base/limits.hpp"

namespace squall {
namespace {

std::string message(const Result<Value>& result) { return result ? "no error" : result.error().message(); }

TEST(JsonRead, IntegersAtTheBorders) {
  EXPECT_EQ(parse_json("18446744073709551615")->kind(), Kind::kUInt);
  EXPECT_EQ(parse_json("-9223372036854775808")->kind(), Kind::kInt);
  EXPECT_EQ(parse_json("18446744073709551616")->kind(), Kind::kDouble);
  EXPECT_EQ(parse_json("18446744073709551616", JsonDialect::kPython)->kind(), Kind::kBigInt);
  EXPECT_EQ(parse_json("-9223372036854775809", JsonDialect::kPython)->as_string(), "-9223372036854775809");
  EXPECT_EQ(parse_json("-0")->kind(), Kind::kInt);
  EXPECT_TRUE(std::signbit(parse_json("-0.0")->as_double()));
}

TEST(JsonRead, ADuplicateKeyKeepsItsFirstPlaceAndLastValue) {
  const Value value = *parse_json(R"({"a":1,"b":2,"a":3})");
  EXPECT_EQ(to_json(value), R"({"a":3,"b":2})");
}

TEST(JsonRead, PythonReadsMore) {
  EXPECT_TRUE(std::isnan(parse_json("NaN", JsonDialect::kPython)->as_double()));
  EXPECT_EQ(parse_json("[-Infinity]", JsonDialect::kPython)->as_list()[0], Value(-HUGE_VAL));
  EXPECT_EQ(parse_json("1e999", JsonDialect::kPython)->as_double(), HUGE_VAL);
  EXPECT_FALSE(parse_json("NaN"));
  EXPECT_FALSE(parse_json("1e999"));
}

TEST(JsonRead, ErrorsHaveAPlace) {
  const auto broken = parse_json("{\n  \"a\": 1,\n  \"\xc3\xa9\": x\n}");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().type(), "JSONDecodeError");
  EXPECT_EQ(broken.error().where().line, 3);
  EXPECT_EQ(broken.error().where().column, 8);  // counted in characters
  EXPECT_EQ(broken.error().message(), "unexpected character: line 3 column 8 (char 19)");
  EXPECT_EQ(message(parse_json("[1,]", JsonDialect::kPython)), "Expecting value: line 1 column 4 (char 3)");
  EXPECT_EQ(message(parse_json("[1,]")), "trailing comma is not allowed: line 1 column 3 (char 2)");
  EXPECT_EQ(message(parse_json("")), "Input is a zero-length, empty document: line 1 column 1 (char 0)");
}

TEST(JsonRead, BadBytes) {
  EXPECT_EQ(message(parse_json("\"\xff\"")),
            "str is not valid UTF-8: surrogates not allowed: line 1 column 1 (char 0)");
  EXPECT_EQ(parse_json("\"\xff\"", JsonDialect::kPython).error().type(), "UnicodeDecodeError");
  EXPECT_FALSE(parse_json("\xef\xbb\xbf{}"));
  EXPECT_FALSE(parse_json(std::string_view("1\0", 2)));
  EXPECT_FALSE(parse_json(R"("\udc00")"));
  EXPECT_EQ(parse_json(R"("\ud800")", JsonDialect::kPython)->as_string(), "\xed\xa0\x80");
}

TEST(JsonRead, DepthIsLimited) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  for (const JsonDialect dialect : {JsonDialect::kOrjson, JsonDialect::kPython}) {
    EXPECT_TRUE(parse_json(nested(limits::kJsonDepthMax), dialect));
    for (const size_t depth : {limits::kJsonDepthMax + 2, size_t{1'000'000}}) {
      const auto deep = parse_json(nested(depth), dialect);
      ASSERT_FALSE(deep);
      EXPECT_EQ(deep.error().code(), ErrorCode::kLimit);
    }
  }
}

TEST(JsonRead, ALargeDocumentTakesTheFastWay) {
  std::string text = "[";
  for (int i = 0; i < 50'000; ++i) text += R"({"id":)" + std::to_string(i) + R"(,"name":"x"},)";
  text.back() = ']';
  const auto value = parse_json(text);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->size(), 50'000u);
  EXPECT_EQ(to_json(*value), text);
}

TEST(JsonWrite, Dialects) {
  const Value value = Value::dict({{"f", 1e16}, {"n", std::nan("")}, {"t", "\xc3\xa9\x7f"}});
  EXPECT_EQ(*write_json(value, JsonStyle()), "{\"f\":1e16,\"n\":null,\"t\":\"\xc3\xa9\x7f\"}");
  EXPECT_EQ(*write_json(value, JsonStyle::python()), R"({"f": 1e+16, "n": NaN, "t": "\u00e9\u007f"})");
}

TEST(JsonWrite, RefusesWhatJsonLacks) {
  const auto set = write_json(Value::set({1}), JsonStyle::python());
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().type(), "TypeError");
  EXPECT_EQ(set.error().message(), "Object of type set is not JSON serializable");
  EXPECT_EQ(write_json(Value::time_delta(1), JsonStyle()).error().message(),
            "Type is not JSON serializable: datetime.timedelta");
  EXPECT_EQ(write_json(Value::big_int("18446744073709551616"), JsonStyle()).error().message(),
            "Integer exceeds 64-bit range");
  EXPECT_FALSE(write_json(Value::list({"\xff"}), JsonStyle()));
}

TEST(JsonWrite, ToJsonNeverFails) {
  EXPECT_EQ(to_json(Value::list({Value::set({1}), Value::big_int("18446744073709551616"), Value::time_delta(0), "\xff",
                                 Value::undefined("x"), Value::bytes("b")})),
            "[[1],18446744073709551616,\"0:00:00\",\"\xef\xbf\xbd\",\"\",\"b'b'\"]");
  Value deep;
  for (int i = 0; i < 100'000; ++i) deep = Value::list({deep});
  EXPECT_TRUE(parse_json(to_json(deep)));
  EXPECT_EQ(write_json(deep, JsonStyle()).error().code(), ErrorCode::kLimit);
}

TEST(JsonWrite, Indented) {
  const Value value = Value::dict({{"b", Value::list({1, Value::empty_dict()})}, {"a", Value::empty_list()}});
  EXPECT_EQ(to_json_pretty(value), "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": []\n}");
  JsonStyle style = JsonStyle::python();
  style.indent = 1;
  style.sort_keys = true;
  EXPECT_EQ(*write_json(value, style), "{\n \"a\": [],\n \"b\": [\n  1,\n  {}\n ]\n}");
}

TEST(JsonRoundTrip, DoublesComeBack) {
  for (const double number : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, 123456789.123456789, -1e22, 2.5e-5}) {
    EXPECT_EQ(parse_json(to_json(number))->as_double(), number);
    EXPECT_EQ(parse_json(*write_json(number, JsonStyle::python()))->as_double(), number);
  }
}

}  // namespace
}  // namespace squall
