// What the remote runners send to a host (stackstorm-features.md C-3, C-4).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "process/environment.hpp"
#include "value/value.hpp"

namespace squall::runners {

// One entry of the parameter `hosts`. `name` is its key in the result: the host without a port, as in StackStorm, but
// with the port where the same host is named twice with different ones.
struct RemoteHost {
  std::string name;
  std::string host;
  int port = 0;
};

// The entries of "a, b:2222", each once. An error names the bad entry; no host at all is one too.
Result<std::vector<RemoteHost>> remote_hosts(std::string_view hosts, int default_port);

// "export A=b C=d && cd /tmp && command": what the login shell is to do.
std::string remote_script(const process::Environment& environment, std::string_view directory,
                          std::string_view command);

// A command line that is the same for every script, and what goes to its standard input. Everything that can be secret
// (values of the environment, tokens, the password for sudo) is in the input alone: command lines can be read by every
// user of a host.
struct RemoteLaunch {
  std::string command;
  std::string input;
};
// A command line that sends a signal to the process group of a launch with this mark. It needs pgrep on the host.
std::string remote_signal(std::string_view mark, std::string_view signal);

// `mark` is text that stands in no script, e.g. the id of the execution. With `sudo` the script runs as root.
RemoteLaunch remote_launch(std::string_view script, std::string_view mark, bool sudo, std::string_view sudo_password);

}  // namespace squall::runners
