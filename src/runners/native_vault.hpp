// Native actions of the pack `vault`, and secret references for the other packs.
#pragma once

#include "clients/vault/vault_client.hpp"
#include "runners/native.hpp"

namespace squall::runners {

// Secrets (KV version 1 and 2): vault.kv_generate, kv_put, kv_get, kv_list, kv_delete, kv_undelete, kv_destroy,
// kv_metadata_get, kv_metadata_put. Database engine: database_config, database_config_get, database_config_delete,
// database_rotate_root, database_role, database_role_delete, database_static_role, database_static_role_delete,
// database_rotate_role, database_creds, lease_renew, lease_revoke. All wait while Vault is sealed or away; see
// native_patience.hpp.
void add_vault_actions(NativeRegistry& registry);

// The secret that a "secretref://vault/MOUNT/PATH#KEY" text stands for; any other text is given back unchanged.
// Blocking. Vault's address and credentials come from the config of the pack `vault`, else from the environment.
Result<std::string> resolve_secret(const NativeCall& call, std::string_view text);

// The client for this call's Vault; logins are shared between calls.
Result<std::shared_ptr<clients::VaultClient>> vault_client(const NativeCall& call);

}  // namespace squall::runners
