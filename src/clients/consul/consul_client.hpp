// ConsulClient: key-value store, transactions and catalog (kubernetes-aws-vault-consul.md section 6).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/stop_token.hpp"
#include "net/http_client.hpp"
#include "value/value.hpp"

namespace squall::clients {

struct ConsulSettings {
  std::string address;  // "http://127.0.0.1:8500"
  std::string token;
  std::string datacenter;  // empty: the agent's own
  std::string ca_file;

  // The pack's config first, then CONSUL_HTTP_ADDR (with or without a scheme), CONSUL_HTTP_TOKEN, CONSUL_CACERT,
  // CONSUL_HTTP_SSL; Consul's default address at last.
  static ConsulSettings read(const Value& config, const std::function<std::string(const std::string&)>& environment);
};

struct ConsulEntry {
  std::string key;
  std::string value;
  int64_t modify_index = 0;
};

inline constexpr size_t kConsulTxnOperationsMax = 64;  // Consul's limit

// Blocking, thread-safe, without state. Errors: kUnavailable (Consul is away or has no leader), kPermissionDenied,
// kConflict (a transaction was refused; the message says which operation).
class ConsulClient {
 public:
  ConsulClient(net::HttpClient& http, ConsulSettings settings) : http_(http), settings_(std::move(settings)) {}

  Result<std::optional<ConsulEntry>> get(const std::string& key, StopToken stop);
  Result<std::vector<ConsulEntry>> list(const std::string& prefix, StopToken stop);
  // False: the check-and-set did not hold. `cas`: the ModifyIndex that must be current, 0: the key must not exist.
  Result<bool> put(const std::string& key, const std::string& value, std::optional<int64_t> cas, StopToken stop);
  Result<bool> remove(const std::string& key, std::optional<int64_t> cas, StopToken stop);
  Status remove_tree(const std::string& prefix, StopToken stop);
  // Consul's own form of operations; all or nothing. The results.
  Result<Value> transaction(const Value& operations, StopToken stop);
  Status register_catalog(const Value& registration, StopToken stop);
  Status deregister_catalog(const Value& deregistration, StopToken stop);

 private:
  Result<net::HttpResponse> send(const std::string& method, const std::string& path, const std::string& query,
                                 std::string body, StopToken stop);

  net::HttpClient& http_;
  ConsulSettings settings_;
};

}  // namespace squall::clients
