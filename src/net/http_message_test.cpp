#include "net/http_message.hpp"

#include <gtest/gtest.h>

#include "net/response_head.hpp"

namespace squall::net {
namespace {

TEST(Headers, NamesCompareWithoutCaseAndRepeatsAreKept) {
  Headers headers{{"Set-Cookie", "a"}, {"X-One", "1"}};
  headers.add("set-cookie", "b");
  EXPECT_EQ(headers.get("SET-COOKIE"), "a");
  EXPECT_EQ(std::distance(headers.begin(), headers.end()), 3);
  EXPECT_TRUE(headers.has("x-one"));
  EXPECT_FALSE(headers.has("x-two"));
  EXPECT_EQ(headers.get("x-two"), "");
  headers.set("SET-cookie", "c");
  EXPECT_EQ(headers.get("Set-Cookie"), "c");
  EXPECT_EQ(std::distance(headers.begin(), headers.end()), 2);
  headers.erase("x-ONE");
  EXPECT_FALSE(headers.has("X-One"));
}

TEST(ParseQuery, DecodesInOrder) {
  EXPECT_EQ(parse_query("a=1&b=x+y%2Bz&a=&flag&&=v"),
            (QueryParameters{{"a", "1"}, {"b", "x y+z"}, {"a", ""}, {"flag", ""}, {"", "v"}}));
  EXPECT_EQ(parse_query("q=a%3Db=c"), (QueryParameters{{"q", "a=b=c"}}));
  EXPECT_EQ(parse_query("q=100%&r=%zz"), (QueryParameters{{"q", "100%"}, {"r", "%zz"}}));
  EXPECT_TRUE(parse_query("").empty());
}

TEST(ResponseHead, NoValueCanStartAHeaderOfItsOwn) {
  ServerResponse response{.status = 200, .content_type = "text/plain\r\nX-Evil: 1", .body = "12345"};
  response.headers.add("X-Name", "a\r\n\r\nbody");
  response.headers.add("Content-Length", "99");
  response.headers.add("X-Bad\nName", "v");
  const std::string head = response_head(response, {.keep_alive = true, .request_id = "id"});
  EXPECT_EQ(head.find("X-Evil: 1\r\n"), head.find("  X-Evil") + 2) << head;
  EXPECT_NE(head.find("\r\nX-Name: a    body\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("\r\nContent-Length: 5\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("99"), std::string::npos) << head;
  EXPECT_NE(head.find("\r\nX-Bad Name: v\r\n"), std::string::npos) << head;
}

TEST(ResponseHead, StatusesWithoutABodyHaveNoLength) {
  for (const int status : {204, 304}) {
    const std::string head = response_head({.status = status}, {.keep_alive = true, .request_id = "id"});
    EXPECT_EQ(head.find("Content-Length"), std::string::npos) << head;
    EXPECT_EQ(head.find("Content-Type"), std::string::npos) << head;
  }
}

}  // namespace
}  // namespace squall::net
