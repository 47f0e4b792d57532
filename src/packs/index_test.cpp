#include "packs/index.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "process/test_executor.hpp"
#include "value/json.hpp"

namespace squall::packs {
namespace {

using ::testing::HasSubstr;

class PackIndexTest : public ::testing::Test {
 protected:
  PackIndexTest() {
    char pattern[] = "/tmp/squall-index-XXXXXX";
    directory_ = ::mkdtemp(pattern);
  }
  ~PackIndexTest() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name) << text;
    return directory_ + "/" + name;
  }
  IndexContents fetch(const std::vector<std::string>& locations) {
    PackIndex index(http_, executor_, locations);
    std::promise<IndexContents> promise;
    index.fetch([&](IndexContents contents) { promise.set_value(std::move(contents)); });
    return promise.get_future().get();
  }

  process::TestExecutor executor_;
  net::HttpClient http_;
  std::string directory_;
};

TEST_F(PackIndexTest, TheEarlierIndexWinsAndABrokenOneIsTold) {
  const std::string one = file("one.json", R"({"packs": {"a": {"name": "a", "version": "1.0.0"}}})");
  const std::string two = file("two.json", R"({"packs": {"a": {"version": "9.0.0"}, "b": {"name": "b"}}})");
  const IndexContents contents =
      fetch({one, directory_ + "/none.json", "file://" + two, file("list.json", "[]"), file("empty.json", "{}"),
             file("bad.json", "{"), file("odd.json", "{\"a\": 1}"), "http://127.0.0.1:1/index.json"});
  EXPECT_EQ(to_json(contents.packs), R"({"a":{"name":"a","version":"1.0.0"},"b":{"name":"b"}})");
  std::vector<std::string> errors;
  for (size_t i = 0; i < contents.status.size(); ++i) errors.push_back(contents.status[i]["error"].string());
  EXPECT_EQ(errors, (std::vector<std::string>{"", "unresponsive", "", "malformed", "empty", "malformed", "malformed",
                                              "unresponsive"}));
  EXPECT_EQ(contents.status[2]["packs"].int_or(0), 2);
  EXPECT_THAT(contents.status[1]["message"].string(), HasSubstr("none.json"));
}

TEST_F(PackIndexTest, NoIndexAtAll) { EXPECT_TRUE(fetch({}).packs.empty()); }

TEST(SearchPacks, NamesBeforeKeywordsBeforeTheRest) {
  const auto packs = parse_json(R"({
      "far": {"name": "far", "description": "talks to AWS", "keywords": ["cloud"]},
      "tag": {"name": "tag", "keywords": ["Aws", "x"]},
      "part": {"name": "part", "keywords": ["aws-like"]},
      "aws": {"name": "aws", "repo_url": "https://example.com/aws"},
      "url": {"name": "url", "repo_url": "https://aws.example.com", "email": "aws@example.com"},
      "content": {"name": "c", "content": {"aws": 1}}})");
  ASSERT_TRUE(packs);
  std::vector<std::string> names;
  const Value found = search_packs(*packs, "AWS");
  for (size_t i = 0; i < found.size(); ++i) names.push_back(found[i]["name"].string());
  EXPECT_EQ(names, (std::vector<std::string>{"aws", "tag", "far", "c"}));
}

}  // namespace
}  // namespace squall::packs
