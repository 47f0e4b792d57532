// vault.kv_*: secrets and their versions.
#include "base/log.hpp"
#include "crypto/password.hpp"
#include "runners/native_vault.hpp"
#include "runners/native_vault_common.hpp"

namespace squall::runners::vault {
namespace {

using clients::VaultSecret;

constexpr int64_t kPasswordLengthMin = 8;
constexpr int64_t kPasswordLengthMax = 128;
constexpr int kMergeAttemptsMax = 5;  // concurrent writers of one secret

Error keeps_changing(const Place& place) {
  return Error(ErrorCode::kConflict, "the secret " + place.name() + " keeps changing while squall writes it")
      .with_type("CheckAndSetMismatch");
}

// What guards a write; an engine of version 1 has nothing but "must not exist".
std::optional<int64_t> guard(const VaultSecret& found) {
  if (found.has_versions) return found.version;
  return found.data.is_null() ? std::optional<int64_t>(0) : std::nullopt;
}

Status check_owner(const Place& place, const VaultSecret& found, const Value& owner) {
  if (!owner.is_string()) return {};
  for (const Value* kept : {&found.data["uid"], &found.custom_metadata["uid"]}) {
    if (kept->is_string() && *kept != owner) {
      return fail(Error(ErrorCode::kConflict, "the secret " + place.name() + " belongs to another resource (uid " +
                                                  kept->string() + "); it is left alone")
                      .with_type("NameTaken"));
    }
  }
  return {};
}

Value generated(const Place& place, const std::string& key, int64_t version, bool created) {
  return Value::dict({{"mount", place.mount},
                      {"path", place.path},
                      {"version", version},
                      {"created", created},
                      {"reference", reference_to(place, key)},
                      {"version_reference", reference_to(place, key, version)}});
}

Value at(const Place& place) { return Value::dict({{"mount", place.mount}, {"path", place.path}}); }

}  // namespace

// Makes a password and stores it before anybody uses it. Run again, it finds what the first run stored.
Result<NativeAnswer> kv_generate(const NativeCall& call) {
  SQ_TRY(const Place place, place_of(call));
  SQ_TRY(const auto vault, vault_client(call));
  const std::string key(call.parameters["key"].string_or("password"));
  const int64_t length = call.parameters["length"].int_or(27);
  if (length < kPasswordLengthMin || length > kPasswordLengthMax)
    return fail(bad_parameter("`length` must be from 8 to 128"));
  const int64_t replaced = call.parameters["replace_version"].int_or(0);
  for (int attempt = 0; attempt < kMergeAttemptsMax; ++attempt) {
    SQ_TRY(const VaultSecret found, vault->read(place.mount, place.path, call.stop));
    SQ_CHECK(check_owner(place, found, call.parameters["data"]["uid"]));
    if (replaced != 0 && !found.has_versions)
      return fail(bad_parameter("`replace_version` needs a KV version 2 engine at " + place.mount));
    if (found.data[key].is_string() && found.version > replaced) {
      return NativeAnswer::succeeded(generated(place, key, found.version, false));
    }
    if (found.data[key].is_string() && (found.version < replaced || !found.has_versions)) {
      if (!found.has_versions) return NativeAnswer::succeeded(generated(place, key, 0, false));
      return fail(bad_parameter("`replace_version` is " + std::to_string(replaced) + ", but the latest version of " +
                                place.name() + " is " + std::to_string(found.version)));
    }
    Value data = merged(found.data, call.parameters["data"]);
    const std::string password = crypto::generate_password(call.services.random, static_cast<size_t>(length));
    add_log_secret(password);
    data.set(key, password);
    const auto version = vault->write(place.mount, place.path, data, guard(found), call.stop);
    if (version) return NativeAnswer::succeeded(generated(place, key, *version, true));
    if (version.error().code() != ErrorCode::kConflict) return fail(version.error());
  }
  return fail(keeps_changing(place));
}

Result<NativeAnswer> kv_put(const NativeCall& call) {
  SQ_TRY(const Place place, place_of(call));
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const Value given, resolve_all(call, call.parameters["data"]));
  const auto done = [&](int64_t version) {
    Value result = at(place);
    result.set("version", version);
    return NativeAnswer::succeeded(std::move(result));
  };
  const bool merge = call.parameters["merge"].bool_or(false);
  if (!merge) {
    std::optional<int64_t> cas;
    if (call.parameters["cas"].is_int()) cas = call.parameters["cas"].as_int();
    auto version = vault->write(place.mount, place.path, given, cas, call.stop);
    if (version) return done(*version);
    if (!cas || version.error().type() != "CheckAndSetMismatch") return fail(version.error());
    // A try before this one, whose reply was lost, may have written just this.
    SQ_TRY(const VaultSecret now, vault->read(place.mount, place.path, call.stop));
    if (now.version == *cas + 1 && now.data == given) return done(now.version);
    return fail(version.error());
  }
  for (int attempt = 0; attempt < kMergeAttemptsMax; ++attempt) {
    SQ_TRY(const VaultSecret found, vault->read(place.mount, place.path, call.stop));
    SQ_CHECK(check_owner(place, found, given["uid"]));
    const Value data = merged(found.data, given);
    if (data == found.data) return done(found.version);
    const auto version = vault->write(place.mount, place.path, data, guard(found), call.stop);
    if (version) return done(*version);
    if (version.error().code() != ErrorCode::kConflict) return fail(version.error());
  }
  return fail(keeps_changing(place));
}

