#include "clients/kubernetes/json_splitter.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace squall::kubernetes {
namespace {

using Texts = std::vector<std::string>;

// Feeds `text` in pieces of `size` bytes.
Texts split_in_pieces(const std::string& text, size_t size) {
  JsonSplitter splitter(1'000'000);
  Texts documents;
  for (size_t i = 0; i < text.size(); i += size) {
    EXPECT_TRUE(splitter.feed(std::string_view(text).substr(i, size),
                              [&](std::string_view document) { documents.emplace_back(document); }));
  }
  return documents;
}

TEST(JsonSplitter, FindsTheSameDocumentsInPiecesOfEverySize) {
  const std::string text = "{\"a\":{\"b\":[1,2,{}]}}\n \t{\"s\":\"}{]\\\"\\\\\"}{}\r\n{\"u\":\"\\u007b\xC3\xA9\"}";
  const Texts expected = {"{\"a\":{\"b\":[1,2,{}]}}", "{\"s\":\"}{]\\\"\\\\\"}", "{}", "{\"u\":\"\\u007b\xC3\xA9\"}"};
  for (size_t size = 1; size <= text.size(); ++size) EXPECT_EQ(split_in_pieces(text, size), expected) << size;
}

TEST(JsonSplitter, KnowsWhetherADocumentIsCut) {
  JsonSplitter splitter(100);
  const auto ignore = [](std::string_view) {};
  EXPECT_TRUE(splitter.at_boundary());
  ASSERT_TRUE(splitter.feed("{\"a\": ", ignore));
  EXPECT_FALSE(splitter.at_boundary());
  ASSERT_TRUE(splitter.feed("1}\n", ignore));
  EXPECT_TRUE(splitter.at_boundary());
}

TEST(JsonSplitter, RefusesWhatIsNoObject) {
  for (const char* text : {"404 page not found", "[1]", "{}x", "null", "}"}) {
    JsonSplitter splitter(100);
    const auto status = splitter.feed(text, [](std::string_view) {});
    ASSERT_FALSE(status) << text;
    EXPECT_EQ(status.error().code(), ErrorCode::kRemote);
  }
}

TEST(JsonSplitter, LimitsTheLengthOfADocument) {
  JsonSplitter splitter(10);
  const auto ignore = [](std::string_view) {};
  ASSERT_TRUE(splitter.feed("{\"a\":\"1234", ignore));
  const auto status = splitter.feed("5", ignore);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kLimit);
  EXPECT_NE(status.error().message().find("10 bytes"), std::string::npos);
}

}  // namespace
}  // namespace squall::kubernetes
