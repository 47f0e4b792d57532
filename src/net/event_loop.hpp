// EventLoop: the Executor of the real program, on Boost.Asio.
#pragma once

#include <memory>

#include "base/executor.hpp"

namespace squall::net {

// One thread calls run(); everything posted runs there. Made and destroyed while nobody runs it.
class EventLoop final : public Executor {
 public:
  EventLoop();
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void post(std::function<void()> task) override;
  TimerId post_after(Duration delay, std::function<void()> task) override;
  void cancel(TimerId timer) override;
  bool is_current() const override;

  // Runs tasks until stop(). Thread-safe to stop; tasks that are left are dropped with the loop.
  void run();
  void stop();
  // Calls `handler` on the loop at each of these signals (SIGINT, SIGTERM, SIGHUP). Call it while nobody runs the
  // loop, or on the loop.
  void on_signal(std::initializer_list<int> signals, std::function<void(int)> handler);

  struct Impl;
  Impl& impl() { return *impl_; }  // for the other files of net/

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace squall::net
