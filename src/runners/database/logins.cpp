// database.publish_logins and forget_logins: logins that Vault's database engine makes (credentials.mode VaultStatic
// and VaultDynamic). squall never connects to the database: what has to be there for a login, Vault makes.
#include "base/strings.hpp"
#include "runners/database/actions_impl.hpp"
#include "runners/database/login_statements.hpp"
#include "runners/database/names.hpp"
#include "runners/database/store.hpp"
#include "runners/native_vault_common.hpp"

namespace squall::runners::database {
namespace {

using clients::VaultClient;

// Which password the engine was last given; in the metadata of the secret that keeps it.
constexpr const char* kEngineHas = "engine-has";
constexpr int64_t kForceAfter = 2;  // failed deletions, until leases are forgotten that cannot be revoked

std::string url_of(const Value& logins, const char* kind, const std::string& name) {
  return percent_encode(logins["mount"].string(), true) + "/" + kind + "/" + percent_encode(name);
}

// The parameters that vault.database_config and its like share.
Value config_parameters(const Value& plan) {
  return Value::dict({{"mount", plan["logins"]["mount"]},
                      {"name", plan["logins"]["config"]},
                      {"mark_mount", plan["keep"]["mount"]},
                      {"mark_path", plan["keep"]["path"]}});
}

Result<Value> answer_of(Result<NativeAnswer> answer) {
  if (!answer) return fail(answer.error());
  return std::move(answer->result);
}

using VaultAction = Result<NativeAnswer> (*)(const NativeCall&);
Result<Value> run(const NativeCall& call, VaultAction action, const Value& parameters) {
  return answer_of(action(NativeCall{call.request, parameters, call.state, call.stop, call.services}));
}

// Vault tries the connection before it takes a config; that it fails is the commonest trouble of all.
Error explained(const Error& error, const Value& logins, const Value& connection) {
  if (error.http_status() == 404 && error.message().find("no handler for route") != std::string::npos) {
    const std::string mount = logins["mount"].string();
    return Error(error.code(), "Vault has no database engine at " + mount + ": `vault secrets enable -path=" + mount +
                                   " database`, or set `vault_database_mount` in the config of the pack database")
        .with_type("VaultError")
        .with_http_status(404);
  }
  if (error.http_status() != 400 || error.message().find("verifying connection") == std::string::npos) return error;
  return Error(error.code(),
               "Vault cannot log in at " + connection["host"].string() + ":" + connection["port"].string() +
                   " (is it let in by the security groups, and its network by the subnet?): " + error.message())
      .with_type("VaultCannotConnect")
      .with_http_status(400);
}

// What an application needs besides a login, in the readers' place. Keys that somebody else added stay.
Status write_connection(const NativeCall& call, VaultClient& vault, const Value& plan, const Value& connection,
                        const std::string& rotation) {
  const std::string mount = plan["vault"]["mount"].string(), path = plan["vault"]["path"].string();
  const Value& logins = plan["logins"];
  SQ_TRY(const clients::VaultSecret there, vault.read(mount, path, call.stop));
  if (const Value& owner = there.data["uid"];
      owner.is_string() && owner != plan["uid"] && plan["adopt"]["policy"].string_or("Never") == "Never") {
    return fail(Error(ErrorCode::kConflict, "the secret " + mount + "/" + path + " belongs to another resource (uid " +
                                                owner.string() + "); it is left alone")
                    .with_type("NameTaken"));
  }
  Value data = there.data.is_dict() ? there.data : Value::empty_dict();
  for (const auto& [key, value] : connection.as_dict()) data.set(key, value);
  data.set("credentials_path", logins["path"]);
  data.set("role", logins["role"]);
  if (logins["username"].truthy()) data.set("username", logins["username"]);
  if (!rotation.empty()) data.set("rotation", rotation);
  if (data == there.data) return {};
  SQ_TRY([[maybe_unused]] const int64_t version, vault.write(mount, path, data, there.version, call.stop));
  const Value custom = Value::dict(
      {{"state", "current"}, {"uid", plan["uid"]}, {"identifier", plan["identifier"]}, {"managed-by", "squall"}});
  return vault.put_metadata(mount, path, Value::dict({{"custom_metadata", custom}}), true, call.stop);
}

class Logins {
 public:
  Logins(const NativeCall& call, std::shared_ptr<VaultClient> vault, const Value& plan, Value connection)
      : call_(call),
        vault_(std::move(vault)),
        plan_(plan),
        logins_(plan["logins"]),
        connection_(std::move(connection)) {}

