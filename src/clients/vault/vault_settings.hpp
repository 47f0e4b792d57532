// Where Vault is and who squall is there.
#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"
#include "net/http_client.hpp"
#include "value/value.hpp"

namespace squall::clients {

enum class VaultAuth { kToken, kAppRole, kKubernetes };

struct VaultSettings {
  std::string address;  // "https://vault.example.com:8200"
  VaultAuth auth = VaultAuth::kToken;
  std::string token;
  std::string token_file;             // read at each login; as Vault's agent writes it
  std::string role_id, secret_id;     // AppRole
  std::string secret_id_file;         // instead of secret_id; read at each login
  bool secret_id_is_wrapped = false;  // then secret_id is a wrapping token, good for one look
  std::string kubernetes_role;
  std::string kubernetes_token_file;  // the service account's token, read at each login: Kubernetes renews it
  std::string auth_mount;             // where the login method is mounted; "approle" or "kubernetes" as a rule
  std::string name_space;             // Vault Enterprise and HCP
  net::TlsOptions tls;

  // The pack's config first, then VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT, VAULT_CLIENT_CERT, VAULT_CLIENT_KEY,
  // VAULT_TLS_SERVER_NAME and VAULT_SKIP_VERIFY. Who we are: `auth` of the config, else what the config has
  // credentials for, else what the environment has (VAULT_KUBERNETES_ROLE, VAULT_ROLE_ID with VAULT_SECRET_ID or
  // VAULT_SECRET_ID_FILE, VAULT_TOKEN, VAULT_TOKEN_FILE). Secrets are registered with the log's mask.
  // Errors, of type "VaultNotConfigured", say what to set.
  static Result<VaultSettings> read(const Value& config,
                                    const std::function<std::string(const std::string&)>& environment);
  // The same for both means that a login can be shared.
  std::string identity() const;
};

}  // namespace squall::clients
