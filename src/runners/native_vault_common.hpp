// What the files of the vault actions share.
#pragma once

#include "clients/vault/vault_client.hpp"
#include "runners/native.hpp"

namespace squall::runners::vault {

// Where a secret is: parameters `mount` and `path`, without slashes at the ends.
struct Place {
  std::string mount, path;
  std::string name() const { return mount + "/" + path; }
};
Result<Place> place_of(const NativeCall& call);

std::string reference_to(const Place& place, const std::string& key, int64_t version = 0);
Error bad_parameter(const std::string& text);
// A required text without blanks at its ends.
Result<std::string> text_of(const NativeCall& call, const char* name);
// `over` put over `base`, key by key.
Value merged(Value base, const Value& over);
// Texts that are handles become the secrets they stand for, at any depth.
Result<Value> resolve_all(const NativeCall& call, const Value& value);

Result<NativeAnswer> kv_generate(const NativeCall& call);
Result<NativeAnswer> kv_put(const NativeCall& call);
Result<NativeAnswer> kv_get(const NativeCall& call);
Result<NativeAnswer> kv_list(const NativeCall& call);
Result<NativeAnswer> kv_delete(const NativeCall& call);
Result<NativeAnswer> kv_undelete(const NativeCall& call);
Result<NativeAnswer> kv_destroy(const NativeCall& call);
Result<NativeAnswer> kv_metadata_get(const NativeCall& call);
Result<NativeAnswer> kv_metadata_put(const NativeCall& call);

Result<NativeAnswer> database_config(const NativeCall& call);
Result<NativeAnswer> database_config_get(const NativeCall& call);
Result<NativeAnswer> database_config_delete(const NativeCall& call);
Result<NativeAnswer> database_rotate_root(const NativeCall& call);
Result<NativeAnswer> database_role(const NativeCall& call);
Result<NativeAnswer> database_role_delete(const NativeCall& call);
Result<NativeAnswer> database_static_role(const NativeCall& call);
Result<NativeAnswer> database_static_role_delete(const NativeCall& call);
Result<NativeAnswer> database_rotate_role(const NativeCall& call);
Result<NativeAnswer> database_creds(const NativeCall& call);
Result<NativeAnswer> lease_renew(const NativeCall& call);
Result<NativeAnswer> lease_revoke(const NativeCall& call);

}  // namespace squall::runners::vault