  // Brings config, roles and root rotation about; true when the engine was given a password that it had not.
  Result<bool> bring_about(const Kept& master) {
    const std::string mark = fingerprint_of(plan_, master.data);
    const bool is_new = master.metadata[kEngineHas].string_or("") != mark;
    SQ_CHECK(write_config(master, is_new));
    // Before the rotation: after it, what is in the store would lock Vault out.
    if (is_new) SQ_CHECK(note_engine_has(mark));
    SQ_CHECK(write_roles());
    if (plan_["credentials"]["rotate_root"].bool_or(true)) {
      SQ_TRY([[maybe_unused]] const Value rotated, run(call_, vault::database_rotate_root, config_parameters(plan_)));
    }
    return is_new;
  }

  // The application's password anew: Vault's user, or, as each application has a login of its own, the root.
  Status rotate() {
    if (logins_["kind"].string_or("") == "static") {
      return post(url_of(logins_, "rotate-role", logins_["role"].string()), Value::empty_dict(),
                  "rotating the static role " + logins_["role"].string());
    }
    if (!plan_["credentials"]["rotate_root"].bool_or(true)) return {};
    return post(url_of(logins_, "rotate-root", logins_["config"].string()), Value::empty_dict(),
                "rotating the root password of " + logins_["config"].string());
  }

 private:
  Status post(const std::string& url, const Value& body, const std::string& what) {
    auto done = vault_->call({"POST", url, body}, what, call_.stop);
    if (!done) return fail(done.error());
    return {};
  }

  Status write_config(const Kept& master, bool reset) {
    Value parameters = config_parameters(plan_);
    const Value config = login_config(logins_, plan_["engine"].string(), connection_);
    for (const auto& [name, value] : config.as_dict()) parameters.set(name, value);
    parameters.set("username", master.data["username"]);
    parameters.set("password", master.data["password"]);
    parameters.set("reset_credentials", reset);
    auto written = run(call_, vault::database_config, parameters);
    if (!written) return fail(explained(written.error(), logins_, connection_));
    return {};
  }

  Status note_engine_has(const std::string& mark) {
    const Value custom = Value::dict({{kEngineHas, mark}});
    return vault_->put_metadata(plan_["keep"]["mount"].string(), plan_["keep"]["path"].string(),
                                Value::dict({{"custom_metadata", custom}}), true, call_.stop);
  }

  Status write_roles() {
    const Value roles = login_roles(logins_, plan_["engine"].string(), connection_["dbname"].string());
    for (const auto& [name, body] : roles.as_dict())
      SQ_CHECK(post(url_of(logins_, "roles", name), body, "writing the database role " + name));
    if (logins_["kind"].string_or("") != "static") return {};
    const std::string role = logins_["role"].string();
    auto known = vault_->call({.path = url_of(logins_, "static-roles", role)}, "reading the static role", call_.stop);
    if (!known && known.error().code() != ErrorCode::kNotFound) return fail(known.error());
    if (!known) SQ_CHECK(make_user());
    return post(url_of(logins_, "static-roles", role),
                Value::dict({{"db_name", logins_["config"]},
                             {"username", logins_["username"]},
                             {"rotation_period", logins_["period"]}}),
                "writing the static role " + role);
  }

  // Asking for a login of the setup role runs its SQL; the login itself is given back at once.
  Status make_user() {
    const std::string role = logins_["setup_role"].string();
    SQ_TRY(const Value lease, vault_->call({.path = url_of(logins_, "creds", role)},
                                           "making the database user " + logins_["username"].string(), call_.stop));
    return post("sys/leases/revoke", Value::dict({{"lease_id", lease["lease_id"]}, {"sync", true}}),
                "giving the setup login back");
  }

