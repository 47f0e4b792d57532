// database.stage_password, set_password, publish_credentials: a password's way from its making to its readers.
//
// Readers take the latest version of the secret's path. So a password that RDS does not know yet is kept beside it, at
// <path>/pending, and comes to the readers' path only when RDS has taken it (docs/reference/database.md, "Passwords").
#include "crypto/password.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"
#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"
#include "runners/database/rds_fields.hpp"

namespace squall::runners::database {
namespace {

using clients::is_aws_error;
using clients::SecretReference;
using clients::VaultSecret;

constexpr size_t kPasswordLength = 27;  // alphanumeric: 160 bits, and within the limit of every engine
constexpr Duration kPasswordPoll = std::chrono::seconds(1);  // readers wait for it
constexpr Duration kPasswordTimeout = std::chrono::minutes(30);

struct Place {
  std::string mount, path;
  std::string pending() const { return path + "/pending"; }
};
Place place_of(const Value& plan) { return {plan["vault"]["mount"].string(), plan["vault"]["path"].string()}; }

// Fields of Vault's metadata: whose the secret is, and how far.
Value custom_metadata(const Value& plan, const char* state, const std::string& snapshot = {}) {
  Value custom = Value::dict(
      {{"state", state}, {"uid", plan["uid"]}, {"identifier", plan["identifier"]}, {"managed-by", "squall"}});
  if (!snapshot.empty()) custom.set("snapshot", snapshot);
  return Value::dict({{"custom_metadata", custom}});
}

Status check_owner(const Place& place, const VaultSecret& secret, const Value& plan) {
  const Value& owner = secret.data["uid"];
  if (!owner.is_string() || owner == plan["uid"] || plan["adopt"]["policy"].string_or("Never") != "Never") return {};
  return fail(Error(ErrorCode::kConflict, "the secret " + place.mount + "/" + place.path +
                                              " belongs to another resource (uid " + owner.string() +
                                              "); it is left alone")
                  .with_type("NameTaken"));
}

NativeAnswer staged_answer(const Place& place, const Value& plan, const Value& password, bool staged, bool created) {
  add_log_secret(password.string());
  const std::string path = staged ? place.pending() : place.path;
  const std::string mark = fingerprint(plan["uid"].string(), password.string());
  // An instance that is created with the password says so from its first moment on.
  Value tags = plan["tags"];
  tags.set(kPasswordTag, mark);
  return NativeAnswer::succeeded(Value::dict({{"reference", SecretReference{place.mount, path, "password"}.to_string()},
                                              {"fingerprint", mark},
                                              {"tags", tags},
                                              {"staged", staged},
                                              {"created", created}}));
}

// A query's reserved characters cannot occur in what squall makes, but a database's name or an adopted user may be
// anything.
std::string uri_of(const Value& plan, const Value& secret) {
  const EngineFacts* facts = find_engine(plan["engine"].string());
  const std::string scheme(facts != nullptr ? facts->uri_scheme : "postgresql");
  return scheme + "://" + percent_encode(secret["username"].string()) + ":" +
         percent_encode(secret["password"].string()) + "@" + secret["host"].string() + ":" + secret["port"].string() +
         "/" + percent_encode(secret["dbname"].string());
}

std::string jdbc_of(const Value& plan, const Value& secret) {
  return "jdbc:" + std::string(plan["engine"].string_or("") == "postgres" ? "postgresql" : plan["engine"].string()) +
         "://" + secret["host"].string() + ":" + secret["port"].string() + "/" + secret["dbname"].string();
}

}  // namespace

Value credentials_of(const Value& plan, const std::string& username, const Value& endpoint,
                     const std::string& password) {
  const EngineFacts* facts = find_engine(plan["engine"].string());
  const Value& port = endpoint["port"];
  Value secret = Value::dict({{"username", username},
                              {"password", password},
                              {"host", endpoint["address"]},
                              {"port", port.is_int() ? std::to_string(port.as_int()) : port.string()},
                              {"dbname", plan["database_name"]},
                              {"engine", plan["engine"]},
                              {"sslmode", facts != nullptr ? facts->ssl_mode : "require"},
                              {"uid", plan["uid"]}});
  secret.set("uri", uri_of(plan, secret));
  secret.set("jdbc_url", jdbc_of(plan, secret));
  return secret;
}

Result<NativeAnswer> stage_password(const NativeCall& call, Services&) {
  const Value& plan = call.parameters["plan"];
  const Place place = place_of(plan);
  const std::string rotation = call.parameters["rotation"].string();
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const VaultSecret current, vault->read(place.mount, place.path, call.stop));
  SQ_CHECK(check_owner(place, current, plan));
  SQ_TRY(const VaultSecret pending, vault->read(place.mount, place.pending(), call.stop));
  // One that was made before and not yet brought to the readers goes first, whatever ended the chain that made it.
  if (pending.data["password"].is_string() && pending.data["uid"] == plan["uid"])
    return staged_answer(place, plan, pending.data["password"], true, false);
  const bool ours = current.data["password"].is_string() && current.data["uid"] == plan["uid"];
  const bool rotated = !rotation.empty() && current.data["rotation"].string_or("") == rotation;
  if (ours && (rotation.empty() || rotated)) return staged_answer(place, plan, current.data["password"], false, false);
  const std::string password = crypto::generate_password(call.services.random, kPasswordLength);
  add_log_secret(password);
  Value data = Value::dict({{"password", password}, {"uid", plan["uid"]}});
  if (!rotation.empty()) data.set("rotation", rotation);
  SQ_TRY([[maybe_unused]] const int64_t version,
         vault->write(place.mount, place.pending(), data, pending.version, call.stop));
  SQ_CHECK(vault->put_metadata(place.mount, place.pending(), custom_metadata(plan, "pending"), true, call.stop));
  return staged_answer(place, plan, Value(password), true, true);
}

