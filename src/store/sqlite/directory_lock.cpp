#include "store/sqlite/directory_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/strings.hpp"

namespace squall::store {
namespace {

Error os_error(std::string_view doing, const std::string& path) {
  return Error(ErrorCode::kIo, fmt::format("cannot {} '{}': {}", doing, path, std::strerror(errno)));
}

Status make_directory(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path(directory);
  if (std::filesystem::is_directory(path, error)) return {};
  error.clear();  // "not there" is no error here
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) {
    return fail(ErrorCode::kIo,
                fmt::format("cannot make the parents of the data directory '{}': {}", directory, error.message()));
  }
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(os_error("make the data directory", directory));
  return {};
}

}  // namespace

Result<DirectoryLock> DirectoryLock::acquire(const std::string& directory) {
  SQ_CHECK(make_directory(directory));
  const std::string path = directory + "/lock";
  DirectoryLock lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.descriptor_ < 0) return fail(os_error("open", path));
  if (flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(os_error("lock", path));
    char holder[32] = {};
    const ssize_t length = pread(lock.descriptor_, holder, sizeof holder - 1, 0);
    const std::string_view pid = trim(std::string_view(holder, length > 0 ? static_cast<size_t>(length) : 0));
    return fail(
        ErrorCode::kConflict,
        fmt::format("the data directory '{}' is in use by another squall (process {}): stop that process first, "
                    "or choose another data directory for this one",
                    directory, pid.empty() ? "unknown" : pid));
  }
  const std::string pid = fmt::format("{}\n", getpid());
  if (ftruncate(lock.descriptor_, 0) != 0 || pwrite(lock.descriptor_, pid.data(), pid.size(), 0) < 0) {
    return fail(os_error("write", path));
  }
  return lock;
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DirectoryLock::~DirectoryLock() {
  // The file stays: removing it would let two processes lock two different files of the same name.
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace squall::store
