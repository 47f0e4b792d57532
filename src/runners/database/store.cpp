#include "runners/database/store.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"
#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"
#include "runners/database/plan.hpp"

namespace squall::runners::database {
namespace {

using clients::SecretReference;
using clients::VaultSecret;

constexpr std::string_view kUidNote = "squall.dev/uid";
constexpr std::string_view kRotationNote = "squall.dev/rotation";
constexpr std::string_view kSaltNote = "squall.dev/salt";
constexpr std::string_view kVersionNote = "squall.dev/password-version";

class VaultStore : public PasswordStore {
 public:
  VaultStore(const NativeCall& call, std::shared_ptr<clients::VaultClient> vault, std::string mount, std::string path)
      : call_(call), vault_(std::move(vault)), mount_(std::move(mount)), path_(std::move(path)) {}

  Result<Kept> current() override { return read(path_); }
  Result<Kept> pending() override { return read(pending_path()); }

  Status stage(const Value& data, const Kept& before) override {
    auto written = vault_->write(mount_, pending_path(), data, before.version, call_.stop);
    if (!written) return fail(explained(written.error()));
    const Value custom = Value::dict({{"state", "pending"}, {"uid", data["uid"]}, {"managed-by", "squall"}});
    return vault_->put_metadata(mount_, pending_path(), Value::dict({{"custom_metadata", custom}}), true, call_.stop);
  }

  Result<int64_t> publish(const Value& data, const Kept& before) override {
    if (data == before.data) return before.version;
    return vault_->write(mount_, path_, data, before.version, call_.stop);
  }

  Status annotate(const Value& metadata) override {
    return vault_->put_metadata(mount_, path_, Value::dict({{"custom_metadata", metadata}}), true, call_.stop);
  }

  Status drop_pending() override {
    SQ_TRY([[maybe_unused]] const bool removed, vault_->remove_all(mount_, pending_path(), call_.stop));
    return {};
  }

  Status forget(bool recoverable, const Value& metadata) override {
    if (!recoverable) {
      SQ_TRY([[maybe_unused]] const bool removed, vault_->remove_all(mount_, path_, call_.stop));
      return {};
    }
    SQ_CHECK(annotate(metadata));
    return vault_->remove_latest(mount_, path_, call_.stop);
  }

  std::string name() const override { return "the secret " + mount_ + "/" + path_; }
  std::string reference(bool is_pending) const override {
    return SecretReference{mount_, is_pending ? pending_path() : path_, "password"}.to_string();
  }

 private:
  std::string pending_path() const { return path_ + "/pending"; }
  Error explained(const Error& error) const {
    if (error.http_status() != 404) return error;
    return Error(error.code(), "Vault has no KV engine at " + mount_ + ": `vault secrets enable -path=" + mount_ +
                                   " kv-v2`, or say another mount (spec.publish.vault.mount, or `vault_mount` in the "
                                   "config of the pack database)")
        .with_type("VaultError")
        .with_http_status(404);
  }
  Result<Kept> read(const std::string& path) {
    SQ_TRY(const VaultSecret secret, vault_->read(mount_, path, call_.stop));
    return Kept{secret.data, secret.version, secret.custom_metadata};
  }

  const NativeCall& call_;
  const std::shared_ptr<clients::VaultClient> vault_;
  const std::string mount_, path_;
};

// The Secret that applications read is the store; the pending password has a Secret of its own beside it.
class SecretStore : public PasswordStore {
 public:
  SecretStore(const NativeCall& call, std::shared_ptr<kubernetes::Client> client, const Value& plan)
      : call_(call), client_(std::move(client)), plan_(plan) {}

  Result<Kept> current() override {
    SQ_TRY(Kept kept, read(secret_name()));
    const std::string before = plan_["secret"]["previous"].string();
    if (!kept.data.is_null() || kept.version > 0 || before.empty() || before == secret_name()) return kept;
    // It was given another name: the password stays.
    SQ_TRY(Kept old, read(before));
    return Kept{old.data, 0, Value()};
  }
  Result<Kept> pending() override { return read(pending_name()); }

  Status stage(const Value& data, const Kept&) override {
    const Value members = Value::dict({{"password", data["password"]}});
    return write(pending_name(), "Opaque", members, notes_of(data, 1));
  }

  Result<int64_t> publish(const Value& data, const Kept& before) override {
    if (data == before.data && before.version > 0) return before.version;
    const bool same = before.data["password"] == data["password"];
    const int64_t version = same && before.version > 0 ? before.version : before.version + 1;
    Value members = secret_members(plan_, data);
    members.set("jdbc_url", data["jdbc_url"]);
    SQ_CHECK(write(secret_name(), secret_type(plan_), members, notes_of(data, version)));
    return version;
  }

  Status annotate(const Value&) override { return {}; }  // its annotations are written with it
  Status drop_pending() override { return remove(pending_name()); }
  // Kubernetes has no recycle bin.
  Status forget(bool, const Value&) override { return remove(secret_name()); }

