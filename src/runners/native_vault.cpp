#include "runners/native_vault.hpp"

#include "base/strings.hpp"
#include "runners/native_patience.hpp"
#include "runners/native_vault_common.hpp"

namespace squall::runners {
namespace vault {

Error bad_parameter(const std::string& text) { return Error(ErrorCode::kInvalid, text).with_type("InvalidParameter"); }

Result<std::string> text_of(const NativeCall& call, const char* name) {
  std::string text(trim(call.parameters[name].string_or("")));
  if (text.empty()) return fail(bad_parameter(std::string("`") + name + "` is empty"));
  return text;
}

Result<Place> place_of(const NativeCall& call) {
  Place place{std::string(call.parameters["mount"].string_or("secret")), call.parameters["path"].string()};
  const auto strip = [](std::string& text) {
    while (text.starts_with("/")) text.erase(0, 1);
    while (text.ends_with("/")) text.pop_back();
  };
  strip(place.mount);
  strip(place.path);
  if (place.mount.empty()) return fail(bad_parameter("`mount` is empty"));
  if (place.path.empty()) return fail(bad_parameter("`path` is empty"));
  return place;
}

std::string reference_to(const Place& place, const std::string& key, int64_t version) {
  return clients::SecretReference{place.mount, place.path, key, version}.to_string();
}

Value merged(Value base, const Value& over) {
  if (!base.is_dict()) base = Value::empty_dict();
  if (over.is_dict()) {
    for (const auto& [key, value] : over.as_dict()) base.set(key, value);
  }
  return base;
}

Result<Value> resolve_all(const NativeCall& call, const Value& value) {
  if (value.is_string()) {
    SQ_TRY(std::string text, resolve_secret(call, value.as_string()));
    return Value(std::move(text));
  }
  if (value.is_dict()) {
    Value resolved = Value::empty_dict();
    for (const auto& [key, member] : value.as_dict()) {
      SQ_TRY(Value one, resolve_all(call, member));
      resolved.set(key, std::move(one));
    }
    return resolved;
  }
  if (value.is_list()) {
    Value resolved = Value::empty_list();
    for (const Value& item : value.as_list()) {
      SQ_TRY(Value one, resolve_all(call, item));
      resolved.push_back(std::move(one));
    }
    return resolved;
  }
  return value;
}

}  // namespace vault

Result<std::shared_ptr<clients::VaultClient>> vault_client(const NativeCall& call) {
  const Value& config = call.request.pack == "vault" ? call.request.config : call.request.vault_config;
  SQ_TRY(const clients::VaultSettings settings, clients::VaultSettings::read(config, call.services.environment));
  return call.services.vault->get(settings);
}

Result<std::string> resolve_secret(const NativeCall& call, std::string_view text) {
  SQ_TRY(const std::optional<clients::SecretReference> reference, clients::SecretReference::parse(text));
  if (!reference) return std::string(text);
  SQ_TRY(const auto vault, vault_client(call));
  return vault->resolve(*reference, call.stop);
}

void add_vault_actions(NativeRegistry& registry) {
  const auto add = [&](const char* name, NativeFunction run) {
    registry.add({std::string("vault.") + name, true, false, patient(std::move(run))});
  };
  add("kv_generate", vault::kv_generate);
  add("kv_put", vault::kv_put);
  add("kv_get", vault::kv_get);
  add("kv_list", vault::kv_list);
  add("kv_delete", vault::kv_delete);
  add("kv_undelete", vault::kv_undelete);
  add("kv_destroy", vault::kv_destroy);
  add("kv_metadata_get", vault::kv_metadata_get);
  add("kv_metadata_put", vault::kv_metadata_put);
  add("database_config", vault::database_config);
  add("database_config_get", vault::database_config_get);
  add("database_config_delete", vault::database_config_delete);
  add("database_rotate_root", vault::database_rotate_root);
  add("database_role", vault::database_role);
  add("database_role_delete", vault::database_role_delete);
  add("database_static_role", vault::database_static_role);
  add("database_static_role_delete", vault::database_static_role_delete);
  add("database_rotate_role", vault::database_rotate_role);
  add("database_creds", vault::database_creds);
  add("lease_renew", vault::lease_renew);
  add("lease_revoke", vault::lease_revoke);
}

}  // namespace squall::runners
