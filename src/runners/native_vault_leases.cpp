// vault.database_creds, lease_renew, lease_revoke: logins with an end.
#include "base/log.hpp"
#include "base/strings.hpp"
#include "runners/native_vault.hpp"
#include "runners/native_vault_common.hpp"

namespace squall::runners::vault {
namespace {

using clients::VaultClient;

// {ttl, renewable, ...} of a lease; null when it has ended.
Result<Value> look_up(VaultClient& vault, const std::string& lease, const StopToken& stop) {
  auto found = vault.call({"PUT", "sys/leases/lookup", Value::dict({{"lease_id", lease}})}, "looking up a lease", stop);
  if (found) return (*found)["data"];
  if (found.error().http_status() == 400 || found.error().code() == ErrorCode::kNotFound) return Value();  // unknown
  return fail(found.error());
}

Status revoke(VaultClient& vault, const std::string& lease, const StopToken& stop) {
  const Value body = Value::dict({{"lease_id", lease}, {"sync", true}});
  auto done = vault.call({"PUT", "sys/leases/revoke", body}, "revoking a lease", stop);
  if (!done) return fail(done.error());
  return {};
}

Value login(const Place& into, const std::string& role, const Value& data, int64_t version, const Value& lease_seconds,
            bool created) {
  return Value::dict({{"role", role},
                      {"username", data["username"]},
                      {"lease_id", data["lease_id"]},
                      {"lease_duration", lease_seconds},
                      {"version", version},
                      {"created", created},
                      {"reference", reference_to(into, "password")},
                      {"references", Value::dict({{"username", reference_to(into, "username")},
                                                  {"password", reference_to(into, "password")}})}});
}

}  // namespace

// The login goes into a KV secret before anybody hears of it; run again, it finds the one of the first run.
Result<NativeAnswer> database_creds(const NativeCall& call) {
  SQ_TRY(const std::string role, text_of(call, "role"));
  const Place into{std::string(call.parameters["into_mount"].string_or("secret")),
                   std::string(trim(call.parameters["into_path"].string_or("")))};
  if (into.path.empty()) return fail(bad_parameter("`into_path` is empty: the login needs a KV secret to be kept in"));
  const std::string engine(call.parameters["mount"].string_or("database"));
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const clients::VaultSecret kept, vault->read(into.mount, into.path, call.stop));
  if (kept.data["lease_id"].is_string() && kept.data["role"].string_or("") == role) {
    SQ_TRY(const Value lease, look_up(*vault, kept.data["lease_id"].string(), call.stop));
    if (!lease.is_null())
      return NativeAnswer::succeeded(login(into, role, kept.data, kept.version, lease["ttl"], false));
  }
  SQ_TRY(const Value answer, vault->call({.path = percent_encode(engine, true) + "/creds/" + percent_encode(role)},
                                         "getting a login of the database role " + role, call.stop));
  const std::string lease = answer["lease_id"].string();
  Value data = merged(kept.data, call.parameters["data"]);
  data.set("username", answer["data"]["username"]);
  data.set("password", answer["data"]["password"]);
  data.set("lease_id", lease);
  data.set("role", role);
  add_log_secret(answer["data"]["password"].string());
  std::optional<int64_t> guard;
  if (kept.has_versions) guard = kept.version;
  auto version = vault->write(into.mount, into.path, data, guard, call.stop);
  if (!version) {
    // A login that nobody can find must not stay.
    if (auto revoked = revoke(*vault, lease, call.stop); !revoked)
      log_warning("a database login that could not be kept ends with its lease only",
                  {{"error", revoked.error().to_string()}});
    return fail(version.error());
  }
  return NativeAnswer::succeeded(login(into, role, data, *version, answer["lease_duration"], true));
}

Result<NativeAnswer> lease_renew(const NativeCall& call) {
  SQ_TRY(const std::string lease, text_of(call, "lease_id"));
  SQ_TRY(const auto vault, vault_client(call));
  Value body = Value::dict({{"lease_id", lease}});
  if (call.parameters["increment"].is_int()) body.set("increment", call.parameters["increment"]);
  SQ_TRY(const Value answer, vault->call({"PUT", "sys/leases/renew", body}, "renewing a lease", call.stop));
  return NativeAnswer::succeeded(Value::dict({{"lease_id", lease},
                                              {"lease_duration", answer["lease_duration"]},
                                              {"renewable", answer["renewable"]},
                                              {"warnings", answer["warnings"]}}));
}

// What is revoked already, or never was, counts as revoked.
Result<NativeAnswer> lease_revoke(const NativeCall& call) {
  SQ_TRY(const auto vault, vault_client(call));
  std::string prefix(trim(call.parameters["prefix"].string_or("")));
  if (prefix.empty()) {
    SQ_TRY(const std::string lease, text_of(call, "lease_id"));
    SQ_TRY(const Value known, look_up(*vault, lease, call.stop));
    if (!known.is_null()) SQ_CHECK(revoke(*vault, lease, call.stop));
    return NativeAnswer::succeeded(Value::dict({{"lease_id", lease}, {"revoked", !known.is_null()}}));
  }
  if (!call.parameters["lease_id"].empty()) return fail(bad_parameter("give `lease_id` or `prefix`, not both"));
  if (prefix.find('/') == std::string::npos)
    return fail(bad_parameter("`prefix` must name more than a mount, e.g. database/creds/orders-app"));
  // Without sync, Vault would answer before the logins are gone, and the database may be deleted next.
  const char* kind = call.parameters["force"].bool_or(false) ? "revoke-force" : "revoke-prefix";
  SQ_TRY([[maybe_unused]] const Value answer,
         vault->call({"PUT", std::string("sys/leases/") + kind + "/" + percent_encode(prefix, true),
                      Value::dict({{"sync", true}})},
                     "revoking the leases below " + prefix, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"prefix", prefix}, {"revoked", true}}));
}

}  // namespace squall::runners::vault
