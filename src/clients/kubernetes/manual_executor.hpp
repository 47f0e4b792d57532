// An Executor that runs when it is told to, on a time of its own. For tests.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "base/clock.hpp"
#include "base/executor.hpp"

namespace squall::kubernetes::testing {

// Everything on the test's own thread. Its clock is `clock`.
class ManualExecutor final : public Executor {
 public:
  void post(std::function<void()> task) override { tasks_.push_back(std::move(task)); }
  TimerId post_after(Duration delay, std::function<void()> task) override {
    timers_.emplace(std::make_pair(clock.monotonic() + delay, ++last_), std::move(task));
    return last_;
  }
  void cancel(TimerId timer) override {
    std::erase_if(timers_, [timer](const auto& entry) { return entry.first.second == timer; });
  }
  bool is_current() const override { return true; }

  // Runs what is due now.
  void run() {
    while (!tasks_.empty()) {
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }
  void advance(Duration by) {
    const Duration until = clock.monotonic() + by;
    run();
    while (!timers_.empty() && timers_.begin()->first.first <= until) {
      const auto first = timers_.begin();
      clock.advance(first->first.first - clock.monotonic());
      auto task = std::move(first->second);
      timers_.erase(first);
      task();
      run();
    }
    clock.advance(until - clock.monotonic());
  }
  size_t timer_count() const { return timers_.size(); }

  ManualClock clock{Timestamp(std::chrono::hours(24 * 365 * 50))};

 private:
  std::deque<std::function<void()>> tasks_;
  std::map<std::pair<Duration, TimerId>, std::function<void()>> timers_;
  TimerId last_ = 0;
};

}  // namespace squall::kubernetes::testing
