// Runners written in Python: those of StackStorm's plug-in interface from a directory of the site
// (stackstorm-features.md C-13), and the Windows runners, which are written in the same way (C-12).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/executor.hpp"
#include "process/process.hpp"
#include "runners/runner.hpp"
#include "runners/virtualenv.hpp"

namespace squall::runners {

struct HostedRunnerType {
  std::string name;
  std::string directory;  // of the runner: may have a requirements.txt, for a virtualenv of its own
  std::string package;    // the Python package and in it
  std::string module;     // the module with get_runner()
  Value parameters;       // runner_parameters, as in runner.yaml
};

struct HostedOptions {
  std::string runtime_directory;     // python/squall_runner
  process::Environment environment;  // what every runner's environment starts from
};

// Each action is a process of its own: get_runner() makes the runner, then pre_run(), run() and post_run() are called.
// The outcome is what run() returns. At a stop the runner's cancel() is called. A `timeout` parameter is the runner's
// own affair; its process is ended when it lets it pass by more than kHostedGrace.
inline constexpr Duration kHostedGrace = std::chrono::seconds(15);
std::unique_ptr<Runner> make_hosted_runner(Executor& executor, process::ProcessHost& processes,
                                           Virtualenvs& virtualenvs, HostedRunnerType type, HostedOptions options);

// Reads DIR/*/runner.yaml (one entry or a list of them) of each directory. A file that cannot be used is told in the
// log and left out. `documents` are the runner types as records, without ids.
struct HostedRunnerTypes {
  std::vector<HostedRunnerType> types;
  std::vector<Value> documents;
};
HostedRunnerTypes find_hosted_runners(const std::vector<std::string>& directories);

// winrm-cmd, winrm-ps-cmd and winrm-ps-script; `directory` is python/runners.
std::vector<HostedRunnerType> winrm_runner_types(const std::string& directory);

}  // namespace squall::runners
