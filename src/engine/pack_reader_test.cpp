#include "engine/pack_reader.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <optional>

#include "process/test_executor.hpp"

namespace squall::engine {
namespace {

class PackReaderTest : public ::testing::Test {
 protected:
  PackReaderTest() {
    char pattern[] = "/tmp/squall-reader-XXXXXX";
    root_ = ::mkdtemp(pattern);
    for (const char* name : {"one", "two"}) {
      std::filesystem::create_directories(root_ + "/" + name);
      std::ofstream(root_ + "/" + name + "/pack.yaml")
          << "name: " << name << "\ndescription: d\nversion: 0.1.0\nauthor: a\n";
    }
  }
  ~PackReaderTest() override { std::filesystem::remove_all(root_); }

  process::TestExecutor executor_;
  std::string root_;
};

TEST_F(PackReaderTest, AnswersInOrderOnTheExecutor) {
  PackReader reader(executor_);
  std::vector<std::string> order;
  std::promise<void> ended;
  executor_.run_and_wait([&] {
    const auto read = [&](const std::vector<std::string>& only, bool last) {
      reader.read({root_}, "", {.only = only}, [&, last](const std::vector<packs::LoadedPack>& packs) {
        EXPECT_TRUE(executor_.is_current());
        for (const packs::LoadedPack& pack : packs) order.push_back(packs::ref_of(pack));
        if (last) ended.set_value();
      });
    };
    read({"two"}, false);
    read({"nosuch"}, false);
    read({}, true);
  });
  ended.get_future().wait();
  EXPECT_EQ(order, (std::vector<std::string>{"two", "one", "two"}));
}

TEST_F(PackReaderTest, NothingIsToldOnceItIsGone) {
  bool told = false;
  executor_.run_and_wait([&] {
    std::optional<PackReader> reader(std::in_place, executor_);
    for (int i = 0; i < 3; ++i)
      reader->read({root_}, "", {}, [&](const std::vector<packs::LoadedPack>&) { told = true; });
    reader.reset();
  });
  executor_.run_and_wait([] {});
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace squall::engine
