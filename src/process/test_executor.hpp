// An Executor for tests: one thread, real time.
#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "base/executor.hpp"

namespace squall::process {

class TestExecutor final : public Executor {
 public:
  TestExecutor() : thread_([this] { run(); }) {}
  ~TestExecutor() override {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void post(std::function<void()> task) override { post_after(Duration::zero(), std::move(task)); }
  TimerId post_after(Duration delay, std::function<void()> task) override {
    const std::lock_guard lock(mutex_);
    const Key key{std::chrono::steady_clock::now() + delay, ++last_};
    tasks_.emplace(key, std::move(task));
    changed_.notify_all();
    return key.second;
  }
  void cancel(TimerId timer) override {
    const std::lock_guard lock(mutex_);
    std::erase_if(tasks_, [timer](const auto& entry) { return entry.first.second == timer; });
  }
  bool is_current() const override { return std::this_thread::get_id() == thread_.get_id(); }

  // Runs `task` on the executor and waits for it.
  void run_and_wait(const std::function<void()>& task) {
    std::promise<void> done;
    post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  using Key = std::pair<std::chrono::steady_clock::time_point, TimerId>;

  void run() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      if (tasks_.empty()) {
        changed_.wait(lock);
        continue;
      }
      const auto first = tasks_.begin();
      if (const auto due = first->first.first; due > std::chrono::steady_clock::now()) {
        changed_.wait_until(lock, due);
        continue;
      }
      auto task = std::move(first->second);
      tasks_.erase(first);
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Key, std::function<void()>> tasks_;
  TimerId last_ = 0;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace squall::process
