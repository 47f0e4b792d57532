#include "text/wildcard.hpp"

#include <gtest/gtest.h>

#include <string>

namespace squall {
namespace {

struct Case {
  const char* pattern;
  const char* text;
  bool matches;
};

// Answers of Python 3.11's fnmatch.fnmatchcase.
class Wildcard : public testing::TestWithParam<Case> {};

TEST_P(Wildcard, MatchesAsFnmatch) {
  const Case& c = GetParam();
  EXPECT_EQ(wildcard_match(c.pattern, c.text), c.matches) << c.pattern << " on " << c.text;
}

INSTANTIATE_TEST_SUITE_P(
    Fnmatch, Wildcard,
    testing::Values(Case{"", "", true}, Case{"", "a", false}, Case{"*", "", true}, Case{"a*c", "abbc", true},
                    Case{"a*c", "abbcd", false}, Case{"A*", "abc", false}, Case{"a?c", "a/c", true},
                    Case{"?", "é", true}, Case{"*.py", ".py", true}, Case{"[abc]", "b", true},
                    Case{"[a-c]x", "bx", true}, Case{"[!a-c]", "b", false}, Case{"[!a-c]", "d", true},
                    Case{"[]]", "]", true}, Case{"[!]]", "]", false}, Case{"[", "[", true}, Case{"[a", "[a", true},
                    Case{"[z-a]", "z", false}, Case{"[!z-a]", "q", true}, Case{"[a-]", "-", true},
                    Case{"[-a]", "-", true}, Case{"[a-c-e]", "-", true}, Case{"[a-c-e]", "d", false},
                    Case{"[\\d]", "\\", true}, Case{"[\\d]", "5", false}, Case{"[^a]", "^", true},
                    Case{"a\nb*", "a\nbc", true}, Case{"[!]", "[!]", true}, Case{"[]", "[]", true}));

TEST(Wildcard, ManyStarsTakeNoTime) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "a*";
  EXPECT_FALSE(wildcard_match(pattern + "b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace squall
