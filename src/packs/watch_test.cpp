#include "packs/watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "process/test_executor.hpp"

namespace squall::packs {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::Not;

class WatchTest : public ::testing::Test {
 protected:
  WatchTest() {
    char pattern[] = "/tmp/squall-watch-XXXXXX";
    root_ = ::mkdtemp(pattern);
    write("packs/p/pack.yaml");
    write("packs/p/.git/index");
  }
  ~WatchTest() override {
    watch_.reset();
    fs::remove_all(root_);
  }

  void write(const std::string& relative) {
    const fs::path path = root_ + "/" + relative;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "x";
  }
  void start(std::vector<std::string> directories) {
    for (std::string& directory : directories) directory = root_ + "/" + directory;
    auto watch = DirectoryWatch::start(executor_, {.directories = directories, .quiet = 20ms},
                                       [this](std::set<std::string> paths) {
                                         const std::lock_guard lock(mutex_);
                                         told_.merge(paths);
                                         changed_.notify_all();
                                       });
    ASSERT_TRUE(watch) << watch.error().message();
    watch_ = std::move(*watch);
  }
  // True once it was told.
  bool told(const std::string& relative) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 5s, [&] { return told_.contains(root_ + "/" + relative); });
  }
  std::set<std::string> all_told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }

  process::TestExecutor executor_;
  std::string root_;
  std::unique_ptr<DirectoryWatch> watch_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> told_;
};

TEST_F(WatchTest, FilesThatChangeComeAndGo) {
  start({"packs"});
  write("packs/p/pack.yaml");
  EXPECT_TRUE(told("packs/p/pack.yaml"));
  fs::rename(root_ + "/packs/p/pack.yaml", root_ + "/packs/p/moved.yaml");
  EXPECT_TRUE(told("packs/p/moved.yaml"));
  fs::remove(root_ + "/packs/p/moved.yaml");
  write("packs/p/actions/new/deep.yaml");  // directories that are made now are looked into
  EXPECT_TRUE(told("packs/p/actions/new/deep.yaml"));
  fs::remove_all(root_ + "/packs/p");
  EXPECT_TRUE(told("packs/p"));
}

TEST_F(WatchTest, WhatNobodyRegistersIsNotTold) {
  start({"packs"});
  for (const char* name : {"packs/p/.git/index", "packs/p/.hidden.yaml", "packs/p/a.yaml~", "packs/p/.a.yaml.swp",
                           "packs/p/__pycache__/a.pyc", "elsewhere.yaml"})
    write(name);
  write("packs/p/last.yaml");
  ASSERT_TRUE(told("packs/p/last.yaml"));
  for (const std::string& path : all_told()) EXPECT_TRUE(path.ends_with("last.yaml")) << path;
}

TEST_F(WatchTest, ADirectoryThatComesLaterIsSeenAndItsNeighboursAreNot) {
  start({"packs", "configs"});
  write("notes/x.yaml");
  write("configs/p.yaml");
  EXPECT_TRUE(told("configs/p.yaml"));
  EXPECT_THAT(all_told(), Not(Contains(root_ + "/notes")));
}

TEST_F(WatchTest, APackThatIsALinkIsFollowed) {
  write("elsewhere/q/pack.yaml");
  start({"packs"});
  fs::create_directory_symlink(root_ + "/elsewhere/q", root_ + "/packs/q");
  ASSERT_TRUE(told("packs/q/pack.yaml"));
  write("elsewhere/q/new.yaml");
  EXPECT_TRUE(told("packs/q/new.yaml"));
}

}  // namespace
}  // namespace squall::packs
