#include "expr/text_scan.hpp"

#include <gtest/gtest.h>

namespace squall::expr {
namespace {

using Found = std::vector<std::string>;

// As re.findall(r"<%.*?%>", text) of Python.
TEST(TextScan, FindsTheShortestOnOneLine) {
  EXPECT_EQ(find_delimited("a <% 1 %> b <%2%>", "<%", "%>"), (Found{"<% 1 %>", "<%2%>"}));
  EXPECT_EQ(find_delimited("<% <% 1 %> %>", "<%", "%>"), (Found{"<% <% 1 %>"}));
  EXPECT_EQ(find_delimited("<% 1\n %> <% 2 %>", "<%", "%>"), (Found{"<% 2 %>"}));
  EXPECT_EQ(find_delimited("<% 1\n<% 2 %>", "<%", "%>"), (Found{"<% 2 %>"}));
  EXPECT_TRUE(find_delimited("<%", "<%", "%>").empty());
  EXPECT_TRUE(find_delimited("<%>", "<%", "%>").empty());
  EXPECT_EQ(find_delimited("{{{'a': 1}}}", "{{", "}}"), (Found{"{{{'a': 1}}"}));
}

TEST(TextScan, StripsCharactersNotWords) {
  EXPECT_EQ(without_delimiters("<% 1 > %>", "<%>"), "1 >");
  EXPECT_EQ(without_delimiters("<%%>", "<%>"), "");
  EXPECT_EQ(without_delimiters("{{ {'a': 1} }}", "{}"), "{'a': 1}");
}

}  // namespace
}  // namespace squall::expr
