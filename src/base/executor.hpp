// Executor: the one thread on which the engine and all edges keep their state.
#pragma once

#include <cstdint>
#include <functional>

#include "base/clock.hpp"

namespace squall {

// Runs functions one after another on one thread. The engine, the HTTP sessions and the sensors all live on the same
// executor, so none of them needs a lock: other threads (store, curl, native action pool) hand their results in by
// post().
class Executor {
 public:
  using TimerId = uint64_t;

  virtual ~Executor() = default;

  // Queues `task`; never runs it inside the call. Thread-safe. Tasks posted after the executor stopped are dropped.
  virtual void post(std::function<void()> task) = 0;
  // Runs `task` once, `delay` from now or a little later. Thread-safe.
  virtual TimerId post_after(Duration delay, std::function<void()> task) = 0;
  // Drops a timer that has not fired. Harmless if it has. Thread-safe.
  virtual void cancel(TimerId timer) = 0;
  // True on the executor's own thread.
  virtual bool is_current() const = 0;
};

}  // namespace squall
