// One squall per data directory: an advisory lock (flock) on a file in it.
#pragma once

#include <string>

#include "base/result.hpp"

namespace squall::store {

// Holds the lock until it is destroyed; the kernel lets go of it when the process dies, however it dies.
class DirectoryLock {
 public:
  // Makes the directory (0700) when it is missing. kConflict when another process holds the lock: the message names it
  // and says what to do.
  static Result<DirectoryLock> acquire(const std::string& directory);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace squall::store
