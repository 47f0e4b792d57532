// ConsulClient: key-value store, sessions, transactions, catalog, agent and health
// (kubernetes-aws-vault-consul.md section 6).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/stop_token.hpp"
#include "clients/consul/blocking_query.hpp"
#include "clients/consul/consul_settings.hpp"
#include "net/http_client.hpp"
#include "value/value.hpp"

namespace squall::clients {

struct ConsulEntry {
  std::string key;
  std::string value;
  int64_t modify_index = 0;
  int64_t create_index = 0;
  int64_t lock_index = 0;  // how often it was locked; with `session` a fencing token
  int64_t flags = 0;
  std::string session;  // that holds it; empty: nobody
};

inline constexpr size_t kConsulTxnOperationsMax = 64;        // Consul's limit
inline constexpr size_t kConsulValueBytesMax = 512u * 1024;  // of one key; Consul's default

// How a key is written.
struct ConsulWrite {
  std::optional<int64_t> cas;  // the ModifyIndex that must be current, 0: the key must not exist
  int64_t flags = 0;
  std::string acquire, release;  // a session that takes or gives back the lock
};

// Blocking, thread-safe, without state. Errors by type(): ConsulNoLeader, ConsulRateLimited, ConsulUnavailable (all
// kUnavailable: the same call may work later), AccessDenied (kPermissionDenied), SessionLost and NotFound (kNotFound),
// TransactionRefused (kConflict; the message says which operation), ValueTooLarge (kLimit), ConsulError (kRemote).
class ConsulClient {
 public:
  ConsulClient(net::HttpClient& http, ConsulSettings settings) : http_(http), settings_(std::move(settings)) {}

  // ---- keys
  Result<std::optional<ConsulEntry>> get(const std::string& key, StopToken stop);
  // Waits as `query` says for something new about the key; takes the index into `query`.
  Result<std::optional<ConsulEntry>> watch(const std::string& key, BlockingQuery& query, StopToken stop);
  Result<std::vector<ConsulEntry>> list(const std::string& prefix, StopToken stop);
  // False: the check-and-set did not hold, or the lock is another's (or not held, at a release).
  Result<bool> put(const std::string& key, const std::string& value, const ConsulWrite& how, StopToken stop);
  Result<bool> remove(const std::string& key, std::optional<int64_t> cas, StopToken stop);
  Status remove_tree(const std::string& prefix, StopToken stop);

  // ---- transactions
  // Consul's own form of operations; all or nothing. The results.
  Result<Value> transaction(const Value& operations, StopToken stop);
  // Fails as any call when there is no leader. Changes nothing.
  Status check_leader(StopToken stop);

  // ---- sessions. `session`: Consul's fields (Name, TTL, Behavior, LockDelay, ...).
  Result<std::string> create_session(const Value& session, StopToken stop);
  // False: there is no such session (any more).
  Result<bool> renew_session(const std::string& id, StopToken stop);
  // The session, or null when there is none.
  Result<Value> find_session(const std::string& id, StopToken stop);
  Status destroy_session(const std::string& id, StopToken stop);

  // ---- catalog
  Status register_catalog(const Value& registration, StopToken stop);
  // The catalog's entry of a node, {Node, Services: {id: ...}}; null when there is none.
  Result<Value> catalog_node(const std::string& node, StopToken stop);
  Status deregister_catalog(const Value& deregistration, StopToken stop);
  // Instances of a service with their checks, Consul's /health/service.
  Result<Value> health_of(const std::string& service, const std::string& tag, bool passing_only, StopToken stop);

  // ---- the agent that this talks to
  Status register_service(const Value& service, StopToken stop);
  // False: the agent knows no such service.
  Result<bool> deregister_service(const std::string& id, StopToken stop);
  // `status`: passing, warning or critical. NotFound when the agent knows no such check.
  Status update_check(const std::string& id, const std::string& status, const std::string& output, StopToken stop);

 private:
  struct Call {
    std::string method, path;  // path below /v1/, encoded
    std::string query;         // without '?'
    std::string body;
    Duration timeout = std::chrono::seconds(20);
  };
  Result<net::HttpResponse> send(Call call, StopToken stop);
  // send() that fails with status_error() unless the answer is 200. `what` begins the message.
  Result<net::HttpResponse> expect(Call call, const std::string& what, StopToken stop);

  net::HttpClient& http_;
  ConsulSettings settings_;
};

}  // namespace squall::clients
