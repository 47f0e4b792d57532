// Inside of EventLoop, for the .cpp files of net/.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/asio.hpp"
#include "net/event_loop.hpp"

namespace squall::net {

struct EventLoop::Impl {
  using Instant = std::chrono::steady_clock::time_point;
  struct SignalWatch {
    SignalWatch(asio::io_context& loop, std::function<void(int)> call) : set(loop), handler(std::move(call)) {}
    asio::signal_set set;
    std::function<void(int)> handler;
  };

  Impl();
  ~Impl();
  void post(std::function<void()> task);
  TimerId post_after(Duration delay, std::function<void()> task);
  void cancel(TimerId timer);

  // On the loop's thread.
  void run_posted();
  void run_due();
  void arm();
  void wait_for_signal(SignalWatch& watch);

  std::atomic<bool> stopped{false};
  std::atomic<std::thread::id> thread{};

  // Guarded by `mutex`. Tasks are destroyed outside of it: their destructors may come back to the loop.
  std::mutex mutex;
  std::vector<std::function<void()>> posted;
  std::map<std::pair<Instant, TimerId>, std::function<void()>> timers;
  std::unordered_map<TimerId, Instant> due_times;
  TimerId last_timer = 0;

  // Dies before all of the above: the handlers that it drops may call post() from their destructors.
  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  asio::steady_timer alarm{context};  // set for the earliest timer
  Instant alarm_time = Instant::max();
  std::list<SignalWatch> signals;
};

}  // namespace squall::net
