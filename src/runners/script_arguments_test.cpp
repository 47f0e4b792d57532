#include "runners/script_arguments.hpp"

#include "runners/test_support.hpp"

namespace squall::runners {
namespace {

// Python: [shlex.quote(t) for t in (...)].
TEST(ShellQuoteTest, IsShlexQuote) {
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("abc-1_2.3/4:5@6%7+8=9,"), "abc-1_2.3/4:5@6%7+8=9,");
  EXPECT_EQ(shell_quote("a b"), "'a b'");
  EXPECT_EQ(shell_quote("it's"), "'it'\"'\"'s'");
  EXPECT_EQ(shell_quote("$(x)\n"), "'$(x)\n'");
  EXPECT_EQ(shell_quote("é"), "'é'");
  EXPECT_EQ(shell_quote("~"), "'~'");
}

// stackstorm-features.md C-2.
TEST(ScriptArgumentsTest, Named) {
  const Value none = Value::empty_dict();
  EXPECT_EQ(script_arguments(json(R"({"a": "x y", "n": 3, "f": 1.5, "t": true, "no": false, "nil": null, "e": ""})"), none,
                             "--"),
            "--a='x y' --n=3 --f=1.5 --t");
  EXPECT_EQ(script_arguments(json(R"({"l": ["a", 1], "d": {"k": null}})"), none, "-"),
            "-l='['\"'\"'a'\"'\"', 1]' -d='{'\"'\"'k'\"'\"': None}'");
  EXPECT_EQ(script_arguments(Value(), Value(), "--"), "");
}

TEST(ScriptArgumentsTest, Positional) {
  const auto of = [](const char* type, const char* value) {
    const Value schema = Value::dict({{"p", Value::dict({{"type", type}, {"position", 0}})}});
    return script_arguments(Value::dict({{"p", json(value)}}), schema, "--");
  };
  EXPECT_EQ(of("string", "\"a b\""), "'a b'");
  EXPECT_EQ(of("string", "null"), "''");
  EXPECT_EQ(of("number", "0"), "0");
  EXPECT_EQ(of("number", "1.5"), "1.5");
  EXPECT_EQ(of("integer", "7"), "7");
  EXPECT_EQ(of("integer", "0"), "''");  // upstream's trap
  EXPECT_EQ(of("boolean", "true"), "1");
  EXPECT_EQ(of("boolean", "false"), "0");
  EXPECT_EQ(of("boolean", "null"), "''");
  EXPECT_EQ(of("array", R"(["a", 2, "c d"])"), "'a,2,c d'");
  EXPECT_EQ(of("array", "[]"), "''");
  EXPECT_EQ(of("object", R"({"k": [1, null]})"), "'{\"k\":[1,null]}'");
  EXPECT_EQ(of("object", "{}"), "''");
}

TEST(ScriptArgumentsTest, OrderIsByPosition) {
  const Value schema = json(R"({"c": {"type": "string", "position": 2}, "a": {"type": "string", "position": 0},
                                "absent": {"type": "string", "position": 1}, "n": {"type": "string"}})");
  EXPECT_EQ(script_arguments(json(R"({"c": "3", "n": "x", "a": "1"})"), schema, "--"), "--n=x 1 '' 3");
}

}  // namespace
}  // namespace squall::runners