namespace {

// Makes RDS take the password, and sees to it that it has.
class PasswordChange {
 public:
  PasswordChange(const NativeCall& call, const clients::RdsClient& rds)
      : call_(call),
        rds_(rds),
        identifier_(call.parameters["plan"]["identifier"].string()),
        fingerprint_(call.parameters["fingerprint"].string()) {
    const auto kept = parse_timestamp(call.state["deadline"].string_or(""));
    deadline_ = kept ? *kept : call.services.clock.now() + kPasswordTimeout;
  }

  Result<NativeAnswer> run() {
    auto found = rds_.find_instance(identifier_);
    if (!found) return is_passing(found.error()) ? later(state(), found.error().message()) : fail(found.error());
    if (found->is_null()) {
      return fail(
          Error(ErrorCode::kNotFound, "the DB instance " + identifier_ + " is gone").with_type("DBInstanceNotFound"));
    }
    const Value& record = *found;
    SQ_TRY(const Value tags, rds_.tags_of(record, record["DBInstanceArn"].string_or("")));
    if (tags[kPasswordTag].string_or("") == fingerprint_) return answer(state() == "sent");
    const std::string status = record["DBInstanceStatus"].string();
    const bool changing =
        status == "resetting-master-credentials" || record["PendingModifiedValues"].contains("MasterUserPassword");
    if (state() == "sent") {
      if (changing || status != "available") return later("sent", "it is " + status);
      SQ_CHECK(add_tags(rds_, record["DBInstanceArn"].string(), Value::dict({{kPasswordTag, fingerprint_}})));
      return answer(true);
    }
    // What is kept before the call tells, after a crash in it, whose change it is that is under way.
    if (state() == "about" && changing) return later("sent", "it is being changed");
    if (changing || status != "available") return later(state(), "it is " + status);
    if (state().empty()) return soon("about");
    return send();
  }

 private:
  std::string state() const { return call_.state["state"].string(); }

  Result<NativeAnswer> send() {
    SQ_TRY(std::string password, resolve_secret(call_, call_.parameters["password"].string()));
    auto modified = rds_.call("ModifyDBInstance", Value::dict({{"DBInstanceIdentifier", identifier_},
                                                               {"MasterUserPassword", std::move(password)},
                                                               {"ApplyImmediately", true}}));
    if (modified) return later("sent", "the password is being changed");
    if (is_aws_error(modified.error(), "InvalidDBInstanceState")) return later("about", modified.error().message());
    return fail(modified.error());
  }

  static Result<NativeAnswer> answer(bool changed) {
    return NativeAnswer::succeeded(Value::dict({{"changed", changed}}));
  }

  Result<NativeAnswer> soon(const char* state) {
    return NativeAnswer::wait_for(Duration::zero(),
                                  Value::dict({{"state", state}, {"deadline", format_timestamp(deadline_)}}));
  }
  Result<NativeAnswer> later(const std::string& state, const std::string& reason) {
    if (call_.services.clock.now() >= deadline_) {
      return fail(Error(ErrorCode::kTimeout,
                        "the DB instance " + identifier_ + " did not take its new password in time: " + reason)
                      .with_type("TimedOut"));
    }
    return NativeAnswer::wait_for(
        kPasswordPoll, Value::dict({{"state", state}, {"deadline", format_timestamp(deadline_)}, {"reason", reason}}));
  }

