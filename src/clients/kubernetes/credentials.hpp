// Credentials: who we are at one cluster, kept fresh.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "clients/kubernetes/exec_plugin.hpp"
#include "clients/kubernetes/kubeconfig.hpp"
#include "net/http_client.hpp"

namespace squall::kubernetes {

inline constexpr Duration kTokenFileReadEvery = std::chrono::seconds(60);

// What goes into a request.
struct Authorization {
  uint64_t generation = 0;  // another number means other credentials
  std::string token;
  std::string username, password;
  std::string certificate_pem, key_pem;  // from an exec plugin; empty: those of the configuration

  void apply_to(net::HttpRequest& request) const;
};

// Made and held by a Client. Thread-safe. A token file is read again every kTokenFileReadEvery (its last good content is
// kept when that fails); an exec plugin runs again once what it gave has expired, one run at a time for all who wait.
class Credentials : public std::enable_shared_from_this<Credentials> {
 public:
  using Done = std::function<void(Result<Authorization>)>;

  Credentials(Configuration configuration, PluginRunner plugin_runner, const Clock& clock);

  // Calls `done` exactly once: at once on this thread, or later on the plugin runner's.
  void get(Done done);
  // The server said 401 to these: what can be renewed is renewed by the next get().
  void reject(uint64_t generation);

 private:
  Result<Authorization> read_token_file_locked();
  void finish_plugin(Result<std::string> output);

  const Configuration configuration_;
  const PluginRunner plugin_runner_;
  const Clock& clock_;

  std::mutex mutex_;
  Authorization current_;
  bool stale_ = true;                   // current_ must be renewed before use
  Duration token_read_at_{};            // monotonic
  std::optional<Timestamp> expires_;    // of a plugin's answer
  std::vector<Done> waiting_;           // for the plugin that runs now
};

}  // namespace squall::kubernetes
