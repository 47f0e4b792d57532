// Read connections of the SQLite store: opened when first needed, at most kReadersMax. Thread-safe.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "store/sqlite/connection.hpp"

namespace squall::store {

class ReaderPool {
 public:
  explicit ReaderPool(ConnectionOptions options) : options_(std::move(options)) {}

  // A connection of this thread's own until it is given back. Waits while all are in use. kUnavailable after close().
  Result<std::unique_ptr<Connection>> take();
  void give_back(std::unique_ptr<Connection> connection);

  // Waits until all are back, and closes them.
  void close();

 private:
  const ConnectionOptions options_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  int taken_ = 0;
  bool closed_ = false;
};

}  // namespace squall::store
