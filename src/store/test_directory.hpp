// A directory for one test, removed at its end. For tests only.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/assert.hpp"

namespace squall::store {

class TestDirectory {
 public:
  // kMemory: a file system without a disk, where the machine has one; flushes cost nothing there.
  enum class Where { kDisk, kMemory };

  explicit TestDirectory(Where where = Where::kDisk) {
    std::filesystem::path base = std::filesystem::temp_directory_path();
    if (where == Where::kMemory && access("/dev/shm", W_OK) == 0) base = "/dev/shm";
    std::string pattern = (base / "squall-store-XXXXXX").string();
    SQ_ASSERT(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace squall::store
