#include "text/regex.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "text/regex_value.hpp"

namespace squall {
namespace {

Regex compiled(std::string_view pattern, RegexFlags flags = {}) {
  auto regex = Regex::compile(pattern, flags);
  EXPECT_TRUE(regex) << pattern << ": " << (regex ? "" : regex.error().to_string());
  return *regex;
}

TEST(Regex, CatastrophicBacktrackingEndsWithALimit) {
  for (const char* pattern : {"(a+)+$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$"}) {
    const auto match = compiled(pattern).search(std::string(60, 'a') + "b");
    ASSERT_FALSE(match) << pattern;
    EXPECT_EQ(match.error().code(), ErrorCode::kLimit);
    EXPECT_NE(match.error().message().find(pattern), std::string::npos);
  }
}

TEST(Regex, ALongTextOfAlternativesIsNoProblem) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "ab";
  const auto match = compiled("(?:a|b)*").full_match(text);
  ASSERT_TRUE(match) << match.error().to_string();
  EXPECT_TRUE(*match);
}

TEST(Regex, BadPatternsHavePythonsMessage) {
  const auto error = Regex::compile("a(b").error();
  EXPECT_EQ(error.type(), "re.error");
  EXPECT_EQ(error.message(), "missing ), unterminated subpattern at position 1");
  EXPECT_EQ(error.code(), ErrorCode::kInvalid);
}

TEST(Regex, PositionsCountCharacters) {
  EXPECT_EQ(Regex::compile("é日(").error().message(), "missing ), unterminated subpattern at position 2");
}

TEST(Regex, RefusesWhatItCannotDoInsteadOfGuessing) {
  EXPECT_EQ(Regex::compile("a{70000}").error().code(), ErrorCode::kLimit);
  EXPECT_EQ(Regex::compile("((a{1000}){1000}){1000}").error().code(), ErrorCode::kLimit);
  EXPECT_FALSE(Regex::compile("\\N{EM DASH}"));
  EXPECT_EQ(Regex::compile(std::string(10'000, '(')).error().code(), ErrorCode::kLimit);
  EXPECT_FALSE(Regex::compile("\xff"));
}

TEST(Regex, ATextThatIsNotUtf8IsAnError) {
  const auto match = compiled("a").search("\xc3(");
  ASSERT_FALSE(match);
  EXPECT_EQ(match.error().code(), ErrorCode::kInvalid);
}

TEST(Regex, NeedsNoVerbsOfPcre) {
  // In Python these are errors or plain characters; PCRE2 would obey them.
  EXPECT_FALSE(Regex::compile("(*UCP)a"));
  EXPECT_FALSE(Regex::compile("\\Qa\\E"));
  EXPECT_TRUE(*compiled("[[:alpha:]]").search(":]"));
  EXPECT_FALSE(*compiled("[[:alpha:]]").search("x]"));
}

TEST(Regex, StartsAreBytesAndAnchorsStayAtTheBeginning) {
  const Regex regex = compiled("^b|é");
  EXPECT_FALSE(*regex.search("ab", 1));
  EXPECT_TRUE(*regex.search("aé", 1));
  EXPECT_FALSE(*regex.search("aé", 99));
}

TEST(Regex, LoneSurrogatesNeverMatch) {
  EXPECT_FALSE(*compiled("\\ud800").search("a"));
  EXPECT_TRUE(*compiled("[\\ud800-\\uffff]").search("\uff01"));
  EXPECT_TRUE(*compiled("[^\\ud800]").search("a"));
}

TEST(Regex, GroupNamesKeepTheirOrder) {
  const Regex regex = compiled("(?P<b>x)(y)(?P<a>z)");
  ASSERT_EQ(regex.group_count(), 3u);
  const std::vector<std::pair<std::string, size_t>> expected = {{"b", 1}, {"a", 3}};
  EXPECT_EQ(regex.group_names(), expected);
}

TEST(Regex, OneCompiledPatternServesManyThreads) {
  const Regex regex = compiled("(\\d+)-(\\d+)");
  std::vector<std::thread> threads;
  std::vector<int> found(8);
  for (size_t t = 0; t < found.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const auto match = regex.match(std::to_string(i) + "-" + std::to_string(t));
        found[t] += match && *match ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const int count : found) EXPECT_EQ(count, 2000);
}

TEST(Regex, TheCacheTellsFlagsApart) {
  EXPECT_FALSE(*Regex::compile_cached("cached")->search("CACHED"));
  EXPECT_TRUE(*Regex::compile_cached("cached", {.ignore_case = true})->search("CACHED"));
  EXPECT_FALSE(*Regex::compile_cached("cached")->search("CACHED"));
}

TEST(RegexValue, OtherKindsAreTypeErrors) {
  EXPECT_EQ(compile_regex(Value(5)).error().message(), "first argument must be string or compiled pattern");
  EXPECT_EQ(compile_regex(Value::empty_list()).error().message(), "unhashable type: 'list'");
  EXPECT_EQ(regex_subject(Value(1.5)).error().message(), "expected string or bytes-like object, got 'float'");
}

}  // namespace
}  // namespace squall
