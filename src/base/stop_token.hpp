// Cooperative cancellation: a StopSource says stop once, every StopToken of it knows. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace squall {

class StopState {
 public:
  bool stopped() const;
  // Runs `callback` on the stopping thread at the stop, or at once if stopped already.
  void on_stop(std::function<void()> callback);
  void stop();

 private:
  mutable std::mutex mutex_;
  bool stopped_ = false;
  std::vector<std::function<void()>> callbacks_;
};

// Given to whatever may have to end early. A default-made token never stops.
class StopToken {
 public:
  StopToken() = default;
  explicit StopToken(std::shared_ptr<StopState> state) : state_(std::move(state)) {}
  bool stopped() const { return state_ != nullptr && state_->stopped(); }
  void on_stop(std::function<void()> callback) const {
    if (state_ != nullptr) state_->on_stop(std::move(callback));
  }

 private:
  std::shared_ptr<StopState> state_;
};

class StopSource {
 public:
  StopSource() : state_(std::make_shared<StopState>()) {}
  StopToken token() const { return StopToken(state_); }
  // Only the first call has an effect.
  void stop() { state_->stop(); }
  bool stopped() const { return state_->stopped(); }

 private:
  std::shared_ptr<StopState> state_;
};

}  // namespace squall
