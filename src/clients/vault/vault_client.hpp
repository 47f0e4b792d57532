// VaultClient: the parts of Vault's HTTP API that squall uses (kubernetes-aws-vault-consul.md section 5).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/stop_token.hpp"
#include "net/http_client.hpp"
#include "value/value.hpp"

namespace squall::clients {

// Where Vault is and how to log in: AppRole when role_id is set, else the token.
struct VaultSettings {
  std::string address;
  std::string token;
  std::string role_id, secret_id;
  std::string name_space;  // Vault Enterprise
  std::string ca_file;
  bool verify = true;

  // The pack's config first, then VAULT_ADDR, VAULT_TOKEN, VAULT_ROLE_ID, VAULT_SECRET_ID, VAULT_NAMESPACE,
  // VAULT_CACERT, VAULT_SKIP_VERIFY. kInvalid that says what to set when there is no address or no credentials.
  static Result<VaultSettings> read(const Value& config,
                                    const std::function<std::string(const std::string&)>& environment);
  bool operator==(const VaultSettings&) const = default;
};

// A version of a secret in a KV version 2 engine.
struct VaultSecret {
  Value data;           // null when the version is deleted
  int64_t version = 0;  // 0: the path was never written
};

// Blocking, thread-safe. Tokens and secrets that pass through are registered with the log's mask. Errors: kUnavailable
// when Vault is away, sealed or a standby; kPermissionDenied for 403; kConflict for a check-and-set mismatch; they name
// the path.
class VaultClient {
 public:
  VaultClient(net::HttpClient& http, VaultSettings settings) : http_(http), settings_(std::move(settings)) {}

  // The latest version; version 0 and null data when the path is unknown. A deleted latest version has null data.
  Result<VaultSecret> read(const std::string& mount, const std::string& path, StopToken stop);
  // The new version. `cas`: the version that must be current, 0: the path must not exist; nothing: whatever is there.
  Result<int64_t> write(const std::string& mount, const std::string& path, const Value& data,
                        std::optional<int64_t> cas, StopToken stop);
  // Soft: the latest version can be undeleted.
  Status remove_latest(const std::string& mount, const std::string& path, StopToken stop);
  // All versions and the metadata. False when there was nothing.
  Result<bool> remove_all(const std::string& mount, const std::string& path, StopToken stop);
  Status put_metadata(const std::string& mount, const std::string& path, const Value& custom_metadata, StopToken stop);

  const VaultSettings& settings() const { return settings_; }

 private:
  Result<net::HttpResponse> send(const std::string& method, const std::string& path, const Value& body, StopToken stop);
  Result<net::HttpResponse> send_once(const std::string& method, const std::string& path, const Value& body,
                                      const std::string& token, StopToken stop);
  Result<std::string> login(bool anew, StopToken stop);

  net::HttpClient& http_;
  const VaultSettings settings_;
  std::mutex mutex_;
  std::string approle_token_;
};

// One client for each distinct settings, so that a login is shared. Thread-safe.
class VaultClients {
 public:
  explicit VaultClients(net::HttpClient& http) : http_(http) {}
  std::shared_ptr<VaultClient> get(const VaultSettings& settings);

 private:
  net::HttpClient& http_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<VaultClient>> clients_;
};

// "secretref://vault/<mount>/<path>#<key>": where a secret is, instead of the secret.
struct SecretReference {
  std::string mount, path, key;
  std::string to_string() const;
  // Nothing when the text is no handle; an error when it is a malformed one.
  static Result<std::optional<SecretReference>> parse(std::string_view text);
};

}  // namespace squall::clients
