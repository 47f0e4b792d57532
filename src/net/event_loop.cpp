#include "net/event_loop.hpp"

#include "base/assert.hpp"
#include "net/event_loop_impl.hpp"

namespace squall::net {

EventLoop::Impl::Impl() = default;

EventLoop::Impl::~Impl() {
  stopped = true;
  // What is dropped may own objects that post or start timers on their way out: both are ignored from here on.
  decltype(posted) tasks;
  decltype(timers) waiting;
  {
    const std::lock_guard lock(mutex);
    tasks.swap(posted);
    waiting.swap(timers);
    due_times.clear();
  }
}

void EventLoop::Impl::post(std::function<void()> task) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex);
    if (stopped) return;
    wake = posted.empty();
    posted.push_back(std::move(task));
  }
  if (wake) asio::post(context, [this] { run_posted(); });
}

Executor::TimerId EventLoop::Impl::post_after(Duration delay, std::function<void()> task) {
  const Instant due = std::chrono::steady_clock::now() + std::max(delay, Duration::zero());
  TimerId id = 0;
  bool earliest = false;
  {
    const std::lock_guard lock(mutex);
    id = ++last_timer;
    if (stopped) return id;
    const auto place = timers.emplace(std::pair(due, id), std::move(task)).first;
    due_times.emplace(id, due);
    earliest = place == timers.begin();
  }
  if (!earliest) return id;
  if (thread.load() == std::this_thread::get_id()) {
    arm();
  } else {
    asio::post(context, [this] { arm(); });
  }
  return id;
}

void EventLoop::Impl::cancel(TimerId timer) {
  std::function<void()> dropped;
  const std::lock_guard lock(mutex);
  const auto due = due_times.find(timer);
  if (due == due_times.end()) return;
  const auto entry = timers.find(std::pair(due->second, timer));
  SQ_ASSERT(entry != timers.end());
  dropped = std::move(entry->second);  // destroyed after the lock is gone: locals die in reverse order
  timers.erase(entry);
  due_times.erase(due);
}

void EventLoop::Impl::run_posted() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex);
    tasks.swap(posted);
  }
  for (auto& task : tasks) {
    if (stopped) return;
    // Moved out, so that what a task holds dies with it and not at the end of the batch.
    const auto running = std::move(task);
    running();
  }
}

void EventLoop::Impl::run_due() {
  alarm_time = Instant::max();
  const Instant now = std::chrono::steady_clock::now();
  while (!stopped) {
    std::function<void()> task;
    {
      // One at a time: a task may cancel another one that is due as well.
      const std::lock_guard lock(mutex);
      const auto first = timers.begin();
      if (first == timers.end() || first->first.first > now) break;
      task = std::move(first->second);
      due_times.erase(first->first.second);
      timers.erase(first);
    }
    task();
  }
  arm();
}

void EventLoop::Impl::arm() {
  Instant earliest;
  {
    const std::lock_guard lock(mutex);
    if (timers.empty() || stopped) return;
    earliest = timers.begin()->first.first;
  }
  // An alarm that is too early only looks and sleeps on.
  if (alarm_time <= earliest) return;
  alarm_time = earliest;
  alarm.expires_at(earliest);
  alarm.async_wait([this](BoostError error) {
    if (!error) run_due();
  });
}

void EventLoop::Impl::wait_for_signal(SignalWatch& watch) {
  watch.set.async_wait([this, &watch](BoostError error, int signal) {
    if (error) return;
    watch.handler(signal);
    wait_for_signal(watch);
  });
}

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() { SQ_ASSERT(impl_->thread.load() == std::thread::id()); }

void EventLoop::post(std::function<void()> task) { impl_->post(std::move(task)); }
Executor::TimerId EventLoop::post_after(Duration delay, std::function<void()> task) {
  return impl_->post_after(delay, std::move(task));
}
void EventLoop::cancel(TimerId timer) { impl_->cancel(timer); }
bool EventLoop::is_current() const { return impl_->thread.load() == std::this_thread::get_id(); }

void EventLoop::run() {
  SQ_ASSERT(impl_->thread.load() == std::thread::id());
  impl_->thread = std::this_thread::get_id();
  impl_->context.run();
  impl_->thread = std::thread::id();
}

void EventLoop::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
  }
  impl_->context.stop();
}

void EventLoop::on_signal(std::initializer_list<int> signals, std::function<void(int)> handler) {
  auto& watch = impl_->signals.emplace_back(impl_->context, std::move(handler));
  for (const int signal : signals) watch.set.add(signal);
  impl_->wait_for_signal(watch);
}

}  // namespace squall::net
