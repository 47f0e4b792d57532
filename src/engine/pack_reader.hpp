// PackReader: reads packs from disk on a thread of its own, so that thousands of files do not hold up the engine.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/executor.hpp"
#include "packs/loader.hpp"

namespace squall::engine {

// Lives on the executor. Requests are served one after another, so that what was read later is told later.
class PackReader {
 public:
  explicit PackReader(Executor& executor) : executor_(executor) {}
  ~PackReader();  // waits for what is being read; nothing is told any more
  PackReader(const PackReader&) = delete;
  PackReader& operator=(const PackReader&) = delete;

  using Done = std::function<void(const std::vector<packs::LoadedPack>& packs)>;
  // packs::load_layers(), and `done` on the executor.
  void read(std::vector<std::string> directories, std::string shipped, packs::LoadOptions options, Done done);

 private:
  struct Request {
    std::vector<std::string> directories;
    std::string shipped;
    packs::LoadOptions options;
    Done done;
  };
  void run();

  Executor& executor_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // read and written on the executor alone
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> requests_;
  bool stopped_ = false;
  std::thread thread_;  // made by the first request
};

}  // namespace squall::engine
