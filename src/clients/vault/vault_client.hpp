// VaultClient: the parts of Vault's HTTP API that squall uses (kubernetes-aws-vault-consul.md section 5).
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "clients/vault/secret_reference.hpp"
#include "clients/vault/vault_session.hpp"

namespace squall::clients {

// One version of a secret. In a KV version 1 engine a secret has no versions: `version` is 0.
struct VaultSecret {
  Value data;             // null when there is none or it is deleted
  int64_t version = 0;    // 0: the path was never written
  Value custom_metadata;  // dict or null
  bool has_versions = true;
};

// What is mounted where a path leads.
struct VaultMount {
  std::string path;  // without a slash at its end
  std::string type;  // "kv", "database", ...; empty: Vault did not tell
  int kv_version = 2;
};

// Blocking, thread-safe. Tokens and secrets that pass through are registered with the log's mask. Errors are those of
// VaultSession::send() and vault_error(), and name the path; "KvVersion1" (kInvalid) for what only version 2 can do.
// `mount` and `path` are put together and split where the mount really ends, so that mounts with slashes work.
class VaultClient {
 public:
  explicit VaultClient(std::shared_ptr<VaultSession> session) : session_(std::move(session)) {}

  // `version` 0: the latest. An unknown path has version 0 and null data; a deleted version has null data.
  Result<VaultSecret> read(const std::string& mount, const std::string& path, StopToken stop, int64_t version = 0);
  // The new version. `cas`: the version that must be current, 0: the path must not exist; nothing: whatever is there.
  Result<int64_t> write(const std::string& mount, const std::string& path, const Value& data,
                        std::optional<int64_t> cas, StopToken stop);
  // Soft: the latest version can be undeleted. (In version 1: gone.)
  Status remove_latest(const std::string& mount, const std::string& path, StopToken stop);
  // `what`: "delete" (soft), "undelete" or "destroy" (the data is gone for good). Unknown versions are passed over.
  Status change_versions(const std::string& what, const std::string& mount, const std::string& path,
                         const Value& versions, StopToken stop);
  // All versions and the metadata. False when there was nothing.
  Result<bool> remove_all(const std::string& mount, const std::string& path, StopToken stop);
  // Vault's metadata record (current_version, custom_metadata, versions, ...); null when the path is unknown.
  Result<Value> metadata(const std::string& mount, const std::string& path, StopToken stop);
  // `fields`: custom_metadata, max_versions, cas_required, delete_version_after. With `merge`, keys of custom_metadata
  // that are not named stay, and null removes one; without, it is replaced as a whole.
  Status put_metadata(const std::string& mount, const std::string& path, const Value& fields, bool merge,
                      StopToken stop);
  // Names one level below `path`; folders end with a slash.
  Result<Value> list(const std::string& mount, const std::string& path, StopToken stop);

  // Any other path of the API, encoded; the whole answer. `what` begins an error's message.
  Result<Value> call(const VaultRequest& request, const std::string& what, StopToken stop);
  // The secret of a reference. NotFound when it leads nowhere.
  Result<std::string> resolve(const SecretReference& reference, StopToken stop);
  Result<VaultMount> mount_of(const std::string& full_path, StopToken stop);

  const VaultSettings& settings() const { return session_->settings(); }

 private:
  struct Place {
    VaultMount mount;
    std::string path;
    std::string name() const { return mount.path + "/" + path; }
    std::string url(const char* kind) const;  // of version 2
  };
  Result<Place> place(const std::string& mount, const std::string& path, const StopToken& stop);
  Result<Place> versioned_place(const std::string& mount, const std::string& path, const StopToken& stop);

  const std::shared_ptr<VaultSession> session_;
  std::mutex mutex_;
  std::vector<VaultMount> mounts_;
};

// One client for each Vault and identity, so that a login is shared; a thread renews their tokens. Thread-safe.
class VaultClients {
 public:
  VaultClients(net::HttpClient& http, const Clock& clock, Random& random);
  ~VaultClients();  // ends renewals in flight
  VaultClients(const VaultClients&) = delete;
  VaultClients& operator=(const VaultClients&) = delete;

  std::shared_ptr<VaultClient> get(const VaultSettings& settings);

 private:
  struct Renewals;

  net::HttpClient& http_;
  const Clock& clock_;
  Random& random_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<VaultClient>> clients_;  // by identity
  std::shared_ptr<Renewals> renewals_;
};

std::shared_ptr<VaultClients> make_vault_clients(net::HttpClient& http, const Clock& clock, Random& random);

}  // namespace squall::clients
