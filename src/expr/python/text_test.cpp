#include "expr/python/text.hpp"

#include <gtest/gtest.h>

namespace squall::expr::py {
namespace {

using Views = std::vector<std::string_view>;

// Every expectation below is CPython 3.11's.
TEST(PythonText, CaseFollowsUnicode) {
  EXPECT_EQ(upper("ß straße ŉ ﬁ ǆ İ"), "SS STRASSE ʼN FI Ǆ İ");
  EXPECT_EQ(lower("ΑΣ ΑΣΑ İ"), "ας ασα i̇");
  EXPECT_EQ(capitalize("ǆabc ß"), "ǅabc ß");
  EXPECT_EQ(title("it's a ǆ-test ΣΑΣ"), "It'S A ǅ-Test Σας");
  EXPECT_EQ(swap_case("Hello Wörld ß"), "hELLO wÖRLD SS");
}

TEST(PythonText, BlanksAreUnicodeBlanks) {
  EXPECT_EQ(strip(" \x1c\u2003a\u00a0 "), "a");
  EXPECT_EQ(lstrip("xxaxx", U"x"), "axx");
  EXPECT_EQ(rstrip("aéé", U"é"), "a");
  EXPECT_EQ(strip("   "), "");
}

TEST(PythonText, Splitting) {
  EXPECT_EQ(split_blanks("  a b  c ", 1), (Views{"a", "b  c "}));
  EXPECT_EQ(rsplit_blanks("  a b  c ", 1), (Views{"  a b", "c"}));
  EXPECT_EQ(rsplit("aXbXc", "X", 1), (Views{"aXb", "c"}));
  EXPECT_EQ(split("", ","), (Views{""}));
  EXPECT_EQ(split_blanks("   "), Views{});
  EXPECT_EQ(split_lines("a\vb\u0085c\u2028d\r\ne"), (Views{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(split_lines("a\r\n\n", true), (Views{"a\r\n", "\n"}));
}

TEST(PythonText, ReplacingAndPadding) {
  EXPECT_EQ(replace("abc", "", "-", 2), "-a-bc");
  EXPECT_EQ(replace("é日", "", "-"), "-é-日-");
  EXPECT_EQ(center("ab", 5, "*"), "**ab*");
  EXPECT_EQ(center("abc", 6, "*"), "*abc**");
  EXPECT_EQ(right_justify("日", 3, "é"), "éé日");
  EXPECT_EQ(byte_offset("é日x", 2), 5U);
  EXPECT_EQ(byte_offset("ab", 9), 2U);
}

TEST(PythonText, Classes) {
  EXPECT_EQ(decimal_value(U'٣'), 3);
  EXPECT_EQ(decimal_value(U'²'), -1);
  EXPECT_TRUE(is_digit(U'²'));
  EXPECT_TRUE(is_alpha(U'日'));
  EXPECT_FALSE(is_alpha(U'٣'));
  EXPECT_TRUE(is_word(U'_'));
  EXPECT_EQ(html_escape("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&#34;");
}

}  // namespace
}  // namespace squall::expr::py
