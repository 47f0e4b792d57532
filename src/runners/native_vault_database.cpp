// vault.database_*: Vault's database engine (kubernetes-aws-vault-consul.md section 5). Passwords stay in Vault.
//
// Root rotation: once Vault has made a root password of its own, the one that we know is dead, and a config write that
// carries it would lock Vault out. So a mark in the custom metadata of a KV secret says that a rotation began, before
// it begins; from then on config writes leave user name and password out.
#include "base/strings.hpp"
#include "runners/native_vault.hpp"
#include "runners/native_vault_common.hpp"

namespace squall::runners::vault {
namespace {

using clients::VaultClient;

constexpr const char* kEngine = "database";
constexpr const char* kRotating = "started";
constexpr const char* kRotated = "done";

struct Config {
  std::string engine, name;
  Place mark;  // the KV secret whose metadata has the mark
  std::string url() const { return percent_encode(engine, true) + "/config/" + percent_encode(name); }
  std::string key() const { return "root_rotated:" + engine + "/" + name; }
};

std::string engine_of(const NativeCall& call) {
  std::string engine(call.parameters["mount"].string_or(kEngine));
  while (engine.ends_with("/")) engine.pop_back();
  return engine;
}

Result<Config> config_of(const NativeCall& call, const char* name_parameter) {
  SQ_TRY(const std::string name, text_of(call, name_parameter));
  const std::string engine = engine_of(call);
  Place mark{std::string(call.parameters["mark_mount"].string_or("secret")),
             std::string(call.parameters["mark_path"].string_or(""))};
  if (mark.path.empty()) mark.path = "squall/" + engine + "/" + name;
  return Config{engine, name, std::move(mark)};
}

Result<std::string> read_mark(VaultClient& vault, const Config& config, const StopToken& stop) {
  auto known = vault.metadata(config.mark.mount, config.mark.path, stop);
  if (!known) return fail(known.error().with_context("looking whether the root password was rotated"));
  return (*known)["custom_metadata"][config.key()].string();
}

Status write_mark(VaultClient& vault, const Config& config, const Value& mark, const StopToken& stop) {
  const Value fields = Value::dict({{"custom_metadata", Value::dict({{config.key(), mark}})}});
  return vault.put_metadata(config.mark.mount, config.mark.path, fields, true, stop);
}

Status forget_mark(VaultClient& vault, const Config& config, const StopToken& stop) {
  SQ_TRY(const Value known, vault.metadata(config.mark.mount, config.mark.path, stop));
  if (!known["custom_metadata"].contains(config.key())) return {};
  // A secret that holds nothing but this mark goes with it.
  if (known["current_version"].int_or(0) == 0 && known["custom_metadata"].size() == 1) {
    SQ_TRY([[maybe_unused]] const bool removed, vault.remove_all(config.mark.mount, config.mark.path, stop));
    return {};
  }
  return write_mark(vault, config, Value(), stop);
}

// Null when there is none of that name.
Result<Value> read_config(VaultClient& vault, const Config& config, const StopToken& stop) {
  auto answer = vault.call({.path = config.url()}, "reading the database config " + config.name, stop);
  if (answer) return (*answer)["data"];
  if (answer.error().code() == ErrorCode::kNotFound) return Value();
  return fail(answer.error());
}

// Vault's placeholders are {{name}}, which squall would take for a template of its own; so [[name]] is written.
Value with_placeholders(const Value& value) {
  if (value.is_string()) {
    std::string text = value.string();
    for (const char* name : {"name", "username", "password", "expiration"}) {
      const std::string word(name);
      text = replace_all(text, "[[" + word + "]]", "{{" + word + "}}");
    }
    return Value(std::move(text));
  }
  if (!value.is_list()) return value;
  Value list = Value::empty_list();
  for (const Value& item : value.as_list()) list.push_back(with_placeholders(item));
  return list;
}

// Parameters that are given, under the names of Vault's API, and raw ones over them. Handles in raw ones are resolved:
// a private key, for example.
Status copy_given(const NativeCall& call, std::initializer_list<const char*> names, Value& body) {
  for (const char* name : names) {
    const Value& value = call.parameters[name];
    if (!value.is_null() && value != Value("")) body.set(name, with_placeholders(value));
  }
  SQ_TRY(const Value raw, resolve_all(call, call.parameters["parameters"]));
  for (const auto& [name, value] : raw.is_dict() ? raw.as_dict() : Dict()) body.set(name, with_placeholders(value));
  return {};
}

Result<NativeAnswer> write_role(const NativeCall& call, const char* kind, std::initializer_list<const char*> fields,
                                Value result) {
  SQ_TRY(const std::string name, text_of(call, "name"));
  SQ_TRY(const auto vault, vault_client(call));
  Value body = Value::empty_dict();
  SQ_CHECK(copy_given(call, fields, body));
  const std::string url = percent_encode(engine_of(call), true) + "/" + kind + "/" + percent_encode(name);
  SQ_TRY([[maybe_unused]] const Value answer,
         vault->call({"POST", url, body}, "writing the database role " + name, call.stop));
  result.set("name", name);
  return NativeAnswer::succeeded(std::move(result));
}

// True when it was there. Vault deletes what is not there with success, so it looks first.
Result<bool> delete_if_there(VaultClient& vault, const std::string& url, const std::string& what,
                             const StopToken& stop) {
  auto found = vault.call({.path = url}, "reading " + what, stop);
  if (!found && found.error().code() == ErrorCode::kNotFound) return false;
  if (!found) return fail(found.error());
  SQ_TRY([[maybe_unused]] const Value answer, vault.call({"DELETE", url, Value()}, "deleting " + what, stop));
  return true;
}

Result<NativeAnswer> delete_role(const NativeCall& call, const char* kind) {
  SQ_TRY(const std::string name, text_of(call, "name"));
  SQ_TRY(const auto vault, vault_client(call));
  const std::string url = percent_encode(engine_of(call), true) + "/" + kind + "/" + percent_encode(name);
  SQ_TRY(const bool deleted, delete_if_there(*vault, url, "the database role " + name, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"name", name}, {"deleted", deleted}}));
}

}  // namespace

