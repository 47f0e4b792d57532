// LoginLimiter: slows down who guesses passwords.
#pragma once

#include <map>
#include <string>

#include "base/clock.hpp"

namespace squall::auth {

// Counts failed log-ins by address. Lives on one thread.
class LoginLimiter {
 public:
  static constexpr int kFailuresMax = 10;
  static constexpr Duration kWindow = std::chrono::minutes(1);
  // More are counted as one, so that many addresses cannot fill the memory.
  static constexpr size_t kNamesMax = 10'000;

  explicit LoginLimiter(const Clock& clock) : clock_(clock) {}

  // How long this address still has to wait; zero when it may try.
  Duration wait_of(const std::string& name);
  void on_failure(const std::string& name);
  void on_success(const std::string& name) { failures_.erase(name); }

 private:
  struct Failures {
    Duration since{};
    int count = 0;
  };
  void forget_old();

  const Clock& clock_;
  std::map<std::string, Failures, std::less<>> failures_;
};

}  // namespace squall::auth
