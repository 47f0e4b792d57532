#include "value/diff.hpp"

#include <gtest/gtest.h>

#include "value/json.hpp"

namespace squall {
namespace {

Value json(std::string_view text) { return *parse_json(text); }

std::string told(std::string_view a, std::string_view b) {
  std::string text;
  for (const Change& change : diff(json(a), json(b))) {
    text += change.path + (change.added ? " + " : change.removed ? " - " : " ");
    if (!change.added) text += to_json(change.before);
    if (!change.added && !change.removed) text += " -> ";
    if (!change.removed) text += to_json(change.after);
    text += "\n";
  }
  return text;
}

TEST(Diff, NothingChanged) { EXPECT_EQ(told(R"({"a": 1, "b": [2]})", R"({"b": [2.0], "a": 1})"), ""); }

TEST(Diff, TheSmallestPlaces) {
  EXPECT_EQ(told(R"({"a": {"b": [1, {"c": 2}]}, "gone": null})", R"({"a": {"b": [1, {"c": 3}, 4]}, "new": {"x": 1}})"),
            "a.b.1.c 2 -> 3\na.b.2 + 4\ngone - null\nnew + {\"x\":1}\n");
  EXPECT_EQ(told("[1, 2]", "[1]"), "1 - 2\n");
  EXPECT_EQ(told("1", "[1]"), " 1 -> [1]\n");
  EXPECT_EQ(told(R"({"a": {}})", R"({"a": []})"), "a {} -> []\n");
}

// The examples of RFC 7396, appendix A.
TEST(MergePatch, Rfc7396) {
  constexpr const char* kCases[][3] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", "null", "null"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (const auto& [target, patch, merged] : kCases) {
    EXPECT_EQ(to_json(merge_patch(json(target), json(patch))), merged) << target << " " << patch;
  }
}

TEST(DeepMerge, NullReplacesToo) {
  EXPECT_EQ(to_json(deep_merge(json(R"({"a":{"b":1,"c":2},"d":[1]})"), json(R"({"a":{"b":null},"d":{"x":1}})"))),
            R"({"a":{"b":null,"c":2},"d":{"x":1}})");
}

}  // namespace
}  // namespace squall
