// Native actions of the pack `vault`, and secret references for the other packs.
#pragma once

#include "clients/vault/vault_client.hpp"
#include "runners/native.hpp"

namespace squall::runners {

// vault.kv_generate, kv_put, kv_get, kv_delete, kv_metadata_put.
void add_vault_actions(NativeRegistry& registry);

// The secret that a "secretref://vault/MOUNT/PATH#KEY" text stands for; any other text is given back unchanged.
// Blocking. Vault's address and credentials come from the config of the pack `vault`, else from the environment.
Result<std::string> resolve_secret(const NativeCall& call, std::string_view text);

// The client for this call's Vault; logins are shared between calls.
Result<std::shared_ptr<clients::VaultClient>> vault_client(const NativeCall& call);

}  // namespace squall::runners
