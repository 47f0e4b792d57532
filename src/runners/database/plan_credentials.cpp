// The part of a plan that says where credentials are kept and who makes them.
#include <algorithm>

#include "base/strings.hpp"
#include "runners/database/names.hpp"
#include "runners/database/plan.hpp"

namespace squall::runners::database {
namespace {

constexpr int64_t kStaticPeriod = 24 * 3600;     // between two passwords of Vault's user
constexpr int64_t kStaticPeriodMin = 5;          // Vault's limit
constexpr int64_t kLoginSeconds = 3600;          // of a login that Vault makes
constexpr int64_t kLoginSecondsMax = 24 * 3600;  // with renewals
constexpr size_t kUserNameMax = 27;              // with our suffix within MySQL's 32

Value text_or(const Value& value, const char* fallback) { return value.truthy() ? value : Value(fallback); }

Value place(const Value& mount, const std::string& path) { return Value::dict({{"mount", mount}, {"path", path}}); }

// `rotate_every` is squall's own calendar: with a static role Vault keeps it.
Result<Value> credentials_of_spec(const Value& spec, const std::string& mode) {
  const Value& given = spec["credentials"];
  SQ_TRY(const int64_t every, seconds_of(given["rotation"]["every"], 0, "spec.credentials.rotation.every"));
  if (mode == "VaultStatic" && every > 0 && every < kStaticPeriodMin)
    return fail(bad_field("spec.credentials.rotation.every", "Vault does not rotate more often than every 5s"));
  return Value::dict({{"mode", mode},
                      {"rotate_every", mode == "VaultStatic" ? int64_t{0} : every},
                      {"password_from", given["passwordFrom"].is_dict() ? given["passwordFrom"] : Value()},
                      {"rotate_root", given["rotateRoot"].bool_or(true)}});
}

std::string seconds_text(int64_t seconds) { return std::to_string(seconds) + "s"; }

// Vault's names begin with the identifier, so that two databases never share a role.
Result<Value> logins_part(const Value& spec, const Value& config, const std::string& mode, const Value& plan) {
  const std::string identifier = plan["identifier"].string();
  const std::string mount = text_or(config["vault_database_mount"], "database").string();
  const std::string stem = replace_all(shortened(plan["database_name"].string(), kUserNameMax), "-", "_");
  const EngineFacts* facts = find_engine(plan["engine"].string());
  Value logins = Value::dict({{"mount", mount},
                              {"config", identifier},
                              {"role", identifier + "-app"},
                              {"owner", stem + "_own"},
                              {"sslmode", text_or(config["vault_sslmode"], std::string(facts->ssl_mode).c_str())}});
  if (mode == "VaultStatic") {
    SQ_TRY(const int64_t period,
           seconds_of(spec["credentials"]["rotation"]["every"], kStaticPeriod, "spec.credentials.rotation.every"));
    logins.set("kind", "static");
    logins.set("username", stem + "_app");
    logins.set("setup_role", identifier + "-setup");
    logins.set("period", seconds_text(period));
    logins.set("path", mount + "/static-creds/" + identifier + "-app");
    return logins;
  }
  SQ_TRY(const int64_t ttl, seconds_of(spec["credentials"]["ttl"], kLoginSeconds, "spec.credentials.ttl"));
  SQ_TRY(const int64_t longest,
         seconds_of(spec["credentials"]["maxTTL"], std::max(ttl, kLoginSecondsMax), "spec.credentials.maxTTL"));
  if (longest < ttl) return fail(bad_field("spec.credentials.maxTTL", "is shorter than spec.credentials.ttl"));
  logins.set("kind", "dynamic");
  logins.set("reader", stem + "_read");
  logins.set("reader_role", identifier + "-readonly");
  logins.set("ttl", seconds_text(ttl));
  logins.set("max_ttl", seconds_text(longest));
  logins.set("path", mount + "/creds/" + identifier + "-app");
  return logins;
}

Value secret_part(const Value& object, const std::string& mode) {
  const Value& given = object["spec"]["publish"]["secret"];
  const bool only = mode == "SecretOnly";
  if (!given["name"].truthy() && !only) return {};
  const Value name = given["name"].truthy() ? given["name"] : Value(object["metadata"]["name"].string() + "-db");
  return Value::dict({{"name", name},
                      {"previous", object["status"]["secretRef"]["name"]},
                      {"password", only || given["includePassword"].bool_or(false)}});
}

}  // namespace

bool is_secret_only(const Value& plan) { return plan["credentials"]["mode"].string_or("") == "SecretOnly"; }
bool is_aws_managed(const Value& plan) { return plan["credentials"]["mode"].string_or("") == "AWSManaged"; }

Status plan_credentials(const Value& object, const Value& config, const std::string& path, Value& plan) {
  const Value& spec = object["spec"];
  const std::string mode(spec["credentials"]["mode"].string_or("VaultKV"));
  const bool by_engine = mode == "VaultStatic" || mode == "VaultDynamic";
  const bool by_aws = mode == "AWSManaged";
  if (mode != "VaultKV" && mode != "SecretOnly" && !by_engine && !by_aws) {
    return fail(bad_field("spec.credentials.mode",
                          "'" + mode + "' is not one of VaultKV, VaultStatic, VaultDynamic, SecretOnly, AWSManaged"));
  }
  const std::string maker = by_aws ? "AWS" : "Vault";
  if ((by_engine || by_aws) && spec["credentials"]["passwordFrom"].is_dict()) {
    return fail(bad_field("spec.credentials.passwordFrom", "goes with the modes VaultKV and SecretOnly: with " + mode +
                                                               " " + maker + " makes the passwords"));
  }
  if ((by_engine || by_aws) && spec["publish"]["secret"]["includePassword"].bool_or(false)) {
    return fail(bad_field("spec.publish.secret.includePassword",
                          "goes with the modes VaultKV and SecretOnly: with " + mode + " " + maker +
                              " changes the password, and the Secret would have a dead one"));
  }
  SQ_TRY(Value credentials, credentials_of_spec(spec, mode));
  const Value& given = spec["publish"]["vault"];
  const Value mount = given["mount"].truthy() ? given["mount"] : text_or(config["vault_mount"], "secret");
  const std::string readers = given["path"].truthy() ? given["path"].string() : path;
  plan.set("credentials", std::move(credentials));
  plan.set("secret", secret_part(object, mode));
  const bool in_vault = mode == "VaultKV" || by_engine;
  plan.set("vault", in_vault ? place(mount, readers) : Value());
  plan.set("keep", !in_vault ? Value() : place(mount, by_engine ? readers + "/master" : readers));
  plan.set("logins", Value());
  if (by_engine) {
    SQ_TRY(Value logins, logins_part(spec, config, mode, plan));
    plan.set("logins", std::move(logins));
  }
  return {};
}

}  // namespace squall::runners::database