Result<NativeAnswer> database_config(const NativeCall& call) {
  SQ_TRY(const Config config, config_of(call, "name"));
  SQ_TRY(const auto vault, vault_client(call));
  const bool reset = call.parameters["reset_credentials"].bool_or(false);
  SQ_TRY(const std::string mark, read_mark(*vault, config, call.stop));
  SQ_TRY(const Value existing, read_config(*vault, config, call.stop));
  const bool send_credentials = reset || mark.empty();
  if (!send_credentials && existing.is_null()) {
    return fail(Error(ErrorCode::kConflict,
                      "the root password of the database config " + config.name +
                          " was rotated by Vault, and the config is gone since: nobody knows the password. Give the "
                          "database a new one, then write the config with reset_credentials")
                    .with_type("RootPasswordLost"));
  }
  Value body = Value::empty_dict();
  SQ_CHECK(copy_given(call,
                      {"plugin_name", "connection_url", "allowed_roles", "verify_connection", "password_policy",
                       "root_rotation_statements"},
                      body));
  if (send_credentials) {
    SQ_CHECK(copy_given(call, {"username"}, body));
    SQ_TRY(std::string password, resolve_secret(call, call.parameters["password"].string_or("")));
    if (!password.empty()) body.set("password", std::move(password));
  } else {
    // Not even by the way of raw parameters.
    Value without = Value::empty_dict();
    for (const auto& [name, value] : body.as_dict()) {
      if (name != "username" && name != "password") without.set(name, value);
    }
    body = std::move(without);
  }
  SQ_TRY([[maybe_unused]] const Value answer,
         vault->call({"POST", config.url(), body}, "writing the database config " + config.name, call.stop));
  if (reset && !mark.empty()) SQ_CHECK(forget_mark(*vault, config, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"mount", config.engine},
                                              {"name", config.name},
                                              {"created", existing.is_null()},
                                              {"credentials_sent", send_credentials},
                                              {"root_rotated", !send_credentials}}));
}

