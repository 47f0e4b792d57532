#include "clients/vault/vault_client.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"
#include "clients/vault/vault_error.hpp"

namespace squall::clients {
namespace {

void learn_secrets(const Value& data) {
  if (data.is_string()) {
    add_log_secret(data.as_string());
  } else if (data.is_dict()) {
    for (const auto& [key, value] : data.as_dict()) learn_secrets(value);
  } else if (data.is_list()) {
    for (const Value& value : data.as_list()) learn_secrets(value);
  }
}

// Only what looks like a secret by its name: masking "5432" or a host name in every log line would help nobody.
void learn_named_secrets(const Value& data) {
  if (!data.is_dict()) return;
  for (const auto& [key, value] : data.as_dict()) {
    const std::string name = to_lower(key);
    for (const char* hint : {"password", "secret", "token", "key", "credential"}) {
      if (name.find(hint) != std::string::npos) {
        learn_secrets(value);
        break;
      }
    }
  }
}

bool is_below(std::string_view path, std::string_view mount) {
  return path.starts_with(mount) && (path.size() == mount.size() || path[mount.size()] == '/');
}

// RFC 7396 for one level: null removes a name.
Value patched(const Value& base, const Value& patch) {
  Value result = Value::empty_dict();
  for (const auto& [name, value] : base.is_dict() ? base.as_dict() : Dict()) {
    if (!patch.contains(name)) result.set(name, value);
  }
  for (const auto& [name, value] : patch.as_dict()) {
    if (!value.is_null()) result.set(name, value);
  }
  return result;
}

Status done_or(const net::HttpResponse& response, const std::string& what) {
  if (response.status < 300 || response.status == 404) return {};
  return fail(vault_error(response, what));
}

}  // namespace

std::string VaultClient::Place::url(const char* kind) const {
  const std::string root = percent_encode(mount.path, true) + "/";
  return mount.kv_version == 1 ? root + percent_encode(path, true) : root + kind + "/" + percent_encode(path, true);
}

Result<VaultMount> VaultClient::mount_of(const std::string& full_path, StopToken stop) {
  {
    const std::lock_guard lock(mutex_);
    for (const VaultMount& mount : mounts_) {
      if (is_below(full_path, mount.path)) return mount;
    }
  }
  SQ_TRY(const net::HttpResponse response,
         session_->send({.path = "sys/internal/ui/mounts/" + percent_encode(full_path, true)}, stop));
  // Whoever may use nothing below a mount is not told what it is. The call itself will say what is wrong.
  if (response.status == 403 || response.status == 404)
    return VaultMount{full_path.substr(0, full_path.find('/')), "", 2};
  if (response.status != 200) return fail(vault_error(response, "looking up what is mounted at " + full_path));
  const Value data = vault_body(response)["data"];
  VaultMount mount{data["path"].string(), data["type"].string(), 1};
  while (mount.path.ends_with("/")) mount.path.pop_back();
  if (data["options"]["version"].string() == "2") mount.kv_version = 2;
  if (mount.path.empty() || !is_below(full_path, mount.path)) {
    return fail(ErrorCode::kRemote, "Vault did not say what is mounted at " + full_path);
  }
  const std::lock_guard lock(mutex_);
  mounts_.push_back(mount);
  return mount;
}

Result<VaultClient::Place> VaultClient::place(const std::string& mount, const std::string& path,
                                              const StopToken& stop) {
  const std::string full = mount + "/" + path;
  SQ_TRY(VaultMount found, mount_of(full, stop));
  if (found.type.empty()) return Place{{mount, "", 2}, path};
  const std::string rest = full.size() > found.path.size() ? full.substr(found.path.size() + 1) : "";
  return Place{std::move(found), rest};
}

Result<VaultClient::Place> VaultClient::versioned_place(const std::string& mount, const std::string& path,
                                                        const StopToken& stop) {
  SQ_TRY(Place found, place(mount, path, stop));
  if (found.mount.kv_version == 2) return found;
  return fail(Error(ErrorCode::kInvalid, "the engine at " + found.mount.path +
                                             " in Vault is not KV version 2: it keeps no versions and no metadata")
                  .with_type("KvVersion1"));
}

Result<VaultSecret> VaultClient::read(const std::string& mount, const std::string& path, StopToken stop,
                                      int64_t version) {
  SQ_TRY(const Place at, version != 0 ? versioned_place(mount, path, stop) : place(mount, path, stop));
  const std::string query = version != 0 ? "?version=" + std::to_string(version) : "";
  SQ_TRY(const net::HttpResponse response, session_->send({.path = at.url("data") + query}, stop));
  const Value body = vault_body(response);
  VaultSecret secret;
  secret.has_versions = at.mount.kv_version == 2;
  // A deleted version answers 404 with its metadata; an unknown path 404 without.
  if (response.status != 200 && response.status != 404) return fail(vault_error(response, "reading " + at.name()));
  if (secret.has_versions) {
    secret.version = body["data"]["metadata"]["version"].int_or(0);
    secret.custom_metadata = body["data"]["metadata"]["custom_metadata"];
    if (response.status == 200) secret.data = body["data"]["data"];
  } else if (response.status == 200) {
    secret.data = body["data"];
  }
  learn_named_secrets(secret.data);
  return secret;
}

Result<int64_t> VaultClient::write(const std::string& mount, const std::string& path, const Value& data,
                                   std::optional<int64_t> cas, StopToken stop) {
  SQ_TRY(const Place at, cas&&* cas != 0 ? versioned_place(mount, path, stop) : place(mount, path, stop));
  learn_named_secrets(data);
  Value body = data;
  if (at.mount.kv_version == 2) {
    body = Value::dict({{"data", data}});
    if (cas) body.set("options", Value::dict({{"cas", *cas}}));
  } else if (cas) {
    // Version 1 has no check-and-set; a look before the write is the best there is.
    SQ_TRY(const VaultSecret before, read(mount, path, stop));
    if (!before.data.is_null()) {
      return fail(Error(ErrorCode::kConflict, "writing " + at.name() + ": the secret exists already")
                      .with_type("CheckAndSetMismatch"));
    }
  }
  SQ_TRY(const net::HttpResponse response, session_->send({"POST", at.url("data"), body}, stop));
  if (response.status != 200 && response.status != 204) return fail(vault_error(response, "writing " + at.name()));
  return vault_body(response)["data"]["version"].int_or(0);
}

Status VaultClient::remove_latest(const std::string& mount, const std::string& path, StopToken stop) {
  SQ_TRY(const Place at, place(mount, path, stop));
  SQ_TRY(const net::HttpResponse response, session_->send({"DELETE", at.url("data"), Value()}, stop));
  return done_or(response, "deleting " + at.name());
}

Status VaultClient::change_versions(const std::string& what, const std::string& mount, const std::string& path,
                                    const Value& versions, StopToken stop) {
  SQ_TRY(const Place at, versioned_place(mount, path, stop));
  const char* method = what == "destroy" ? "PUT" : "POST";
  SQ_TRY(const net::HttpResponse response,
         session_->send({method, at.url(what.c_str()), Value::dict({{"versions", versions}})}, stop));
  return done_or(response, what + " of versions of " + at.name());
}

Result<bool> VaultClient::remove_all(const std::string& mount, const std::string& path, StopToken stop) {
  SQ_TRY(const Place at, place(mount, path, stop));
  bool existed = false;
  if (at.mount.kv_version == 2) {
    SQ_TRY(const Value before, metadata(mount, path, stop));
    existed = !before.is_null();
  } else {
    SQ_TRY(const VaultSecret before, read(mount, path, stop));
    existed = !before.data.is_null();
  }
  if (!existed) return false;
  SQ_TRY(const net::HttpResponse response, session_->send({"DELETE", at.url("metadata"), Value()}, stop));
  SQ_CHECK(done_or(response, "deleting all versions of " + at.name()));
  return true;
}

Result<Value> VaultClient::metadata(const std::string& mount, const std::string& path, StopToken stop) {
  SQ_TRY(const Place at, versioned_place(mount, path, stop));
  SQ_TRY(const net::HttpResponse response, session_->send({.path = at.url("metadata")}, stop));
  if (response.status == 404) return Value();
  if (response.status != 200) return fail(vault_error(response, "reading the metadata of " + at.name()));
  return vault_body(response)["data"];
}

Status VaultClient::put_metadata(const std::string& mount, const std::string& path, const Value& fields, bool merge,
                                 StopToken stop) {
  SQ_TRY(const Place at, versioned_place(mount, path, stop));
  if (merge) {
    const VaultRequest patch{"PATCH", at.url("metadata"), fields, "application/merge-patch+json"};
    SQ_TRY(const net::HttpResponse response, session_->send(patch, stop));
    if (response.status < 300) return {};
    // A path without an entry cannot be patched; a token may lack the right to patch, and old Vaults cannot do it.
    if (response.status != 404 && response.status != 403 && response.status != 405)
      return fail(vault_error(response, "writing the metadata of " + at.name()));
  }
  Value written = fields;
  if (merge && fields["custom_metadata"].is_dict()) {
    SQ_TRY(const Value known, metadata(mount, path, stop));
    written.set("custom_metadata", patched(known["custom_metadata"], fields["custom_metadata"]));
  }
  SQ_TRY(const net::HttpResponse response, session_->send({"POST", at.url("metadata"), written}, stop));
  if (response.status < 300) return {};
  return fail(vault_error(response, "writing the metadata of " + at.name()));
}

Result<Value> VaultClient::list(const std::string& mount, const std::string& path, StopToken stop) {
  SQ_TRY(const Place at, place(mount, path, stop));
  std::string url = at.url("metadata");
  while (url.ends_with("/")) url.pop_back();
  SQ_TRY(const net::HttpResponse response, session_->send({.path = url + "?list=true"}, stop));
  if (response.status == 404) return Value::empty_list();
  if (response.status != 200) return fail(vault_error(response, "listing " + at.name()));
  return vault_body(response)["data"]["keys"];
}

Result<Value> VaultClient::call(const VaultRequest& request, const std::string& what, StopToken stop) {
  SQ_TRY(const net::HttpResponse response, session_->send(request, stop));
  if (response.status != 200 && response.status != 204) return fail(vault_error(response, what));
  Value body = vault_body(response);
  learn_named_secrets(body["data"]);
  return body;
}

Result<std::string> VaultClient::resolve(const SecretReference& reference, StopToken stop) {
  SQ_TRY(const Place at, place(reference.mount, reference.path, stop));
  Value data;
  if (at.mount.type.empty() || at.mount.type == "kv" || at.mount.type == "generic") {
    SQ_TRY(const VaultSecret secret, read(reference.mount, reference.path, stop, reference.version));
    data = secret.data;
  } else if (at.path.starts_with("creds/")) {
    return fail(Error(ErrorCode::kInvalid, reference.to_string() +
                                               " would make a new login at every use; take vault.database_creds, which "
                                               "makes one and keeps it in a KV secret")
                    .with_type("InvalidSecretRef"));
  } else {
    auto body = call({.path = percent_encode(at.name(), true)}, "reading " + at.name(), stop);
    if (!body && body.error().code() != ErrorCode::kNotFound) return fail(body.error());
    if (body) data = (*body)["data"];
  }
  const Value& value = data[reference.key];
  if (!value.is_string()) {
    return fail(Error(ErrorCode::kNotFound,
                      reference.to_string() + " leads to nothing: Vault has no such secret, or it is deleted")
                    .with_type("NotFound"));
  }
  add_log_secret(value.as_string());
  return value.string();
}

}  // namespace squall::clients
