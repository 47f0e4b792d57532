#include "expr/yaql/parser.hpp"

#include <gtest/gtest.h>

#include "value/python.hpp"

namespace squall::expr::yaql {
namespace {

// The tree in prefix form.
std::string shape(const Node& node) {
  if (node.is_constant()) return python::str(node.value);
  if (node.kind == NodeKind::kVariable) return "$" + node.name;
  std::string out = "(" + (node.kind == NodeKind::kWrap      ? std::string("w")
                           : node.kind == NodeKind::kMapping ? "=>"
                                                             : node.name);
  for (const NodePtr& arg : node.args) out += " " + (arg == nullptr ? std::string("_") : shape(*arg));
  return out + ")";
}

std::string parsed(std::string_view text) {
  const auto tree = parse(text);
  return tree ? shape(**tree) : tree.error().message();
}

// Precedence as in yaql's operator table (factory.py), checked with the real parser.
TEST(YaqlParser, Precedence) {
  EXPECT_EQ(parsed("1 + 2 * 3"), "(#operator_+ 1 (#operator_* 2 3))");
  EXPECT_EQ(parsed("1 - 2 - 3"), "(#operator_- (#operator_- 1 2) 3)");
  EXPECT_EQ(parsed("a * not b + c"), "(#operator_* a (#unary_operator_not (#operator_+ b c)))");
  EXPECT_EQ(parsed("-a.b[0]"), "(#unary_operator_- (#indexer (#operator_. a b) 0))");
  EXPECT_EQ(parsed("a =~ b * c"), "(#operator_* (#operator_=~ a b) c)");
  EXPECT_EQ(parsed("a -> b -> c"), "(#operator_-> a (#operator_-> b c))");
  EXPECT_EQ(parsed("a or b and not c = d"), "(#operator_or a (#operator_and b (#unary_operator_not (*equal c d))))");
  EXPECT_EQ(parsed("$.a.f($x)?.b"), "(#operator_?. (#operator_. (#operator_. $1 a) (f $x)) b)");
}

TEST(YaqlParser, Arguments) {
  EXPECT_EQ(parsed("f()"), "(f)");
  EXPECT_EQ(parsed("f(, 1)"), "(f _ 1)");
  EXPECT_EQ(parsed("f(1,, 2, a => 3)"), "(f 1 _ 2 (=> a 3))");
  EXPECT_EQ(parsed("f(1,, a => 3)"), "(f 1 _ (=> a 3))");
  EXPECT_EQ(parsed("f(1,)"), "Parse error: unexpected ')' at position 4 of expression 'f(1,)'");
  EXPECT_EQ(parsed("f(, a => 1)"), "Parse error: unexpected '=>' at position 6 of expression 'f(, a => 1)'");
  EXPECT_EQ(parsed("f(a => 1, 2)"), "Parse error: unexpected ')' at position 11 of expression 'f(a => 1, 2)'");
  EXPECT_EQ(parsed("{a => 1, b => [2]}"), "(#map (=> a 1) (=> b (#list 2)))");
}

TEST(YaqlParser, MistakesAreToldFromLeftToRight) {
  EXPECT_EQ(parsed(""), "Parse error: unexpected end of statement");
  EXPECT_EQ(parsed("a b"), "Parse error: unexpected 'b' at position 2 of expression 'a b'");
  EXPECT_EQ(parsed("1 + # 2"), "Lexical error: illegal character '#' at position 4");
  EXPECT_EQ(parsed(") #"), "Parse error: unexpected ')' at position 0 of expression ') #'");
  EXPECT_EQ(parsed("__x"), "Lexical error: illegal character '_' at position 0");
  EXPECT_EQ(parsed("12ab"), "Lexical error: illegal character '1' at position 0");
  EXPECT_EQ(parsed("not(a)"), "(not a)");
}

TEST(YaqlParser, Literals) {
  EXPECT_EQ(parsed(R"('it\'s \x41\u2603\101')"), "it's A☃A");
  EXPECT_EQ(parsed(R"(`it\`s \n`)"), "it`s \\n");
  EXPECT_EQ(parsed("1.50"), "1.5");
  EXPECT_EQ(parsed("99999999999999999999"), "99999999999999999999");
  EXPECT_EQ(parsed("null"), "None");
}

}  // namespace
}  // namespace squall::expr::yaql
