// database.stage_password, set_password, publish_credentials: a password's way from its making to its readers.
//
// Readers take what is published. So a password that RDS does not know yet is kept beside it, and comes to the readers'
// place only when RDS has taken it (docs/reference/database.md, "Passwords").
#include "crypto/password.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"
#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"
#include "runners/database/plan.hpp"
#include "runners/database/rds_fields.hpp"
#include "runners/database/store.hpp"

namespace squall::runners::database {
namespace {

using clients::is_aws_error;

constexpr size_t kPasswordLength = 27;  // alphanumeric: 160 bits, and within the limit of every engine
constexpr size_t kSaltLength = 32;
constexpr Duration kPasswordPoll = std::chrono::seconds(1);  // readers wait for it
constexpr Duration kPasswordTimeout = std::chrono::minutes(30);

// What the store says beside the secret: whose it is, and how far.
Value metadata_of(const Value& plan, const char* state) {
  return Value::dict(
      {{"state", state}, {"uid", plan["uid"]}, {"identifier", plan["identifier"]}, {"managed-by", "squall"}});
}

NativeAnswer staged_answer(const NativeCall& call, const PasswordStore& store, const Value& data, bool staged,
                           bool created) {
  const Value& plan = call.parameters["plan"];
  add_log_secret(data["password"].string());
  const std::string mark = fingerprint_of(plan, data);
  // An instance that is created with the password says so from its first moment on.
  Value tags = plan["tags"];
  tags.set(kPasswordTag, mark);
  tags.set(kExecutionTag, chain_of(call));
  const std::string reference = store.reference(staged);
  return NativeAnswer::succeeded(Value::dict({{"reference", reference.empty() ? Value() : Value(reference)},
                                              {"fingerprint", mark},
                                              {"tags", tags},
                                              {"staged", staged},
                                              {"created", created}}));
}

// AWS makes the password; the tag says nothing of it.
NativeAnswer nothing_staged(const NativeCall& call) {
  Value tags = call.parameters["plan"]["tags"];
  tags.set(kExecutionTag, chain_of(call));
  return NativeAnswer::succeeded(Value::dict({{"reference", Value()},
                                              {"fingerprint", "managed by AWS"},
                                              {"tags", tags},
                                              {"staged", false},
                                              {"created", false}}));
}

// The parts of an instance that what is published is made of.
Value published_instance(const Value& instance, const Value& secret_arn) {
  return Value::dict({{"endpoint", instance["endpoint"]},
                      {"master_username", instance["master_username"]},
                      {"db_name", instance["db_name"]},
                      {"secret_arn", secret_arn}});
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

Value without_nulls(const Value& dict) {
  Value kept = Value::empty_dict();
  for (const auto& [key, value] : dict.as_dict()) {
    if (!value.is_null()) kept.set(key, value);
  }
  return kept;
}

std::string jdbc_of(const Value& plan, const Value& secret) {
  return "jdbc:" + std::string(plan["engine"].string_or("") == "postgres" ? "postgresql" : plan["engine"].string()) +
         "://" + secret["host"].string() + ":" + secret["port"].string() + "/" + secret["dbname"].string();
}

}  // namespace

std::string database_of(const Value& plan, const Value& instance) {
  const bool named = plan["database_named"].bool_or(false) || !instance["db_name"].truthy();
  return named ? plan["database_name"].string() : instance["db_name"].string();
}

Value connection_of(const Value& plan, const Value& instance) {
  const EngineFacts* facts = find_engine(plan["engine"].string());
  const Value& endpoint = instance["endpoint"];
  const Value& port = endpoint["port"];
  Value connection = Value::dict({{"host", endpoint["address"]},
                                  {"port", port.is_int() ? std::to_string(port.as_int()) : port.string()},
                                  {"dbname", database_of(plan, instance)},
                                  {"engine", plan["engine"]},
                                  {"sslmode", facts != nullptr ? facts->ssl_mode : "require"},
                                  {"uid", plan["uid"]}});
  if (is_aws_managed(plan)) connection.set("secret_arn", instance["secret_arn"]);
  return connection;
}

Value managed_credentials(const Value& plan, const Value& instance) {
  Value credentials = connection_of(plan, instance);
  credentials.set("username", instance["master_username"]);
  return credentials;
}

std::string credentials_place(const Value& plan) {
  if (plan["logins"].is_dict()) return plan["logins"]["path"].string();
  if (plan["vault"].is_dict()) return plan["vault"]["mount"].string() + "/" + plan["vault"]["path"].string();
  return {};
}

std::string credentials_label(const Value& plan) {
  if (is_aws_managed(plan)) return "AWS Secrets Manager";
  const std::string place = credentials_place(plan);
  return place.empty() ? "the Secret " + plan["secret"]["name"].string() : "Vault at " + place;
}

Value credentials_of(const Value& plan, const Value& instance, const std::string& password) {
  Value secret = connection_of(plan, instance);
  secret.set("username", instance["master_username"]);
  secret.set("password", password);
  secret.set("uri", uri_of(plan, secret));
  secret.set("jdbc_url", jdbc_of(plan, secret));
  return secret;
}

Result<NativeAnswer> stage_password(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  if (is_aws_managed(plan)) return nothing_staged(call);
  SQ_TRY(const auto store, password_store(call, services, plan));
  SQ_TRY(const Kept current, store->current());
  SQ_CHECK(check_owner(*store, current, plan));
  SQ_TRY(const Kept pending, store->pending());
  const bool ours = current.data["password"].is_string() && current.data["uid"] == plan["uid"];
  const bool has_pending = pending.data["password"].is_string() && pending.data["uid"] == plan["uid"];
  SQ_TRY(const std::string given, given_password(call, services, plan));
  // With a login engine of Vault's, a rotation is that of the engine's logins; see logins.cpp.
  const std::string rotation = plan["logins"].is_dict() ? std::string() : call.parameters["rotation"].string();
  if (!given.empty()) {
    if (has_pending && pending.data["password"] == Value(given))
      return staged_answer(call, *store, pending.data, true, false);
    if (ours && current.data["password"] == Value(given))
      return staged_answer(call, *store, current.data, false, false);
  } else {
    // One that was made before and not yet brought to the readers goes first, whatever ended the chain that made it.
    if (has_pending) return staged_answer(call, *store, pending.data, true, false);
    const bool rotated = !rotation.empty() && current.data["rotation"].string_or("") == rotation;
    SQ_TRY(const bool lost, ours ? is_root_lost(call, plan, current) : Result<bool>(false));
    if (ours && !lost && (rotation.empty() || rotated)) return staged_answer(call, *store, current.data, false, false);
  }
  const std::string password = given.empty() ? crypto::generate_password(call.services.random, kPasswordLength) : given;
  add_log_secret(password);
  Value data = Value::dict({{"password", password}, {"uid", plan["uid"]}});
  if (!rotation.empty()) data.set("rotation", rotation);
  if (!given.empty()) data.set("salt", call.services.random.hex(kSaltLength));
  SQ_CHECK(store->stage(data, pending));
  return staged_answer(call, *store, data, true, true);
}

namespace {

// Makes RDS take the password, and sees to it that it has.
class PasswordChange {
 public:
  PasswordChange(const NativeCall& call, Services& services, const clients::RdsClient& rds)
      : call_(call),
        services_(services),
        rds_(rds),
        identifier_(call.parameters["plan"]["identifier"].string()),
        fingerprint_(call.parameters["fingerprint"].string()) {
    const auto kept = parse_timestamp(call.state["deadline"].string_or(""));
    deadline_ = kept ? *kept : call.services.clock.now() + kPasswordTimeout;
  }

