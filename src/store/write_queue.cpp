#include "store/write_queue.hpp"

#include <fmt/format.h>

#include "store/store_limits.hpp"

namespace squall::store {

Error closed_error() { return Error(ErrorCode::kUnavailable, "the store is closed"); }

void WriteQueue::push(Store::WriteFunction function, Store::Done done) {
  {
    const std::lock_guard lock(mutex_);
    WriteJob job{std::move(function), std::move(done), std::nullopt};
    if (closed_) {
      job.refusal = closed_error();
    } else if (accepted_ >= kQueuedWritesMax) {
      job.refusal =
          Error(ErrorCode::kLimit,
                fmt::format("{} writes are waiting for the disk already (kQueuedWritesMax)", kQueuedWritesMax));
    } else {
      ++accepted_;
    }
    if (job.refusal) job.function = nullptr;
    jobs_.push_back(std::move(job));
  }
  arrived_.notify_one();
}

void WriteQueue::take(std::vector<WriteJob>& batch) {
  const std::lock_guard lock(mutex_);
  take_locked(batch);
}

bool WriteQueue::wait_and_take(std::vector<WriteJob>& batch) {
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [this] { return !jobs_.empty() || stopped_ || (closed_ && accepted_ == 0 && !drained_seen_); });
  take_locked(batch);
  drained_seen_ = closed_ && accepted_ == 0;
  return !batch.empty() || !stopped_;
}

void WriteQueue::take_locked(std::vector<WriteJob>& batch) {
  while (!jobs_.empty() && batch.size() < kBatchWritesMax) {
    if (!jobs_.front().refusal) --accepted_;
    batch.push_back(std::move(jobs_.front()));
    jobs_.pop_front();
  }
}

bool WriteQueue::wait_for_close(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return closing_.wait_for(lock, time, [this] { return closed_; });
}

void WriteQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  closing_.notify_all();
  arrived_.notify_all();
}

bool WriteQueue::drained() const {
  const std::lock_guard lock(mutex_);
  return closed_ && accepted_ == 0;
}

void WriteQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  arrived_.notify_all();
}

}  // namespace squall::store