  const NativeCall& call_;
  const std::shared_ptr<VaultClient> vault_;
  const Value& plan_;
  const Value& logins_;
  const Value connection_;
};

}  // namespace

// After a root rotation Vault alone knew the password. When its config is gone, nobody does.
Result<bool> is_root_lost(const NativeCall& call, const Value& plan, const Kept& master) {
  const Value& logins = plan["logins"];
  if (!logins.is_dict() || !master.metadata[kEngineHas].is_string()) return false;
  SQ_TRY(const auto vault, vault_client(call));
  const std::string config = logins["config"].string();
  auto found = vault->call({.path = url_of(logins, "config", config)}, "reading the database config", call.stop);
  if (found) return false;
  if (found.error().code() != ErrorCode::kNotFound) return fail(found.error());
  const std::string mark = "root_rotated:" + logins["mount"].string() + "/" + config;
  return master.metadata[mark].is_string();
}

Result<Value> find_logins(const NativeCall& call, const Value& plan) {
  const Value& logins = plan["logins"];
  SQ_TRY(const auto vault, vault_client(call));
  const auto read = [&](const std::string& url) -> Result<Value> {
    auto found = vault->call({.path = url}, "reading " + url, call.stop);
    if (found) return (*found)["data"];
    if (found.error().code() == ErrorCode::kNotFound) return Value();
    return fail(found.error());
  };
  const bool is_static = logins["kind"].string_or("") == "static";
  SQ_TRY(const Value config, read(url_of(logins, "config", logins["config"].string())));
  SQ_TRY(const Value role, read(url_of(logins, is_static ? "static-roles" : "roles", logins["role"].string())));
  SQ_TRY(const clients::VaultSecret told,
         vault->read(plan["vault"]["mount"].string(), plan["vault"]["path"].string(), call.stop));
  return Value::dict({{"config", config}, {"role", role}, {"connection", told.data}});
}

Result<NativeAnswer> publish_logins(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  const Value& logins = plan["logins"];
  if (!logins.is_dict()) return NativeAnswer::succeeded(Value::dict({{"mode", plan["credentials"]["mode"]}}));
  SQ_TRY(const auto store, password_store(call, services, plan));
  SQ_TRY(const Kept master, store->current());
  SQ_TRY(const auto vault, vault_client(call));
  const Value connection = connection_of(plan, call.parameters["instance"]);
  Logins work(call, vault, plan, connection);
  SQ_TRY(const bool changed, work.bring_about(master));
  const std::string rotation = call.parameters["rotation"].string();
  SQ_TRY(const clients::VaultSecret told,
         vault->read(plan["vault"]["mount"].string(), plan["vault"]["path"].string(), call.stop));
  const bool rotate = !rotation.empty() && told.data["rotation"].string_or("") != rotation;
  if (rotate) SQ_CHECK(work.rotate());
  SQ_CHECK(write_connection(call, *vault, plan, connection, rotation));
  return NativeAnswer::succeeded(Value::dict({{"mode", plan["credentials"]["mode"]},
                                              {"path", logins["path"]},
                                              {"role", logins["role"]},
                                              {"username", logins["username"]},
                                              {"changed", changed},
                                              {"rotated", rotate}}));
}

// Before the database goes: afterwards its logins could not be revoked any more.
Result<NativeAnswer> forget_logins(const NativeCall& call, Services&) {
  const Value& plan = call.parameters["plan"];
  const Value& logins = plan["logins"];
  if (!logins.is_dict()) return NativeAnswer::succeeded(Value::dict({{"deleted", false}}));
  SQ_TRY(const Value config, run(call, vault::database_config_get, config_parameters(plan)));
  const bool exists = config["exists"].bool_or(false);
  const bool force = call.parameters["attempt"].int_or(0) >= kForceAfter;
  for (const char* kind : {"setup_role", "reader_role", "role"}) {
    const std::string role = logins[kind].string();
    if (role.empty()) continue;
    const bool is_static = std::string_view(kind) == "role" && logins["kind"].string_or("") == "static";
    if (exists && !is_static) {
      const std::string prefix = logins["mount"].string() + "/creds/" + role;
      SQ_TRY([[maybe_unused]] const Value revoked,
             run(call, vault::lease_revoke, Value::dict({{"prefix", prefix}, {"force", force}})));
    }
    const Value parameters = Value::dict({{"mount", logins["mount"]}, {"name", role}});
    SQ_TRY([[maybe_unused]] const Value deleted,
           run(call, is_static ? vault::database_static_role_delete : vault::database_role_delete, parameters));
  }
  SQ_TRY(const Value gone, run(call, vault::database_config_delete, config_parameters(plan)));
  return NativeAnswer::succeeded(Value::dict({{"config", logins["config"]}, {"deleted", gone["deleted"]}}));
}

Status forget_connection(const NativeCall& call, const Value& plan) {
  const std::string mount = plan["vault"]["mount"].string(), path = plan["vault"]["path"].string();
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const clients::VaultSecret there, vault->read(mount, path, call.stop));
  if (there.data["uid"] != plan["uid"]) return {};
  return vault->remove_latest(mount, path, call.stop);
}

}  // namespace squall::runners::database
