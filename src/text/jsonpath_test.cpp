#include "text/jsonpath.hpp"

#include <gtest/gtest.h>

namespace squall {
namespace {

std::vector<std::string> paths(std::string_view path, const Value& data) {
  const auto parsed = JsonPath::parse(path);
  EXPECT_TRUE(parsed) << path << ": " << parsed.error().to_string();
  const auto found = parsed->find(data);
  EXPECT_TRUE(found) << path << ": " << found.error().to_string();
  std::vector<std::string> texts;
  for (const JsonPathMatch& match : *found) texts.push_back(match.path);
  return texts;
}

using Paths = std::vector<std::string>;

// Answers of jsonpath_rw 1.4.0.
TEST(JsonPath, BracketsBindWeakest) {
  const Value data = Value::dict({{"a", Value::list({1, 2})}, {"b", Value::list({3})}});
  EXPECT_EQ(paths("a|b[0]", data), (Paths{"a.[0]", "b.[0]"}));
}

TEST(JsonPath, AlternativesBindTighterThanDots) {
  const Value data = Value::dict({{"x", Value::dict({{"a", 1}, {"b", 2}})}, {"b", 3}});
  EXPECT_EQ(paths("x.a|b", data), (Paths{"x.a", "x.b"}));
}

TEST(JsonPath, ParentOfTheRootIsAnErrorOnlyWhenAskedForItsValue) {
  const Value data = Value::dict({{"a", 1}});
  EXPECT_EQ(JsonPath::parse("`parent`")->find(data).error().type(), "AttributeError");
  EXPECT_EQ(paths("`parent`.a", data), Paths());
}

TEST(JsonPath, TheOperatorThatWasNeverWrittenIsAnError) {
  EXPECT_EQ(JsonPath::parse("a&b")->find(Value::empty_dict()).error().type(), "NotImplementedError");
}

TEST(JsonPath, WorkHasALimit) {
  // Each `..*` asks every value for all below it, so the number of matches is a power of the size.
  Value data = 1;
  for (int i = 0; i < 60; ++i) data = Value::list({Value::dict({{"k", data}})});
  const auto found = JsonPath::parse("$..*..*..*..*..*..*")->find(data);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), ErrorCode::kLimit);
}

TEST(JsonPath, NestingHasALimit) {
  const auto parsed = JsonPath::parse(std::string(100'000, '('));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code(), ErrorCode::kLimit);
}

TEST(JsonPath, LengthHasALimit) {
  std::string path = "a";
  for (size_t i = 0; i < jsonpath::kStepsMax; ++i) path += ".a";
  EXPECT_TRUE(JsonPath::parse(path));
  EXPECT_EQ(JsonPath::parse(path + "[0]").error().code(), ErrorCode::kLimit);
}

TEST(JsonPath, BadTextsSayWhere) {
  EXPECT_EQ(JsonPath::parse("a..[b").error().message(), "Parse error: the path ends too early");
  EXPECT_EQ(JsonPath::parse("$a").error().message(), "Parse error at 1:1 near token a (ID)");
  EXPECT_EQ(JsonPath::parse("a.'b").error().message(), "Unexpected EOF in string literal or identifier");
  EXPECT_EQ(JsonPath::parse("a?").error().message(), "Error on line 1, col 1: Unexpected character: ? ");
  EXPECT_FALSE(JsonPath::parse(""));
}

}  // namespace
}  // namespace squall
