// Where a Kubernetes cluster is and who we are there: kubeconfig files and the in-cluster service account.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "net/http_client.hpp"
#include "value/value.hpp"

namespace squall::kubernetes {

// A program that prints credentials (client.authentication.k8s.io).
struct ExecPlugin {
  std::string command;  // absolute, or a name that is looked up in PATH
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  // on top of what squall itself has
  std::string api_version;                                       // "client.authentication.k8s.io/v1" or ".../v1beta1"
  std::string install_hint;
  Value cluster_info;  // spec.cluster of its input; null unless provideClusterInfo
};

// `as`, `as-uid`, `as-groups` and `as-user-extra` of a user.
struct Impersonation {
  std::string user;
  std::string uid;
  std::vector<std::string> groups;
  std::vector<std::pair<std::string, std::vector<std::string>>> extra;
};

// One context of a kubeconfig, everything looked up. Files named in it are absolute.
struct Configuration {
  std::string source;   // for messages: the file of the context, or "in-cluster"
  std::string context;  // empty when in-cluster
  std::string cluster;  // name of the cluster; "in-cluster" when in-cluster
  std::string server;   // "https://host:port[/path]" without a slash at the end
  std::string default_namespace = "default";
  std::string proxy_url;  // empty: from the environment
  bool compression = true;
  net::TlsOptions tls;    // with the client certificate, if any

  // At most one of these ways to say who we are is used, in this order. All empty: anonymous.
  std::string token_file;          // read again and again, because its token is replaced while it lives
  std::string token;
  std::string username, password;  // basic authentication: only servers before 1.19 and proxies know it
  std::optional<ExecPlugin> exec;  // ignored when a client certificate is given, as kubectl does
  Impersonation impersonation;

  std::vector<std::string> files;  // what was read; a change of one of them makes this configuration stale
};

// type() of the error when nothing says where a cluster is.
inline constexpr const char* kNoCluster = "NoCluster";

struct ConfigurationOptions {
  std::string path;     // one file that must exist; empty: $KUBECONFIG, else ~/.kube/config, else in-cluster
  std::string context;  // empty: current-context
  // Value of an environment variable, empty when unset. Empty function: the process's own.
  std::function<std::string(const std::string&)> environment;
  std::string service_account_directory = "/var/run/secrets/kubernetes.io/serviceaccount";
};

// Loads the configuration as kubectl does: files of $KUBECONFIG are merged, the first one to name a context, cluster or
// user wins, missing ones are skipped. Errors (kInvalid, kNotFound, kIo) name the file and the entry, never a secret.
Result<Configuration> load_configuration(const ConfigurationOptions& options);

// Value of a variable of this process, empty when unset.
std::string process_environment(const std::string& name);

}  // namespace squall::kubernetes
