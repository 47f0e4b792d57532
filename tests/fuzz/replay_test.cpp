// The kept corpora through their targets, in every build: what a fuzzer found once stays mended.

#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>

#include "base/strings.hpp"
#include "targets.hpp"

namespace squall::fuzz {
namespace {

namespace fs = std::filesystem;

class Replay : public testing::TestWithParam<std::string> {};

TEST_P(Replay, KeptCorpusHasNoFinding) {
  const Target target = targets().at(GetParam());
  size_t count = 0;
  for (const auto& file : fs::directory_iterator(fs::path(SQUALL_SOURCE_DIR "/tests/fuzz/corpus") / GetParam())) {
    const auto input = read_file(file.path().string());
    ASSERT_TRUE(input) << file.path();
    EXPECT_EQ(target(*input), "") << file.path();
    ++count;
  }
  EXPECT_GT(count, 0u) << "no corpus is kept for " << GetParam();
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& [name, target] : targets()) all.emplace_back(name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Replay, testing::ValuesIn(names()), [](const auto& one) { return one.param; });

TEST(Replay, EveryCorpusHasATarget) {
  for (const auto& folder : fs::directory_iterator(SQUALL_SOURCE_DIR "/tests/fuzz/corpus")) {
    EXPECT_EQ(targets().count(folder.path().filename().string()), 1u) << folder.path();
  }
}

}  // namespace
}  // namespace squall::fuzz
