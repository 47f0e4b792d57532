// The runners `local-shell-cmd` and `local-shell-script`: commands on squall's own machine.
#pragma once

#include <memory>
#include <string>

#include "process/environment.hpp"
#include "process/process.hpp"
#include "runners/runner.hpp"

namespace squall::runners {

struct LocalOptions {
  // What every command's environment starts from, e.g. process::inherited_environment().
  process::Environment environment;
  // Commands run as this user, through sudo, when it is not squall's own. Empty: as squall itself.
  std::string system_user;
};

// A parameter `cmd`, run by /bin/sh. Result {failed, succeeded, return_code, stdout, stderr[, error]}; stdout and
// stderr that are JSON become values. 0: succeeded, -9: timeout, -15: abandoned, else failed (stackstorm-features.md
// C-1). Standard input is empty.
std::unique_ptr<Runner> make_local_shell_runner(Executor& executor, process::ProcessHost& processes,
                                                LocalOptions options);

// The entry point, made executable and run with the parameters as arguments (script_arguments.hpp); else the same.
std::unique_ptr<Runner> make_local_script_runner(Executor& executor, process::ProcessHost& processes,
                                                 LocalOptions options);

}  // namespace squall::runners
