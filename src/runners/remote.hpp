// The runners `remote-shell-cmd` and `remote-shell-script`: commands and scripts on other hosts, through SSH
// (stackstorm-features.md C-3, C-4).
#pragma once

#include <memory>

#include "base/executor.hpp"
#include "clients/ssh/ssh.hpp"
#include "runners/runner.hpp"

namespace squall::runners {

struct RemoteOptions {
  ssh::Options ssh;
  bool allow_partial_failure = false;  // succeeded when one host succeeded, instead of when all did
};

// Result {HOST: {failed, succeeded, return_code, stdout, stderr[, timeout, error, traceback]}}; {error, traceback} when
// no host could be reached. Output streams when there is exactly one host. Hosts are worked on by threads of the
// runner: one after another, or with `parallel` a third of them at a time. `timeout` counts from the start of the
// command on each host; then, and at a stop, the command is sent SIGTERM and SIGKILL, and the outcome comes within 2 s.
std::unique_ptr<Runner> make_remote_shell_runner(Executor& executor, RemoteOptions options);

// The entry point and the directory `lib` beside it are copied to a directory of the execution's own under `dir`, which
// is removed at the end.
std::unique_ptr<Runner> make_remote_script_runner(Executor& executor, RemoteOptions options);

}  // namespace squall::runners