Result<NativeAnswer> database_config_get(const NativeCall& call) {
  SQ_TRY(const Config config, config_of(call, "name"));
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const Value existing, read_config(*vault, config, call.stop));
  SQ_TRY(const std::string mark, read_mark(*vault, config, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"mount", config.engine},
                                              {"name", config.name},
                                              {"exists", !existing.is_null()},
                                              {"plugin_name", existing["plugin_name"]},
                                              {"connection_url", existing["connection_details"]["connection_url"]},
                                              {"username", existing["connection_details"]["username"]},
                                              {"allowed_roles", existing["allowed_roles"]},
                                              {"root_rotated", mark.starts_with(kRotated)}}));
}

Result<NativeAnswer> database_config_delete(const NativeCall& call) {
  SQ_TRY(const Config config, config_of(call, "name"));
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const bool deleted, delete_if_there(*vault, config.url(), "the database config " + config.name, call.stop));
  SQ_CHECK(forget_mark(*vault, config, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"mount", config.engine}, {"name", config.name}, {"deleted", deleted}}));
}

Result<NativeAnswer> database_rotate_root(const NativeCall& call) {
  SQ_TRY(const Config config, config_of(call, "name"));
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const std::string mark, read_mark(*vault, config, call.stop));
  Value result = Value::dict({{"mount", config.engine}, {"name", config.name}, {"rotated", false}});
  if (mark.starts_with(kRotated)) return NativeAnswer::succeeded(std::move(result));
  const std::string now = format_timestamp(call.services.clock.now());
  if (mark.empty()) SQ_CHECK(write_mark(*vault, config, std::string(kRotating) + " " + now, call.stop));
  // A run that was cut off here may have rotated already. Again is harmless: Vault rotates from the password it has.
  SQ_TRY([[maybe_unused]] const Value answer,
         vault->call({"POST", percent_encode(config.engine, true) + "/rotate-root/" + percent_encode(config.name),
                      Value::empty_dict()},
                     "rotating the root password of " + config.name, call.stop));
  SQ_CHECK(write_mark(*vault, config, std::string(kRotated) + " " + now, call.stop));
  result.set("rotated", true);
  return NativeAnswer::succeeded(std::move(result));
}

Result<NativeAnswer> database_role(const NativeCall& call) {
  return write_role(call, "roles",
                    {"db_name", "creation_statements", "revocation_statements", "renew_statements",
                     "rollback_statements", "default_ttl", "max_ttl"},
                    Value::dict({{"mount", engine_of(call)}}));
}

Result<NativeAnswer> database_role_delete(const NativeCall& call) { return delete_role(call, "roles"); }

Result<NativeAnswer> database_static_role(const NativeCall& call) {
  const Place creds{engine_of(call), "static-creds/" + call.parameters["name"].string()};
  return write_role(
      call, "static-roles",
      {"db_name", "username", "rotation_period", "rotation_schedule", "rotation_window", "rotation_statements"},
      Value::dict({{"mount", creds.mount},
                   {"username", call.parameters["username"]},
                   {"reference", reference_to(creds, "password")},
                   {"references", Value::dict({{"username", reference_to(creds, "username")},
                                               {"password", reference_to(creds, "password")}})}}));
}

Result<NativeAnswer> database_static_role_delete(const NativeCall& call) { return delete_role(call, "static-roles"); }

Result<NativeAnswer> database_rotate_role(const NativeCall& call) {
  SQ_TRY(const std::string name, text_of(call, "name"));
  SQ_TRY(const auto vault, vault_client(call));
  const std::string url = percent_encode(engine_of(call), true) + "/rotate-role/" + percent_encode(name);
  SQ_TRY(
      [[maybe_unused]] const Value answer,
      vault->call({"POST", url, Value::empty_dict()}, "rotating the password of the static role " + name, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"name", name}, {"rotated", true}}));
}

}  // namespace squall::runners::vault
