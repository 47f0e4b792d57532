// The command line: `squall serve` and the client commands that talk to a running squall over its API.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace squall::cli {

// What `squall serve` was given; empty members were not given.
struct ServeArguments {
  std::string data, listen, config, configs, user, log_level, log_format, tls_certificate, tls_key, timezone,
      auth_htpasswd;
  std::string encryption_key_path, overrides, watch, rbac, rbac_isolation, webhooks;
  bool st2_ports = false;
  std::vector<std::string> packs, index_urls;
};

// What the command line needs from the program around it.
struct Hooks {
  std::string version;
  std::function<std::string(const std::string&)> environment;
  std::function<int(const ServeArguments&)> serve;
  std::function<Result<std::string>()> share_directory;  // where python/ and packs/ are
};

// Parses the arguments and runs the command. The exit codes are those of commands.hpp, and of the program that
// Hooks::serve runs.
int run(int argc, char** argv, const Hooks& hooks);

}  // namespace squall::cli
