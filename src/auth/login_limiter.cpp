#include "auth/login_limiter.hpp"

namespace squall::auth {

void LoginLimiter::forget_old() {
  const Duration now = clock_.monotonic();
  std::erase_if(failures_, [&](const auto& entry) { return now - entry.second.since >= kWindow; });
}

Duration LoginLimiter::wait_of(const std::string& name) {
  forget_old();
  const auto found = failures_.find(failures_.size() >= kNamesMax && !failures_.contains(name) ? "" : name);
  if (found == failures_.end() || found->second.count < kFailuresMax) return Duration::zero();
  return found->second.since + kWindow - clock_.monotonic();
}

void LoginLimiter::on_failure(const std::string& name) {
  forget_old();
  const bool full = failures_.size() >= kNamesMax && !failures_.contains(name);
  Failures& failures = failures_[full ? std::string() : name];
  if (failures.count == 0) failures.since = clock_.monotonic();
  ++failures.count;
}

}  // namespace squall::auth
