// The runner `python-script`: actions written in Python (stackstorm-features.md D).
#pragma once

#include <memory>
#include <string>

#include "base/executor.hpp"
#include "process/process.hpp"
#include "runners/fork_server.hpp"
#include "runners/runner.hpp"
#include "runners/virtualenv.hpp"

namespace squall::runners {

struct PythonOptions {
  // The directory python/squall_runner: run_action.py and the packages that packs import.
  std::string runtime_directory;
  // What every action's environment starts from, e.g. process::inherited_environment().
  process::Environment environment;
  // Where conversions of Python 2 sources are kept, by their content; empty: nowhere.
  std::string python2_directory;
};

// The entry point is run in the interpreter of its pack (virtualenv.hpp), which is made first if need be; that time is
// not counted against `timeout`. Result {stdout, stderr, exit_code, result[, error]}. Parameters, config and everything
// else go over standard input: arguments can be read by every process of the machine. With `servers`, actions are
// forked from warm interpreters where that works; it makes no difference but in time.
std::unique_ptr<Runner> make_python_runner(Executor& executor, process::ProcessHost& processes,
                                           Virtualenvs& virtualenvs, PythonOptions options,
                                           ForkServers* servers = nullptr);

}  // namespace squall::runners
