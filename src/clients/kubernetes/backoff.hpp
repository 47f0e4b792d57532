// Backoff: growing delays between tries, with jitter.
#pragma once

#include <algorithm>
#include <optional>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace squall::kubernetes {

// As client-go's reflector: 0.8 s, doubled up to 30 s, begun anew after two minutes without a failure. The delay is spread
// evenly over its upper half, so that many informers do not come back at the same moment. Not thread-safe.
class Backoff {
 public:
  struct Limits {
    Duration first = std::chrono::milliseconds(800);
    Duration max = std::chrono::seconds(30);
    Duration reset_after = std::chrono::minutes(2);
  };

  Backoff(Limits limits, Random& random) : limits_(limits), random_(random), delay_(limits.first) {}

  // How long to wait after a failure at this (monotonic) time.
  Duration next(Duration now) {
    if (last_ && now - *last_ > limits_.reset_after) delay_ = limits_.first;
    last_ = now;
    const Duration delay = delay_;
    delay_ = std::min(delay_ * 2, limits_.max);
    const int64_t half = std::max<int64_t>(delay.count() / 2, 1);
    return Duration(delay.count() - half + static_cast<int64_t>(random_.below(static_cast<uint64_t>(half) + 1)));
  }
  void reset() {
    delay_ = limits_.first;
    last_.reset();
  }

 private:
  const Limits limits_;
  Random& random_;
  Duration delay_;
  std::optional<Duration> last_;
};

}  // namespace squall::kubernetes
