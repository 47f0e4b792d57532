// Exec plugins: programs that print credentials for a cluster (client.authentication.k8s.io).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "clients/kubernetes/kubeconfig.hpp"

namespace squall::process {
class ProcessHost;
}

namespace squall::kubernetes {

inline constexpr Duration kExecPluginTimeout = std::chrono::seconds(60);

struct ExecCredential {
  std::string token;                          // empty when it gave a certificate only
  std::string certificate_pem, key_pem;       // both or none
  std::optional<Timestamp> expires;
};

// Runs a plugin with its input in KUBERNETES_EXEC_INFO; `done` gets its standard output, exactly once, on any thread.
using PluginRunner = std::function<void(const ExecPlugin& plugin, std::function<void(Result<std::string>)> done)>;

// Runs plugins as child processes: squall's own environment and the plugin's, no terminal, killed after kExecPluginTimeout.
// Errors name the command, tell how it ended and give the end of its standard error. `host` must outlive the runner.
PluginRunner make_plugin_runner(process::ProcessHost& host);

// Text of KUBERNETES_EXEC_INFO for this plugin.
std::string exec_info(const ExecPlugin& plugin);

// Reads what a plugin printed: an ExecCredential of the plugin's own apiVersion whose status has a token, or a client
// certificate with its key. Errors never quote it.
Result<ExecCredential> parse_exec_credential(std::string_view output, const ExecPlugin& plugin);

}  // namespace squall::kubernetes
