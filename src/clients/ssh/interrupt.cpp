#include "clients/ssh/interrupt.hpp"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/assert.hpp"

namespace squall::ssh {

Interrupt::Interrupt() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { SQ_ASSERT(wake_.valid()); }

void Interrupt::end_socket() {
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
}

void Interrupt::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
  if (!in_order_) end_socket();
}

void Interrupt::break_off() {
  const std::lock_guard lock(mutex_);
  broken_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
  end_socket();
}

bool Interrupt::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_ || broken_;
}

bool Interrupt::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

void Interrupt::watch(int socket) {
  const std::lock_guard lock(mutex_);
  socket_ = socket;
  if (broken_ || (stopped_ && !in_order_)) end_socket();
}

void Interrupt::end_in_order() {
  const std::lock_guard lock(mutex_);
  in_order_ = true;
}

void Interrupt::forget_stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = false;
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
}

TimeLimit::TimeLimit(Executor& executor, const std::shared_ptr<Interrupt>& interrupt, Duration time)
    : executor_(executor) {
  if (time <= Duration::zero()) return;
  timer_ = executor.post_after(time, [passed = passed_, weak = std::weak_ptr(interrupt)] {
    passed->store(true);
    if (const auto target = weak.lock()) target->break_off();
  });
}

TimeLimit::~TimeLimit() {
  if (timer_ != 0) executor_.cancel(timer_);
}

bool TimeLimit::passed() const { return passed_->load(); }

}  // namespace squall::ssh
