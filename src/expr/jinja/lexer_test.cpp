#include "expr/jinja/lexer.hpp"

#include <gtest/gtest.h>

namespace squall::expr::jinja {
namespace {

// Tokens by their kind's name; texts of data and names in brackets.
std::string shown(std::string_view source) {
  const auto tokens = tokenize(source);
  if (!tokens) return tokens.error().message() + " (line " + std::to_string(tokens.error().where().line) + ")";
  std::string out;
  for (const Token& token : *tokens) {
    if (token.is(TokenKind::kEof)) break;
    if (!out.empty()) out += " ";
    const bool has_text = token.is(TokenKind::kData) || token.is(TokenKind::kName) || token.is(TokenKind::kString);
    out += has_text ? "[" + token.text + "]" : std::string(describe(token.kind));
  }
  return out;
}

TEST(Lexer, CodeAndText) {
  EXPECT_EQ(shown("a{{ b }}c"), "[a] begin of print statement [b] end of print statement [c]");
  EXPECT_EQ(shown("{% if x %}"), "begin of statement block [if] [x] end of statement block");
  EXPECT_EQ(shown("{ { } } { %"), "[{ { } } { %]");
  EXPECT_EQ(shown("{{ {'a': 1}}}"), "begin of print statement { [a] : integer } end of print statement");
}

TEST(Lexer, BlocksTakeTheirLineWithThem) {
  EXPECT_EQ(shown("a\n  {% x %}\nb"), "[a\n] begin of statement block [x] end of statement block [b]");
  EXPECT_EQ(shown("a\n  {%+ x +%}\nb"), "[a\n  ] begin of statement block [x] end of statement block [\nb]");
  EXPECT_EQ(shown("a \n {%- x -%} \n b"), "[a] begin of statement block [x] end of statement block [b]");
  EXPECT_EQ(shown("a\n  {{ x }}\nb"), "[a\n  ] begin of print statement [x] end of print statement [\nb]");
  EXPECT_EQ(shown("a\n  {# x #}\nb\r\n"), "[a\n] [b]");
}

TEST(Lexer, RawTextIsNotRead) {
  EXPECT_EQ(shown("{% raw %}{{ a }}{% endif %}{% endraw %}\nb"), "[{{ a }}{% endif %}] [b]");
  EXPECT_EQ(shown("x {%- raw -%} a {%- endraw -%} b"), "[x] [a] [b]");
  EXPECT_EQ(shown("\n{% raw %} a"), "Missing end of raw directive (line 2)");
}

TEST(Lexer, NumbersAndTexts) {
  const auto tokens = tokenize(R"({{ 1_000 0x_ff 1.5e3 007 "a\tb\u00e9\101\q" 'it''s' }})");
  ASSERT_TRUE(tokens);
  EXPECT_EQ((*tokens)[1].number, Value(1000));
  EXPECT_EQ((*tokens)[2].number, Value(255));
  EXPECT_EQ((*tokens)[3].number, Value(1500.0));
  EXPECT_EQ((*tokens)[4].number, Value(0));  // no octals: "00", then "7"
  EXPECT_EQ((*tokens)[5].number, Value(7));
  EXPECT_EQ((*tokens)[6].text, "a\tb\u00e9A\\q");
  EXPECT_EQ((*tokens)[7].text, "it");
  EXPECT_EQ((*tokens)[8].text, "s");
}

TEST(Lexer, MistakesNameTheCharacterAndItsPlace) {
  EXPECT_EQ(shown("h\u00e9\n{{ a ? b }}"), "unexpected char '?' at 8 (line 2)");
  EXPECT_EQ(shown("{{ (a] }}"), "unexpected ']', expected ')' (line 1)");
  EXPECT_EQ(shown("{{ '\\x4' }}"), "truncated \\xXX escape (line 1)");
}

}  // namespace
}  // namespace squall::expr::jinja
