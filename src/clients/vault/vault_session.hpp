// VaultSession: requests to one Vault as one identity, with a token that is kept alive.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/stop_token.hpp"
#include "clients/vault/vault_settings.hpp"
#include "net/http_client.hpp"
#include "value/value.hpp"

namespace squall::clients {

struct VaultRequest {
  std::string method = "GET";
  std::string path;  // below /v1/, encoded; may have a query
  Value body;        // sent as JSON unless null
  const char* content_type = "application/json";
};

// Logs in when there is no token yet. A token with an end is renewed at two thirds of its lease, by whoever calls
// renew() when renewal_due() says so; near its last end a new login is made. An answer 403 is looked into: if the token
// is dead, one login and one more try follow; a live token that lacks a right gets the 403 passed on. Redirects of a
// standby are followed with the token.
//
// Blocking, thread-safe; calls that meet at a login share it. Tokens are registered with the log's mask.
class VaultSession {
 public:
  // `on_due_change` is called, without locks held, when renewal_due() may have become earlier.
  VaultSession(net::HttpClient& http, const Clock& clock, Random& random, VaultSettings settings,
               std::function<void()> on_due_change = {});

  // Whatever Vault answers. Errors: those of the transport and of the login; unreachable is of type "VaultUnavailable".
  Result<net::HttpResponse> send(const VaultRequest& request, const StopToken& stop);

  // When the token should be renewed, in Clock::monotonic(); nothing: not at all.
  std::optional<Duration> renewal_due() const;
  // Renews, or logs in anew. What goes wrong is logged, and tried again later.
  void renew(const StopToken& stop);

  const VaultSettings& settings() const { return settings_; }

 private:
  struct Lease {
    std::string token;
    Duration full{};  // what the first answer granted; zero: no end
    bool renewable = false;
    std::optional<Duration> due;
  };

  bool can_log_in() const { return settings_.auth != VaultAuth::kToken || !settings_.token_file.empty(); }
  Result<std::string> token(const StopToken& stop);
  // A token other than `dead`; a login of another call meanwhile counts.
  Result<std::string> token_after(const std::string& dead, const StopToken& stop);
  Result<Lease> log_in(const StopToken& stop);
  Result<Lease> token_lease() const;
  Result<std::string> secret_id(const StopToken& stop);
  Result<std::string> unwrap(const std::string& wrapping_token, const StopToken& stop);
  Lease granted(const Value& auth) const;
  Result<bool> is_alive(const std::string& token, const StopToken& stop);
  void learn_lease(const StopToken& stop);
  void keep(Lease lease);
  void set_due(const std::string& token, std::optional<Duration> due);
  Duration due_after(Duration lease) const;
  Result<net::HttpResponse> exchange(const VaultRequest& request, const std::string& token, const StopToken& stop);

  net::HttpClient& http_;
  const Clock& clock_;
  Random& random_;
  const VaultSettings settings_;
  const std::function<void()> on_due_change_;
  std::mutex login_mutex_;                            // held over a login, so that one is enough
  std::string unwrapped_secret_id_, unwrapped_from_;  // guarded by login_mutex_
  mutable std::mutex mutex_;
  Lease lease_;
};

}  // namespace squall::clients
