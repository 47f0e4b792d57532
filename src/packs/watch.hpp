// DirectoryWatch: tells when files below some directories change, come or go.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/result.hpp"

namespace squall::packs {

struct WatchOptions {
  // Everything below counts, but for what nobody registers: hidden files and directories (.git), __pycache__ and
  // compiled Python, backups of editors. A directory that does not exist is waited for, as long as its parent exists.
  std::vector<std::string> directories;
  // Changes are told together once nothing more has happened for so long, or after `told_after` at the latest: a
  // checkout of a thousand files is one change.
  Duration quiet = std::chrono::milliseconds(50);
  Duration told_after = std::chrono::seconds(1);
};

// Built on inotify, with a thread of its own that ends with the object. What happened before start() returned is not
// told; everything after is, though what changes twice is told once.
class DirectoryWatch {
 public:
  // Absolute paths of files and directories; empty: so much happened that nobody knows what.
  using Changed = std::function<void(std::set<std::string> paths)>;
  // `changed` runs on the executor. The error says what the system refuses (its number of watches is limited).
  static Result<std::unique_ptr<DirectoryWatch>> start(Executor& executor, WatchOptions options, Changed changed);
  ~DirectoryWatch();
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

 private:
  struct Impl;
  explicit DirectoryWatch(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace squall::packs
