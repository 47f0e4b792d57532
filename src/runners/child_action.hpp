// run_child(): an action that is one child process, from start to outcome.
#pragma once

#include <functional>

#include "process/process.hpp"
#include "runners/runner.hpp"

namespace squall::runners {

// What stays the same for all actions of one runner.
struct ChildContext {
  std::string runner;  // its name, for errors
  Executor& executor;
  process::ProcessHost& processes;
};

// What is to be started.
struct ChildLaunch {
  process::ProcessSpec spec;
  std::string fork_socket;  // when not empty: by the fork server that listens there
  // What to do when that server does not do it. Called at most once; then nothing else of this run is called.
  std::function<void(const Error&)> on_refused;
};

// Makes the outcome of a process that ended; `result` may be changed. The status is replaced by "canceled" when the process
// failed after a stop, and by "abandoned" when squall killed it because squall itself ends.
using Conclude = std::function<ActionOutcome(process::ProcessResult& result)>;

// Starts the process, passes its output on, stops it with the token (SIGTERM to the group, SIGKILL kTimeoutGrace later), and
// calls handlers.on_done exactly once on the executor, never inside this call. `filter`, when set, sees every piece of
// output first and hands on what others may see.
using OutputFilter = std::function<void(OutputKind, std::string_view chunk, const RunHandlers& next)>;
void run_child(const ChildContext& context, ChildLaunch launch, const StopToken& stop, RunHandlers handlers,
               Conclude conclude, OutputFilter filter = nullptr);

}  // namespace squall::runners
