// A store in memory: same semantics as the durable one, nothing survives. For tests and the simulator.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "store/store.hpp"
#include "store/write_queue.hpp"

namespace squall::store {

struct MemoryOptions {
  // Own writer thread, as the durable store has one. Without it nothing happens until drain() is called: a simulator's
  // whole engine then runs on one thread, in an order that it controls.
  bool own_thread = true;
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(MemoryOptions options = {});
  ~MemoryStore() override;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  void write(WriteFunction function, Done done) override;
  // Without an own thread: drains.
  Status write_and_wait(WriteFunction function) override;
  Status read(const ReadFunction& function) override;
  void close() override;

  // Applies one group of queued writes, then calls their `done`s, which may queue more. Returns how many there were.
  // For a store without its own thread.
  size_t drain_once();
  // Until nothing is queued. Returns how many there were.
  size_t drain();

 private:
  class Tables;
  class Transaction;
  void run_batch(std::vector<WriteJob>& batch);
  void writer_loop();

  const MemoryOptions options_;
  WriteQueue queue_;
  std::mutex tables_mutex_;  // held while a transaction's function runs
  std::unique_ptr<Tables> tables_;
  std::mutex closed_mutex_;
  std::condition_variable closed_changed_;
  bool closed_ = false;
  std::thread writer_;
};

}  // namespace squall::store
