// Expected texts were recorded from PyYAML 6.0.
#include "value/yaml.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall {
namespace {

std::string read(std::string_view text, const YamlOptions& options = {}) {
  const Result<Value> value = parse_yaml(text, options);
  return value ? python::repr(*value) : value.error().to_string();
}

TEST(YamlRead, Eleven) {
  EXPECT_EQ(read("a: yes\nb: 017\nc: 1:30\nd: 1e3\ne: ~\nf: 2001-12-14\ng: 0o17\n"),
            "{'a': True, 'b': 15, 'c': 90, 'd': '1e3', 'e': None, 'f': datetime.date(2001, 12, 14), 'g': '0o17'}");
  EXPECT_EQ(read(""), "None");
  EXPECT_EQ(read("2: a\nyes: b\n~: c\n1.5: d"), "{'2': 'a', 'True': 'b', 'None': 'c', '1.5': 'd'}");
  EXPECT_EQ(read("1: a\nyes: b\n1.0: c"), "{'1': 'c'}");  // equal in Python: one key
}

TEST(YamlRead, MergeKeys) {
  EXPECT_EQ(read("a: &a {x: 1, y: 2}\nb: &b {y: 3}\nc: {<<: [*a, *b], z: 4}"),
            "{'a': {'x': 1, 'y': 2}, 'b': {'y': 3}, 'c': {'y': 2, 'x': 1, 'z': 4}}");
}

TEST(YamlRead, ErrorsAreForPeople) {
  const auto broken = parse_yaml("a:\n  - b\n c: d\n", {.file = "pack.yaml"});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().to_string(),
            "pack.yaml:3:2: did not find expected key, while parsing a block mapping (line 1, column 1)");
  EXPECT_EQ(broken.error().type(), "ParserError");
  // Python names no place for a bad date; we do.
  EXPECT_EQ(read("a: 1\nb: 2001-13-01"), "2:4: month must be in 1..12");
  EXPECT_EQ(read("a: {{ x }}"), "1:5: found unhashable key, while constructing a mapping (line 1, column 4)");
}

TEST(YamlRead, ProblemInPyYamlsWords) {
  YamlProblem problem;
  ASSERT_FALSE(parse_yaml("a: 1\n---\nb: 2", {.problem = &problem}));
  EXPECT_EQ(problem.text(),
            "expected a single document in the stream\n  in \"<unicode string>\", line 1, column 1\n"
            "but found another document\n  in \"<unicode string>\", line 2, column 1");
  ASSERT_FALSE(parse_yaml("a: b: c", {.problem = &problem}));
  EXPECT_EQ(problem.text("x.yaml"),
            "mapping values are not allowed in this context\n  in \"x.yaml\", line 1, column 5");
}

TEST(YamlRead, DuplicateKeys) {
  EXPECT_EQ(read("a: 1\nb: 2\na: 3"), "{'a': 3, 'b': 2}");
  const YamlOptions unique{.file = "rule.yaml", .unique_keys = true};
  EXPECT_EQ(read("a: 1\nb:\n  c: 2\n  c: 3\n", unique),
            "rule.yaml:4:3: found duplicate key \"c\", while constructing a mapping (line 3, column 3)");
  // What a merge brings may be overwritten.
  EXPECT_EQ(read("a: &a {x: 1}\nb: {<<: *a, x: 2}", unique), "{'a': {'x': 1}, 'b': {'x': 2}}");
}

TEST(YamlRead, ManyDocuments) {
  const auto documents = parse_yaml_all("a\n---\nb\n---\n");
  ASSERT_TRUE(documents);
  ASSERT_EQ(documents->size(), 3u);
  EXPECT_TRUE((*documents)[2].is_null());
}

TEST(YamlRead, LimitsAreToldByName) {
  const auto nested = [](size_t depth) { return parse_yaml(std::string(depth, '[') + std::string(depth, ']')); };
  EXPECT_TRUE(nested(limits::kYamlDepthMax));
  ASSERT_FALSE(nested(limits::kYamlDepthMax + 2));
  EXPECT_EQ(nested(limits::kYamlDepthMax + 2).error().code(), ErrorCode::kLimit);

  // A billion laughs: each line holds nine of the line before.
  std::string bomb = "a0: &a0 lol\n";
  std::string merges = "m0: &m0 {k: v}\n";
  for (int i = 1; i <= 10; ++i) {
    const std::string name = std::to_string(i);
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + name + ": &a" + name + " [" + before;
    for (int j = 0; j < 8; ++j) bomb += ", " + before;
    bomb += "]\n";
    const std::string merged = "*m" + std::to_string(i - 1);
    merges += "m" + name + ": &m" + name + " {<<: [" + merged;
    for (int j = 0; j < 8; ++j) merges += ", " + merged;
    merges += "]}\n";
  }
  for (const std::string& text : {bomb, merges}) {
    const auto laughs = parse_yaml(text);
    ASSERT_FALSE(laughs);
    EXPECT_EQ(laughs.error().code(), ErrorCode::kLimit) << laughs.error().to_string();
  }
}

