// ExecutionControl: what native actions may ask of the engine that runs them. Given by app/, which knows the engine.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "value/value.hpp"

namespace squall::runners {

// All of it runs on the executor's thread only: for actions with `runs_inline`. What is asked for is durable before the
// asking action's own end is, because commits keep their order.
struct ExecutionControl {
  // The document of an execution that is not final, else null. Valid until the executor's next turn.
  std::function<const Value*(std::string_view id)> live;
  // Ids of the unfinished executions for which `predicate` holds, oldest first.
  std::function<std::vector<std::string>(const std::function<bool(const Value&)>& predicate)> find_live;
  // True while an attempt of this execution, or of the task that this chain waits for, is with its runner: a call to
  // the outside may be under way. False between two attempts of a durable wait.
  std::function<bool(std::string_view id)> at_work;
  std::function<void(const std::string& id, const std::string& user)> cancel;
  // Starts an action after `delay`; `context` is merged into the execution's. `done` gets its id once it is durable, or
  // an empty id when it could not be started (the log says why).
  std::function<void(const std::string& action, const Value& parameters, const Value& context, Duration delay,
                     std::function<void(const std::string& id)> done)>
      start;
};

}  // namespace squall::runners
