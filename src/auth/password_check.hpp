// PasswordCheck: passwords are checked away from the engine's thread, for a good hash takes a while on purpose.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "auth/password_file.hpp"
#include "base/executor.hpp"

namespace squall::auth {

// One thread that checks one password after another. Made and destroyed on the executor's thread; what is still queued
// then is never answered.
class PasswordCheck {
 public:
  // How many may wait; more are refused.
  static constexpr size_t kQueueMax = 64;

  PasswordCheck(Executor& executor, std::string file);
  ~PasswordCheck();
  PasswordCheck(const PasswordCheck&) = delete;
  PasswordCheck& operator=(const PasswordCheck&) = delete;

  // `done` comes on the executor's thread. False, and no answer, when too many wait.
  bool ask(std::string user, std::string password, std::function<void(bool)> done);

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace squall::auth
