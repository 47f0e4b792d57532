// PackWatch: what is registered follows the files of packs, their configs and overrides (`squall serve --watch`).
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/executor.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "packs/watch.hpp"

namespace squall::app {

struct WatchedDirectories {
  std::vector<std::string> packs;  // base directories, or packs themselves
  std::string configs, overrides;
};

// Registers the packs whose files changed, a moment later and all together; a pack whose directory is gone is removed.
// Only files that are registered count, so that an action may write beside them. Lives on the executor.
class PackWatch {
 public:
  static Result<std::unique_ptr<PackWatch>> start(Executor& executor, engine::Engine& engine,
                                                  WatchedDirectories directories);
  // Once the engine is started: packs that went away while squall was down are removed, too.
  void remove_vanished();

 private:
  PackWatch(engine::Engine& engine, WatchedDirectories directories)
      : engine_(engine), directories_(std::move(directories)) {}
  void changed(const std::set<std::string>& paths);
  void follow(const std::vector<std::string>& names);
  void add_pack_of(const std::string& path, std::set<std::string>& refs) const;

  engine::Engine& engine_;
  WatchedDirectories directories_;
  std::unique_ptr<packs::DirectoryWatch> watch_;
};

}  // namespace squall::app
