// The queue in front of a store's writer: keeps the order of the calls, bounds its length, and knows when it is closed.
// Shared by the back ends. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "store/store.hpp"

namespace squall::store {

struct WriteJob {
  Store::WriteFunction function;
  Store::Done done;
  std::optional<Error> refusal;  // set when the queue would not take it: only `done` is to be called
};

class WriteQueue {
 public:
  // Never blocks and never runs anything. After close(), or when kQueuedWritesMax are waiting, the job is queued as
  // refused: it still gets its answer, in turn, from the writer.
  void push(Store::WriteFunction function, Store::Done done);

  // Moves up to kBatchWritesMax jobs into `batch`. Does not wait for any.
  void take(std::vector<WriteJob>& batch);
  // The same, but waits for the first job; after close() it also returns once, with or without jobs, when drained() has
  // become true. False when stop() was called and nothing is left.
  bool wait_and_take(std::vector<WriteJob>& batch);

  // Waits so long, or until close(). True when closed.
  bool wait_for_close(std::chrono::milliseconds time);

  // From now on jobs are refused.
  void close();
  // True when closed and every job that was accepted has been taken.
  bool drained() const;
  // Ends wait_and_take(). close() comes first.
  void stop();

 private:
  void take_locked(std::vector<WriteJob>& batch);

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::condition_variable closing_;
  std::deque<WriteJob> jobs_;
  size_t accepted_ = 0;  // of jobs_
  bool closed_ = false;
  bool drained_seen_ = false;  // by wait_and_take()
  bool stopped_ = false;
};

// The error of every read and write after close().
Error closed_error();

}  // namespace squall::store