// Names and references only: what is in Vault stays in Vault.
Result<NativeAnswer> kv_get(const NativeCall& call) {
  SQ_TRY(const Place place, place_of(call));
  SQ_TRY(const auto vault, vault_client(call));
  const int64_t version = call.parameters["version"].int_or(0);
  SQ_TRY(const VaultSecret found, vault->read(place.mount, place.path, call.stop, version));
  if (!found.data.is_dict()) {
    if (call.parameters["missing_ok"].bool_or(false)) {
      Value result = at(place);
      result.set("exists", false);
      result.set("version", found.version);
      result.set("custom_metadata", found.custom_metadata);
      return NativeAnswer::succeeded(std::move(result));
    }
    return fail(Error(ErrorCode::kNotFound, "there is no secret at " + place.name())
                    .with_type("NotFound")
                    .with_http_status(404));
  }
  Value keys = Value::empty_list();
  Value references = Value::empty_dict();
  for (const auto& [key, value] : found.data.as_dict()) {
    keys.push_back(key);
    references.set(key, reference_to(place, key, version));
  }
  Value result = at(place);
  result.set("exists", true);
  result.set("version", found.version);
  result.set("keys", keys);
  result.set("references", references);
  result.set("custom_metadata", found.custom_metadata);
  return NativeAnswer::succeeded(std::move(result));
}

Result<NativeAnswer> kv_list(const NativeCall& call) {
  std::string mount(call.parameters["mount"].string_or("secret"));
  std::string path = call.parameters["path"].string();
  while (path.starts_with("/")) path.erase(0, 1);
  while (path.ends_with("/")) path.pop_back();
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const Value keys, vault->list(mount, path, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"mount", mount}, {"path", path}, {"keys", keys}}));
}

Result<NativeAnswer> kv_delete(const NativeCall& call) {
  SQ_TRY(const Place place, place_of(call));
  SQ_TRY(const auto vault, vault_client(call));
  bool deleted = false;
  if (const Value& versions = call.parameters["versions"]; versions.is_list() && !versions.empty()) {
    SQ_CHECK(vault->change_versions("delete", place.mount, place.path, versions, call.stop));
    deleted = true;
  } else {
    SQ_TRY(const VaultSecret found, vault->read(place.mount, place.path, call.stop));
    SQ_CHECK(check_owner(place, found, call.parameters["owner_uid"]));
    deleted = !found.data.is_null();
    if (call.parameters["all_versions"].bool_or(false)) {
      SQ_TRY(deleted, vault->remove_all(place.mount, place.path, call.stop));
    } else if (deleted) {
      SQ_CHECK(vault->remove_latest(place.mount, place.path, call.stop));
    }
  }
  Value result = at(place);
  result.set("deleted", deleted);
  return NativeAnswer::succeeded(std::move(result));
}

namespace {

Result<NativeAnswer> change_versions(const NativeCall& call, const char* what) {
  SQ_TRY(const Place place, place_of(call));
  SQ_TRY(const auto vault, vault_client(call));
  Value versions = call.parameters["versions"];
  if (!versions.is_list() || versions.empty()) {
    SQ_TRY(const Value known, vault->metadata(place.mount, place.path, call.stop));
    if (known.is_null()) {
      return fail(Error(ErrorCode::kNotFound, "there is no secret at " + place.name())
                      .with_type("NotFound")
                      .with_http_status(404));
    }
    versions = Value::list({known["current_version"]});
  }
  SQ_CHECK(vault->change_versions(what, place.mount, place.path, versions, call.stop));
  Value result = at(place);
  result.set("versions", versions);
  return NativeAnswer::succeeded(std::move(result));
}

}  // namespace

Result<NativeAnswer> kv_undelete(const NativeCall& call) { return change_versions(call, "undelete"); }
Result<NativeAnswer> kv_destroy(const NativeCall& call) { return change_versions(call, "destroy"); }

Result<NativeAnswer> kv_metadata_get(const NativeCall& call) {
  SQ_TRY(const Place place, place_of(call));
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const Value known, vault->metadata(place.mount, place.path, call.stop));
  Value result = at(place);
  result.set("exists", !known.is_null());
  for (const char* field : {"current_version", "oldest_version", "created_time", "updated_time", "cas_required",
                            "max_versions", "delete_version_after", "versions"}) {
    result.set(field, known[field]);
  }
  const Value& custom = known["custom_metadata"];
  result.set("custom_metadata", custom.is_dict() ? custom : Value::empty_dict());
  return NativeAnswer::succeeded(std::move(result));
}

Result<NativeAnswer> kv_metadata_put(const NativeCall& call) {
  SQ_TRY(const Place place, place_of(call));
  SQ_TRY(const auto vault, vault_client(call));
  Value fields = Value::empty_dict();
  for (const char* field : {"custom_metadata", "max_versions", "cas_required", "delete_version_after"}) {
    if (const Value& given = call.parameters[field]; !given.is_null()) fields.set(field, given);
  }
  if (fields.empty()) {
    return fail(
        bad_parameter("nothing to write: give `custom_metadata`, `max_versions`, `cas_required` or "
                      "`delete_version_after`"));
  }
  SQ_CHECK(vault->put_metadata(place.mount, place.path, fields, call.parameters["merge"].bool_or(false), call.stop));
  return NativeAnswer::succeeded(at(place));
}

}  // namespace squall::runners::vault
