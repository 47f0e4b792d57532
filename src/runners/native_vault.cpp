#include "runners/native_vault.hpp"

#include "base/log.hpp"
#include "crypto/password.hpp"

namespace squall::runners {
namespace {

using clients::SecretReference;
using clients::VaultClient;
using clients::VaultSecret;

constexpr int64_t kPasswordLengthMin = 8;
constexpr int64_t kPasswordLengthMax = 128;
constexpr int kMergeAttemptsMax = 5;  // concurrent writers of one secret

// One client registry for the program: an AppRole login outlives the call that made it.
clients::VaultClients& client_registry(net::HttpClient& http) {
  static clients::VaultClients clients(http);
  return clients;
}

struct Place {
  std::string mount, path;
};

Result<Place> place_of(const NativeCall& call) {
  Place place{std::string(call.parameters["mount"].string_or("secret")), call.parameters["path"].string()};
  while (place.path.starts_with("/")) place.path.erase(0, 1);
  while (place.path.ends_with("/")) place.path.pop_back();
  if (place.path.empty()) return fail(Error(ErrorCode::kInvalid, "`path` is empty").with_type("InvalidParameter"));
  return place;
}

std::string reference_to(const Place& place, const std::string& key) {
  return SecretReference{place.mount, place.path, key}.to_string();
}

// Texts that are handles become the secrets they stand for, at any depth.
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

Value merged(Value base, const Value& over) {
  if (!base.is_dict()) base = Value::empty_dict();
  if (over.is_dict()) {
    for (const auto& [key, value] : over.as_dict()) base.set(key, value);
  }
  return base;
}

Value generated(const Place& place, const std::string& key, int64_t version, bool created) {
  return Value::dict({{"mount", place.mount},
                      {"path", place.path},
                      {"version", version},
                      {"created", created},
                      {"reference", reference_to(place, key)}});
}

// Makes a password and stores it before anybody uses it. Run again, it finds what the first run stored.
Result<NativeAnswer> kv_generate(const NativeCall& call) {
  SQ_TRY(const Place place, place_of(call));
  SQ_TRY(const auto vault, vault_client(call));
  const std::string key(call.parameters["key"].string_or("password"));
  const int64_t length = call.parameters["length"].int_or(27);
  if (length < kPasswordLengthMin || length > kPasswordLengthMax) {
    return fail(Error(ErrorCode::kInvalid, "`length` must be from 8 to 128").with_type("InvalidParameter"));
  }
  const Value& owner = call.parameters["data"]["uid"];
  for (int attempt = 0; attempt < kMergeAttemptsMax; ++attempt) {
    SQ_TRY(const VaultSecret found, vault->read(place.mount, place.path, call.stop));
    if (found.data[key].is_string()) {
      if (owner.is_string() && found.data["uid"].is_string() && found.data["uid"] != owner) {
        return fail(Error(ErrorCode::kConflict, "the secret " + place.mount + "/" + place.path +
                                                    " belongs to another resource (uid " + found.data["uid"].string() +
                                                    "); it is left alone")
                        .with_type("NameTaken"));
      }
      return NativeAnswer::succeeded(generated(place, key, found.version, false));
    }
    Value data = merged(found.data, call.parameters["data"]);
    const std::string password = crypto::generate_password(call.services.random, static_cast<size_t>(length));
    add_log_secret(password);
    data.set(key, password);
    const auto version = vault->write(place.mount, place.path, data, found.version, call.stop);
    if (version) return NativeAnswer::succeeded(generated(place, key, *version, true));
    if (version.error().code() != ErrorCode::kConflict) return fail(version.error());
  }
  return fail(Error(ErrorCode::kConflict, "the secret " + place.path + " keeps changing while squall writes it")
                  .with_type("CheckAndSetMismatch"));
}

Result<NativeAnswer> kv_put(const NativeCall& call) {
  SQ_TRY(const Place place, place_of(call));
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const Value given, resolve_all(call, call.parameters["data"]));
  const auto done = [&](int64_t version) {
    return NativeAnswer::succeeded(Value::dict({{"mount", place.mount}, {"path", place.path}, {"version", version}}));
  };
  if (!call.parameters["merge"].bool_or(false)) {
    std::optional<int64_t> cas;
    if (call.parameters["cas"].is_int()) cas = call.parameters["cas"].as_int();
    SQ_TRY(const int64_t version, vault->write(place.mount, place.path, given, cas, call.stop));
    return done(version);
  }
  for (int attempt = 0; attempt < kMergeAttemptsMax; ++attempt) {
    SQ_TRY(const VaultSecret found, vault->read(place.mount, place.path, call.stop));
    const Value data = merged(found.data, given);
    if (data == found.data) return done(found.version);
    const auto version = vault->write(place.mount, place.path, data, found.version, call.stop);
    if (version) return done(*version);
    if (version.error().code() != ErrorCode::kConflict) return fail(version.error());
  }
  return fail(Error(ErrorCode::kConflict, "the secret " + place.path + " keeps changing while squall writes it")
                  .with_type("CheckAndSetMismatch"));
}

// Names and references only: what is in Vault stays in Vault.
Result<NativeAnswer> kv_get(const NativeCall& call) {
  SQ_TRY(const Place place, place_of(call));
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const VaultSecret found, vault->read(place.mount, place.path, call.stop));
  if (!found.data.is_dict()) {
    return fail(Error(ErrorCode::kNotFound, "there is no secret at " + place.mount + "/" + place.path)
                    .with_type("NotFound")
                    .with_http_status(404));
  }
  Value keys = Value::empty_list();
  Value references = Value::empty_dict();
  for (const auto& [key, value] : found.data.as_dict()) {
    keys.push_back(key);
    references.set(key, reference_to(place, key));
  }
  return NativeAnswer::succeeded(Value::dict({{"mount", place.mount},
                                              {"path", place.path},
                                              {"version", found.version},
                                              {"keys", keys},
                                              {"references", references}}));
}

