#include "net/event_loop.hpp"

#include <csignal>

#include "net/test_server.hpp"

namespace squall::net {
namespace {

using namespace std::chrono_literals;
using testing::LoopThread;

TEST(EventLoop, RunsPostedTasksInOrderOnItsThread) {
  LoopThread thread;
  std::vector<int> order;
  for (int i = 0; i < 1000; ++i) thread.loop.post([&order, i] { order.push_back(i); });
  EXPECT_TRUE(thread.on_loop([&] { return thread.loop.is_current(); }));
  EXPECT_FALSE(thread.loop.is_current());
  ASSERT_EQ(order.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(EventLoop, NeverRunsATaskInsidePost) {
  LoopThread thread;
  bool ran = false;
  EXPECT_FALSE(thread.on_loop([&] {
    thread.loop.post([&] { ran = true; });
    return ran;
  }));
  EXPECT_TRUE(thread.on_loop([&] { return ran; }));
}

TEST(EventLoop, TimersFireInTheOrderOfTheirTimes) {
  LoopThread thread;
  std::vector<int> order;
  std::promise<void> done;
  thread.loop.post_after(60ms, [&] {
    order.push_back(3);
    done.set_value();
  });
  thread.loop.post_after(5ms, [&] { order.push_back(1); });
  thread.loop.post_after(30ms, [&] { order.push_back(2); });
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(EventLoop, TimerIsNeverEarly) {
  LoopThread thread;
  const auto start = std::chrono::steady_clock::now();
  std::promise<void> done;
  thread.loop.post_after(20ms, [&] { done.set_value(); });
  done.get_future().wait();
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
}

TEST(EventLoop, CanceledTimerDoesNotFireEvenWhenDueTogetherWithItsCanceler) {
  LoopThread thread;
  bool fired = false;
  thread.on_loop([&] {
    auto victim = std::make_shared<Executor::TimerId>();
    thread.loop.post_after(1ms, [&, victim] { thread.loop.cancel(*victim); });
    *victim = thread.loop.post_after(1ms, [&] { fired = true; });
    std::this_thread::sleep_for(10ms);  // both are due when the loop gets to them
  });
  std::promise<void> later;
  thread.loop.post_after(20ms, [&] { later.set_value(); });
  later.get_future().wait();
  EXPECT_FALSE(fired);
}

TEST(EventLoop, CancelFromAnotherThreadAndOfAFiredTimerIsHarmless) {
  LoopThread thread;
  bool fired = false;
  const auto timer = thread.loop.post_after(1h, [&] { fired = true; });
  thread.loop.cancel(timer);
  thread.loop.cancel(timer);
  thread.loop.cancel(12345);
  EXPECT_FALSE(thread.on_loop([&] { return fired; }));
}

TEST(EventLoop, TimersFromManyThreadsAllFire) {
  LoopThread thread;
  std::atomic<int> fired = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) thread.loop.post_after(Duration(i * 7 % 5000 + t), [&] { ++fired; });
    });
  }
  for (auto& each : threads) each.join();
  for (int i = 0; i < 1000 && fired < 2000; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(fired, 2000);
}

TEST(EventLoop, WhatIsLeftIsDroppedAndMayPostWhileDying) {
  struct PostsAtTheEnd {
    EventLoop& loop;
    ~PostsAtTheEnd() {
      loop.post([] { FAIL(); });
      loop.post_after(1ms, [] { FAIL(); });
    }
  };
  EventLoop loop;
  auto last = std::make_shared<PostsAtTheEnd>(loop);
  const std::weak_ptr<PostsAtTheEnd> watch = last;
  loop.post([last] { FAIL(); });
  loop.post_after(1h, [last] { FAIL(); });
  last.reset();
  loop.stop();
  loop.run();  // returns at once
  loop.post([] { FAIL(); });
  EXPECT_FALSE(watch.expired());
}

TEST(EventLoop, StopEndsRunBetweenTasks) {
  EventLoop loop;
  int count = 0;
  loop.post([&] {
    ++count;
    loop.stop();
  });
  loop.post([&] { ++count; });
  loop.run();
  EXPECT_EQ(count, 1);
}

TEST(EventLoop, CallsTheSignalHandlerEachTime) {
  EventLoop loop;
  std::vector<int> seen;
  loop.on_signal({SIGUSR1, SIGUSR2}, [&](int signal) {
    seen.push_back(signal);
    if (seen.size() == 1) {
      ::raise(SIGUSR2);
    } else {
      loop.stop();
    }
  });
  loop.post([] { ::raise(SIGUSR1); });
  loop.run();
  EXPECT_EQ(seen, (std::vector{SIGUSR1, SIGUSR2}));
}

}  // namespace
}  // namespace squall::net