  std::string name() const override {
    return "the Secret " + plan_["object"]["namespace"].string() + "/" + secret_name();
  }
  std::string reference(bool) const override { return {}; }

 private:
  std::string secret_name() const { return plan_["secret"]["name"].string(); }
  std::string pending_name() const { return secret_name() + "-pending"; }
  kubernetes::ResourceId resource() const { return {"", "v1", "secrets", plan_["object"]["namespace"].string()}; }

  Value notes_of(const Value& data, int64_t version) const {
    Value notes = Value::dict({{kUidNote, plan_["uid"]}, {kVersionNote, std::to_string(version)}});
    if (data["rotation"].truthy()) notes.set(kRotationNote, data["rotation"]);
    if (data["salt"].truthy()) notes.set(kSaltNote, data["salt"]);
    return notes;
  }

  Result<Kept> read(const std::string& name) {
    auto found = client_->get(resource(), name, call_.stop);
    if (!found && found.error().http_status() == 404) return Kept{};
    if (!found) return fail(found.error());
    const Value& notes = (*found)["metadata"]["annotations"];
    const auto member = [&](const char* key) -> Value {
      const Value& text = (*found)["data"][key];
      if (!text.is_string()) return {};
      const auto decoded = base64_decode(text.string());
      return decoded ? Value(*decoded) : Value();
    };
    Kept kept;
    kept.version = parse_int(notes[kVersionNote].string_or("")).value_or(1);
    // One that is not ours is told apart by its uid; it has no annotation of ours.
    kept.data = Value::dict({{"uid", notes[kUidNote].is_string() ? notes[kUidNote] : Value("nobody's")}});
    for (const auto& [ours, theirs] :
         {std::pair{"username", "username"}, std::pair{"password", "password"}, std::pair{"host", "host"},
          std::pair{"port", "port"}, std::pair{"dbname", "database"}, std::pair{"sslmode", "sslmode"},
          std::pair{"uri", "uri"}, std::pair{"jdbc_url", "jdbc_url"}}) {
      if (Value text = member(theirs); text.is_string()) kept.data.set(ours, std::move(text));
    }
    kept.data.set("engine", plan_["engine"]);
    if (notes[kRotationNote].is_string()) kept.data.set("rotation", notes[kRotationNote]);
    if (notes[kSaltNote].is_string()) kept.data.set("salt", notes[kSaltNote]);
    return kept;
  }

  Status write(const std::string& name, const std::string& type, const Value& members, const Value& notes) {
    kubernetes::WriteOptions options;
    options.force = true;  // members that somebody changed by hand come back
    Value manifest = secret_manifest(plan_, name, type, members);
    Value metadata = manifest["metadata"];
    metadata.set("annotations", notes);
    manifest.set("metadata", metadata);
    SQ_TRY([[maybe_unused]] const Value applied, client_->apply(resource(), name, manifest, options, call_.stop));
    return {};
  }

  Status remove(const std::string& name) {
    auto removed = client_->remove(resource(), name, {}, call_.stop);
    if (!removed && removed.error().http_status() != 404) return fail(removed.error());
    return {};
  }

  const NativeCall& call_;
  const std::shared_ptr<kubernetes::Client> client_;
  const Value plan_;
};

}  // namespace

Result<std::unique_ptr<PasswordStore>> password_store(const NativeCall& call, Services& services, const Value& plan) {
  if (is_secret_only(plan)) {
    SQ_TRY(auto client, services.cluster(call));
    return std::unique_ptr<PasswordStore>(std::make_unique<SecretStore>(call, std::move(client), plan));
  }
  SQ_TRY(auto vault, vault_client(call));
  return std::unique_ptr<PasswordStore>(std::make_unique<VaultStore>(
      call, std::move(vault), plan["keep"]["mount"].string(), plan["keep"]["path"].string()));
}

Status check_owner(const PasswordStore& store, const Kept& kept, const Value& plan) {
  const Value& owner = kept.data["uid"];
  if (!owner.is_string() || owner == plan["uid"] || plan["adopt"]["policy"].string_or("Never") != "Never") return {};
  return fail(Error(ErrorCode::kConflict,
                    store.name() + " belongs to another resource (uid " + owner.string() + "); it is left alone")
                  .with_type("NameTaken"));
}

std::string fingerprint_of(const Value& plan, const Value& data) {
  return fingerprint(plan["uid"].string(), data["password"].string(), data["salt"].string());
}

Result<std::string> password_by_fingerprint(PasswordStore& store, const Value& plan, const std::string& wanted) {
  SQ_TRY(const Kept pending, store.pending());
  SQ_TRY(const Kept current, store.current());
  for (const Kept* kept : {&pending, &current}) {
    const std::string password = kept->data["password"].string();
    if (password.empty() || fingerprint_of(plan, kept->data) != wanted) continue;
    add_log_secret(password);
    return password;
  }
  return fail(Error(ErrorCode::kConflict,
                    "the password that RDS has is not in " + store.name() + " any more; it is replaced by a new one")
                  .with_type("PasswordLost"));
}

}  // namespace squall::runners::database
