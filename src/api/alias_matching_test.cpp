#include "api/alias_matching.hpp"

#include <gtest/gtest.h>

namespace squall::api {
namespace {

Value alias(const char* name, List formats, bool enabled = true) {
  return Value::dict({{"name", name},
                      {"pack", "p"},
                      {"ref", std::string("p.") + name},
                      {"description", "d"},
                      {"enabled", enabled},
                      {"formats", Value(std::move(formats))}});
}

const Value kMany = Value::dict(
    {{"display", "ISSUE-<n>"}, {"representation", Value::list({"ISSUE-(?P<n>[0-9]+)"})}, {"match_multiple", true}});

TEST(AliasMatching, FindsTheOneFormatThatFits) {
  const Value spoken =
      Value::dict({{"display", "say <what>"}, {"representation", Value::list({"say {{what}}", "tell {{what}}"})}});
  const std::vector<Value> aliases = {alias("greet", {"greet {{who}}"}), alias("say", {spoken})};
  const auto found = match_alias(aliases, "tell me");
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->alias["name"], Value("say"));
  EXPECT_EQ(found->display, Value("say <what>"));
  EXPECT_EQ(found->representation, "tell {{what}}");
  const auto none = match_alias(aliases, "sing");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message(), "Command 'sing' matched no patterns");
}

TEST(AliasMatching, RefusesToGuessBetweenTwo) {
  const auto found = match_alias({alias("a", {"do {{x}}"}), alias("b", {"do {{y}} now"})}, "do it now");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message(), "Command 'do it now' matched more than 1 pattern");
}

TEST(AliasMatching, PassesDisabledAliasesBy) {
  EXPECT_TRUE(match_alias({alias("a", {"do {{x}}"}, false), alias("b", {"do {{x}}"})}, "do it"));
}

TEST(AliasMatching, TriesFormatsForSeveralMatchesLast) {
  const std::vector<Value> aliases = {alias("many", {kMany}), alias("one", {"open {{x}}"})};
  const auto one = match_alias(aliases, "open ISSUE-1");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->alias["name"], Value("one"));
  const auto many = match_alias(aliases, "ISSUE-1");
  ASSERT_TRUE(many);
  EXPECT_TRUE(many->match_multiple);
}

TEST(AliasMatching, TellsWhichFormatIsBroken) {
  const auto found = match_alias({alias("a", {"do ("})}, "do it");
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("\"do (\" of the alias p.a"), std::string::npos) << found.error().message();
}

TEST(AliasHelp, CountsAndCutsPages) {
  const std::vector<Value> aliases = {alias("a", {"one", "two"}), alias("off", {"three"}, false),
                                      alias("b", {"Three"})};
  const auto all = alias_help(aliases, "", "", 0, 0);
  ASSERT_TRUE(all);
  EXPECT_EQ((*all)["available"], Value(3));
  EXPECT_EQ((*all)["helpstrings"].size(), 3u);
  const auto page = alias_help(aliases, "", "", 1, 1);
  ASSERT_EQ((*page)["helpstrings"].size(), 1u);
  EXPECT_EQ((*page)["helpstrings"][0]["display"], Value("two"));
  EXPECT_EQ((*alias_help(aliases, "three", "", 0, 0))["available"], Value(1));
  EXPECT_EQ((*alias_help(aliases, "", "other", 0, 0))["available"], Value(0));
  EXPECT_FALSE(alias_help(aliases, "(", "", 0, 0));
}

}  // namespace
}  // namespace squall::api