Result<NativeAnswer> kv_delete(const NativeCall& call) {
  SQ_TRY(const Place place, place_of(call));
  SQ_TRY(const auto vault, vault_client(call));
  bool deleted = false;
  if (call.parameters["all_versions"].bool_or(false)) {
    SQ_TRY(deleted, vault->remove_all(place.mount, place.path, call.stop));
  } else {
    SQ_TRY(const VaultSecret found, vault->read(place.mount, place.path, call.stop));
    deleted = !found.data.is_null();
    if (deleted) SQ_CHECK(vault->remove_latest(place.mount, place.path, call.stop));
  }
  return NativeAnswer::succeeded(Value::dict({{"mount", place.mount}, {"path", place.path}, {"deleted", deleted}}));
}

Result<NativeAnswer> kv_metadata_put(const NativeCall& call) {
  SQ_TRY(const Place place, place_of(call));
  SQ_TRY(const auto vault, vault_client(call));
  SQ_CHECK(vault->put_metadata(place.mount, place.path, call.parameters["custom_metadata"], call.stop));
  return NativeAnswer::succeeded(Value::dict({{"mount", place.mount}, {"path", place.path}}));
}

}  // namespace

Result<std::shared_ptr<VaultClient>> vault_client(const NativeCall& call) {
  const Value& config = call.request.pack == "vault" ? call.request.config : call.request.vault_config;
  SQ_TRY(const clients::VaultSettings settings, clients::VaultSettings::read(config, call.services.environment));
  return client_registry(call.services.http).get(settings);
}

Result<std::string> resolve_secret(const NativeCall& call, std::string_view text) {
  SQ_TRY(const std::optional<SecretReference> reference, SecretReference::parse(text));
  if (!reference) return std::string(text);
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const VaultSecret secret, vault->read(reference->mount, reference->path, call.stop));
  const Value& value = secret.data[reference->key];
  if (!value.is_string()) {
    return fail(
        Error(ErrorCode::kNotFound, std::string(text) + " leads to nothing: Vault has no such secret, or it is deleted")
            .with_type("NotFound"));
  }
  add_log_secret(value.as_string());
  return value.string();
}

void add_vault_actions(NativeRegistry& registry) {
  registry.add({"vault.kv_generate", true, false, kv_generate});
  registry.add({"vault.kv_put", true, false, kv_put});
  registry.add({"vault.kv_get", true, false, kv_get});
  registry.add({"vault.kv_delete", true, false, kv_delete});
  registry.add({"vault.kv_metadata_put", true, false, kv_metadata_put});
}

}  // namespace squall::runners