  const NativeCall& call_;
  const clients::RdsClient& rds_;
  const std::string identifier_;
  const std::string fingerprint_;
  Timestamp deadline_;
};

// The password that is to be published: the staged one, or the published one when a try before this one got so far.
Result<std::string> password_to_publish(const NativeCall& call, const VaultSecret& current,
                                        const VaultSecret& pending) {
  const std::string uid = call.parameters["plan"]["uid"].string();
  const std::string wanted = call.parameters["fingerprint"].string();
  for (const VaultSecret* secret : {&pending, &current}) {
    const std::string password = secret->data["password"].string();
    if (!password.empty() && fingerprint(uid, password) == wanted) return password;
  }
  return fail(
      Error(ErrorCode::kConflict, "the password that RDS has is not in Vault any more; it is replaced by a new one")
          .with_type("PasswordLost"));
}

}  // namespace

Result<NativeAnswer> set_password(const NativeCall& call, Services& services) {
  SQ_TRY(const clients::RdsClient rds, services.rds(call));
  return PasswordChange(call, rds).run();
}

Result<NativeAnswer> publish_credentials(const NativeCall& call, Services&) {
  const Value& plan = call.parameters["plan"];
  const Place place = place_of(plan);
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const VaultSecret current, vault->read(place.mount, place.path, call.stop));
  SQ_CHECK(check_owner(place, current, plan));
  SQ_TRY(const VaultSecret pending, vault->read(place.mount, place.pending(), call.stop));
  SQ_TRY(const std::string password, password_to_publish(call, current, pending));
  add_log_secret(password);
  // Keys that somebody else added stay.
  Value data = current.data.is_dict() ? current.data : Value::empty_dict();
  const Value wanted =
      credentials_of(plan, call.parameters["username"].string(), call.parameters["endpoint"], password);
  for (const auto& [key, value] : wanted.as_dict()) data.set(key, value);
  if (pending.data["rotation"].is_string()) data.set("rotation", pending.data["rotation"]);
  int64_t version = current.version;
  const bool changed = data != current.data;
  const bool replaced = current.data["password"].is_string() && current.data["password"].string_or("") != password;
  if (changed) {
    SQ_TRY(version, vault->write(place.mount, place.path, data, current.version, call.stop));
  }
  SQ_CHECK(vault->put_metadata(place.mount, place.path, custom_metadata(plan, "current"), true, call.stop));
  if (pending.version > 0) {
    SQ_TRY([[maybe_unused]] const bool removed, vault->remove_all(place.mount, place.pending(), call.stop));
  }
  return NativeAnswer::succeeded(Value::dict({{"mount", place.mount},
                                              {"path", place.path},
                                              {"version", version},
                                              {"changed", changed},
                                              {"new_password", changed && (replaced || pending.data.is_dict())}}));
}

// The secret's latest version can be undeleted as long as a snapshot may need its password; the staged one never.
Result<NativeAnswer> forget_credentials(const NativeCall& call, Services&) {
  const Value& plan = call.parameters["plan"];
  const Place place = place_of(plan);
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const VaultSecret current, vault->read(place.mount, place.path, call.stop));
  const bool ours = current.data["uid"] == plan["uid"];
  if (ours && plan["deletion"]["keep_secret"].bool_or(true)) {
    SQ_CHECK(vault->put_metadata(place.mount, place.path,
                                 custom_metadata(plan, "deleted", plan["deletion"]["final_snapshot"].string()), true,
                                 call.stop));
    SQ_CHECK(vault->remove_latest(place.mount, place.path, call.stop));
  } else if (ours) {
    SQ_TRY([[maybe_unused]] const bool removed, vault->remove_all(place.mount, place.path, call.stop));
  }
  SQ_TRY(const VaultSecret pending, vault->read(place.mount, place.pending(), call.stop));
  if (pending.version > 0 && (pending.data.is_null() || pending.data["uid"] == plan["uid"])) {
    SQ_TRY([[maybe_unused]] const bool removed, vault->remove_all(place.mount, place.pending(), call.stop));
  }
  return NativeAnswer::succeeded(Value::dict({{"mount", place.mount}, {"path", place.path}, {"deleted", ours}}));
}

}  // namespace squall::runners::database
