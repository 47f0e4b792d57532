// Interrupt: ends what a thread waits for at an SSH connection, from another thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "process/unique_fd.hpp"

namespace squall::ssh {

// One for each connection. Thread-safe. libssh waits in blocking calls that nothing but the end of the connection wakes
// up, so that is what breaks them off. Once a connection is logged in, a stop is only told, so that what was begun on
// the host can be ended.
class Interrupt {
 public:
  Interrupt();

  // What goes on is asked to end; connecting and logging in are broken off.
  void stop();
  // Every wait is broken off at once, and all that follow.
  void break_off();

  bool stopped() const;
  bool broken() const;

  // For the thread that is to be interrupted. The socket to shut down when it has to end; -1 when there is none (any
  // more).
  void watch(int socket);
  // From now on stop() shuts nothing down. It is told by stopped(), and by wake_fd(), which becomes readable.
  void end_in_order();
  int wake_fd() const { return wake_.get(); }
  // There is still something to tidy up: what a stop said is forgotten.
  void forget_stop();

 private:
  void end_socket();  // the mutex is held

  mutable std::mutex mutex_;
  process::UniqueFd wake_;
  int socket_ = -1;
  bool in_order_ = false;
  bool stopped_ = false;
  bool broken_ = false;
};

// Breaks an interrupt off when it lives for longer than `time` (zero: for ever).
class TimeLimit {
 public:
  TimeLimit(Executor& executor, const std::shared_ptr<Interrupt>& interrupt, Duration time);
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;
  bool passed() const;

 private:
  Executor& executor_;
  std::shared_ptr<std::atomic<bool>> passed_ = std::make_shared<std::atomic<bool>>(false);
  Executor::TimerId timer_ = 0;
};

}  // namespace squall::ssh