  Result<NativeAnswer> run() {
    const auto found = living_instance(rds_, identifier_);
    if (!found) return is_passing(found.error()) ? later(state(), found.error().message()) : fail(found.error());
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
    const Value& plan = call_.parameters["plan"];
    SQ_TRY(const auto store, password_store(call_, services_, plan));
    SQ_TRY(std::string password, password_by_fingerprint(*store, plan, fingerprint_));
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
  Services& services_;
  const clients::RdsClient& rds_;
  const std::string identifier_;
  const std::string fingerprint_;
  Timestamp deadline_;
};

}  // namespace

Result<NativeAnswer> set_password(const NativeCall& call, Services& services) {
  if (is_aws_managed(call.parameters["plan"])) return set_managed_password(call, services);
  SQ_TRY(const clients::RdsClient rds, services.rds(call, call.parameters["plan"]));
  return PasswordChange(call, services, rds).run();
}

Result<NativeAnswer> publish_credentials(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  const Value instance = published_instance(call.parameters["instance"], call.parameters["managed"]["secret_arn"]);
  if (is_aws_managed(plan)) {
    return NativeAnswer::succeeded(
        Value::dict({{"place", "AWS Secrets Manager"},
                     {"version", Value()},
                     {"username", instance["master_username"]},
                     {"instance", instance},
                     {"changed", false},
                     {"new_password", call.parameters["managed"]["rotated"].bool_or(false)}}));
  }
  SQ_TRY(const auto store, password_store(call, services, plan));
  SQ_TRY(const Kept current, store->current());
  SQ_CHECK(check_owner(*store, current, plan));
  SQ_TRY(const Kept pending, store->pending());
  const std::string wanted_mark = call.parameters["fingerprint"].string();
  SQ_TRY(const std::string password, password_by_fingerprint(*store, plan, wanted_mark));
  const bool is_pending = pending.data["password"].is_string() && fingerprint_of(plan, pending.data) == wanted_mark;
  const Value& source = is_pending ? pending.data : current.data;
  // Keys that somebody else added stay.
  Value data = current.data.is_dict() ? current.data : Value::empty_dict();
  const Value wanted = credentials_of(plan, instance, password);
  for (const auto& [key, value] : wanted.as_dict()) data.set(key, value);
  if (pending.data["rotation"].is_string()) data.set("rotation", pending.data["rotation"]);
  data.set("salt", source["salt"]);
  data = without_nulls(data);
  const bool changed = data != current.data;
  const bool replaced = current.data["password"].is_string() && current.data["password"].string_or("") != password;
  SQ_TRY(const int64_t version, store->publish(data, current));
  SQ_CHECK(store->annotate(metadata_of(plan, "current")));
  if (pending.version > 0) SQ_CHECK(store->drop_pending());
  return NativeAnswer::succeeded(Value::dict({{"place", store->name()},
                                              {"version", version},
                                              {"username", wanted["username"]},
                                              {"instance", instance},
                                              {"changed", changed},
                                              {"new_password", changed && (replaced || pending.data.is_dict())}}));
}

// The secret's latest version can be undeleted as long as a snapshot may need its password; the staged one never.
Result<NativeAnswer> forget_credentials(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  // RDS deletes its secret with the instance.
  if (is_aws_managed(plan)) return NativeAnswer::succeeded(Value::dict({{"place", "AWS"}, {"deleted", false}}));
  SQ_TRY(const auto store, password_store(call, services, plan));
  SQ_TRY(const Kept current, store->current());
  const bool ours = current.data["uid"] == plan["uid"];
  if (ours) {
    Value metadata = metadata_of(plan, "deleted");
    if (const Value& snapshot = plan["deletion"]["final_snapshot"]; snapshot.truthy())
      metadata.set("snapshot", snapshot);
    SQ_CHECK(store->forget(plan["deletion"]["keep_secret"].bool_or(true), metadata));
  }
  SQ_TRY(const Kept pending, store->pending());
  if (pending.version > 0 && (pending.data.is_null() || pending.data["uid"] == plan["uid"]))
    SQ_CHECK(store->drop_pending());
  if (plan["logins"].is_dict()) SQ_CHECK(forget_connection(call, plan));
  return NativeAnswer::succeeded(Value::dict({{"place", store->name()}, {"deleted", ours}}));
}

}  // namespace squall::runners::database
