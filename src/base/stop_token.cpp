#include "base/stop_token.hpp"

namespace squall {

bool StopState::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

void StopState::on_stop(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) {
      callbacks_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

void StopState::stop() {
  std::vector<std::function<void()>> callbacks;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    callbacks.swap(callbacks_);
  }
  for (const auto& callback : callbacks) callback();
}

}  // namespace squall