TEST(YamlRead, RecursionIsAnError) {
  for (const char* text : {"&a [*a]", "&a {k: *a}", "a: &x\n  <<: *x\n", "&a [[*a, 1], {b: *a}]"}) {
    const auto recursive = parse_yaml(text);
    ASSERT_FALSE(recursive) << text;
    EXPECT_EQ(recursive.error().type(), "ConstructorError");
  }
}

TEST(YamlRead, AliasesShareStorage) {
  const Value value = *parse_yaml("a: &x [1, 2]\nb: *x");
  EXPECT_TRUE(value["a"].same_storage(value["b"]));
}

TEST(YamlDocument, KnowsWhereThingsStand) {
  const auto document = parse_yaml_document(
      "---\nname: c\nchain:\n  - name: t1\n    ref: core.local\n  -\n    name: t2\n", {.file = "chain.yaml"});
  ASSERT_TRUE(document);
  EXPECT_EQ(document->position("chain.0.ref").to_string(), "chain.yaml:5:5");
  EXPECT_EQ(document->position("chain.1").to_string(), "chain.yaml:7:5");
  EXPECT_EQ(document->position("chain").to_string(), "chain.yaml:3:1");
  EXPECT_EQ(document->position("chain.0.nothing.here").to_string(), "chain.yaml:4:5");
  EXPECT_EQ(document->position("").to_string(), "chain.yaml:2:1");
  EXPECT_EQ(parse_yaml_document("", {.file = "empty.yaml"})->position("a").to_string(), "empty.yaml");
}

std::string write(const Value& value, const YamlStyle& style = {}) {
  const auto text = write_yaml(value, style);
  return text ? *text : text.error().type() + ": " + text.error().message();
}

TEST(YamlWrite, Scalars) {
  EXPECT_EQ(write("a"), "a\n...\n");
  EXPECT_EQ(write("a", {.document_end = false}), "a\n");
  EXPECT_EQ(write("yes"), "'yes'\n");
  EXPECT_EQ(write(""), "''\n");
  EXPECT_EQ(write("a\nb"), "'a\n\n  b'\n");
  EXPECT_EQ(write("a\tb"), "\"a\\tb\"\n");
  EXPECT_EQ(write(1e22), "1.0e+22\n...\n");
  EXPECT_EQ(write(Value::list({Value(), true, "null", "- x", "a: b", "it's", "\xc3\xa9"})),
            "- null\n- true\n- 'null'\n- '- x'\n- 'a: b'\n- it's\n- \xc3\xa9\n");
  EXPECT_EQ(write(Value::bytes("hello")), "!!binary |\n  aGVsbG8=\n");
  EXPECT_EQ(write(Value::set({"b", "a"})), "!!set\na: null\nb: null\n");
}

TEST(YamlWrite, Containers) {
  const Value value = Value::dict({{"b", Value::list({1, Value::dict({{"k", "v"}, {"l", Value::empty_list()}})})},
                                   {"a", Value::dict({{"x", Value::list({Value::list({1, 2})})}})}});
  EXPECT_EQ(write(value), "a:\n  x:\n  - - 1\n    - 2\nb:\n- 1\n- k: v\n  l: []\n");
  EXPECT_EQ(write(value, {.sort_keys = false, .indent = 4}),
            "b:\n- 1\n-   k: v\n    l: []\na:\n    x:\n    -   - 1\n        - 2\n");
}

TEST(YamlWrite, LongLinesAreFolded) {
  std::string words;
  for (int i = 0; i < 30; ++i) words += i == 0 ? "word" : " word";
  EXPECT_EQ(write(Value::dict({{"k", words}})),
            "k: word word word word word word word word word word word word word word word word\n"
            "  word word word word word word word word word word word word word word\n");
}

TEST(YamlWrite, RefusesWhatYamlLacks) {
  EXPECT_EQ(write(Value::time_delta(0)), "RepresenterError: ('cannot represent an object', datetime.timedelta(0))");
  Value deep;
  for (int i = 0; i < 100'000; ++i) deep = Value::list({deep});
  EXPECT_EQ(write_yaml(deep).error().code(), ErrorCode::kLimit);
}

TEST(YamlRoundTrip, TextsComeBack) {
  for (const char* text : {"",
                           " ",
                           "a",
                           " a ",
                           "a\n",
                           "\n\n",
                           "a\n b\n",
                           "'",
                           "\"",
                           "\\",
                           "#",
                           "a #b",
                           "null",
                           "1.5",
                           "=",
                           "2001-01-01",
                           "\xe2\x80\xa8x",
                           "a: b",
                           "[",
                           "{{ x }}",
                           "<% $.x %>",
                           "\t",
                           "\r\n",
                           "\xf0\x9f\x98\x80",
                           "\x01",
                           "long long long long long long long long long long long long  long "
                           "long long long long  ' long \" long"}) {
    for (const bool unicode : {true, false}) {
      const Value value = Value::dict({{text, Value::list({text})}});
      const auto back = parse_yaml(write(value, {.allow_unicode = unicode}));
      ASSERT_TRUE(back) << text;
      EXPECT_EQ(*back, value) << write(value);
    }
  }
}

}  // namespace
}  // namespace squall
