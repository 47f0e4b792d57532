#include "runners/database/drift.hpp"

#include "base/strings.hpp"
#include "runners/database/actions_impl.hpp"
#include "runners/database/login_statements.hpp"
#include "runners/database/names.hpp"
#include "runners/database/plan.hpp"
#include "runners/database/rds_fields.hpp"
#include "runners/database/status.hpp"
#include "runners/database/store.hpp"
#include "value/json.hpp"

namespace squall::runners::database {
namespace {

std::string text_of(const Value& value) {
  return value.is_string() ? value.string() : value.is_null() ? std::string() : to_json(value);
}

void add(Value& drift, const std::string& field, const Value& want, const Value& have) {
  drift.push_back(Value::dict({{"field", field}, {"want", want}, {"have", have}}));
}

// While RDS is at work on an instance, what it shows is on the way to something else.
bool is_settled(const Value& instance) {
  const std::string_view status = instance["DBInstanceStatus"].string_or("");
  return status == "available" || status == "storage-optimization" || status == "backing-up";
}

void compare_instance(const Value& object, const Value& plan, const Value& instance, Value& drift) {
  if (instance.is_null()) {
    add(drift, "DB instance", plan["identifier"], Value());
    return;
  }
  if (instance["DBInstanceStatus"].string_or("") == "deleting") {
    add(drift, "DB instance", "available", "deleting");
    return;
  }
  if (is_broken(instance["DBInstanceStatus"].string_or(""))) {
    add(drift, "DB instance status", "available", instance["DBInstanceStatus"]);
    return;
  }
  if (!is_settled(instance)) return;
  const RdsChanges changes = rds_changes(plan["owned"], instance);
  for (const Value& difference : changes.fields.as_list()) drift.push_back(difference);
  const Value tags = tags_of_record(instance);
  if (tags[kUidTag].truthy() && tags[kUidTag] != plan["uid"]) {
    add(drift, "owner of the DB instance", plan["uid"], tags[kUidTag]);
    return;
  }
  const Value missing = missing_tags(plan["tags"], tags);
  for (const auto& [key, value] : missing.as_dict()) add(drift, "tag " + key, value, tags[key]);
  if (is_aws_managed(plan) && !instance["MasterUserSecret"]["SecretArn"].truthy())
    add(drift, "master user secret", "managed by AWS", Value());
  const Value& published = object["status"]["endpoint"]["host"];
  if (instance["Endpoint"]["Address"].truthy() && instance["Endpoint"]["Address"] != published)
    add(drift, "endpoint", instance["Endpoint"]["Address"], published);
}

bool is_secret_member(std::string_view name) { return name == "password" || name == "uri" || name == "jdbc_url"; }

// What differs in it, for people: "Vault secret", or "Secret" where that is what keeps the password.
std::string kept_label(const Value& plan) { return plan["keep"].is_dict() ? "Vault secret" : "Secret"; }

std::string kept_name(const Value& plan) {
  const Value& keep = plan["keep"];
  return keep.is_dict() ? keep["mount"].string() + "/" + keep["path"].string() : plan["secret"]["name"].string();
}

void compare_secret(const Value& plan, const Value& instance, const Facts& facts, Value& drift) {
  const Value& secret = *facts.secret;
  const std::string label = kept_label(plan);
  if (!secret["password"].is_string()) {
    add(drift, label, kept_name(plan), Value());
    return;
  }
  if (secret["uid"] != plan["uid"]) {
    add(drift, label + " uid", plan["uid"], secret["uid"]);
    return;
  }
  if (!instance.is_dict() || !is_settled(instance)) return;
  const Value wanted = credentials_of(plan, instance_of_record(instance), secret["password"].string());
  for (const auto& [name, want] : wanted.as_dict()) {
    if (secret[name] == want) continue;
    if (is_secret_member(name)) {
      add(drift, label + " " + name, "as published", secret.contains(name) ? "something else" : "nothing");
    } else {
      add(drift, label + " " + name, want, secret[name]);
    }
  }
  const std::string mark = fingerprint_of(plan, secret);
  if (facts.given && *facts.given != mark) {
    add(drift, "password", "the one of spec.credentials.passwordFrom", "another one");
    return;
  }
  const Value tags = tags_of_record(instance);
  const bool pending = instance["PendingModifiedValues"].contains("MasterUserPassword");
  if (!pending && tags[kPasswordTag].string_or("") != mark)
    add(drift, "password", "the one that is kept", "another one");
}

void compare_metadata(const Value& plan, const Value& metadata, Value& drift) {
  for (const char* name : {"uid", "identifier", "managed-by", "state"}) {
    const Value want = std::string_view(name) == "managed-by" ? Value("squall")
                       : std::string_view(name) == "state"    ? Value("current")
                                                              : plan[name];
    if (metadata[name] != want) add(drift, std::string("Vault metadata ") + name, want, metadata[name]);
  }
}

void compare_logins(const Value& plan, const Value& instance, const Value& found, Value& drift) {
  const Value& logins = plan["logins"];
  if (!logins.is_dict() || !instance.is_dict() || !is_settled(instance)) return;
  const std::string mount = logins["mount"].string();
  const auto absent = [&](const char* what, const Value& name) {
    add(drift, std::string("Vault database ") + what, mount + "/" + name.string(), Value());
  };
  if (found["config"].is_null()) absent("config", logins["config"]);
  if (found["role"].is_null()) absent("role", logins["role"]);
  const Value connection = connection_of(plan, instance_of_record(instance));
  const Value want = login_config(logins, plan["engine"].string(), connection)["connection_url"];
  const Value& have = found["config"]["connection_details"]["connection_url"];
  if (have.is_string() && have != want) add(drift, "Vault database config connection_url", want, have);
  const Value& told = found["connection"];
  for (const char* name : {"host", "port", "dbname", "uid"}) {
    if (told[name] != connection[name]) add(drift, std::string("Vault secret ") + name, connection[name], told[name]);
  }
}

void compare_keys(const Value& plan, const Value& instance, const Value& keys, Value& drift) {
  if (!plan["consul"]["kv"].bool_or(true) || !instance.is_dict() || !is_settled(instance)) return;
  const Value wanted = consul_keys(plan, instance_of_record(instance));
  for (const auto& [name, want] : wanted.as_dict()) {
    if (text_of(keys[name]) != text_of(want)) add(drift, "Consul key " + name, text_of(want), keys[name]);
  }
}

void compare_node(const Value& plan, const Value& instance, const Value& node, Value& drift) {
  if (!plan["consul"]["register"].bool_or(true) || !instance.is_dict() || !is_settled(instance)) return;
  const Value wanted = consul_registration(plan, instance_of_record(instance));
  const std::string name = plan["consul"]["service"].string();
  const Value& service = node["Services"][name];
  if (!service.is_dict()) {
    add(drift, "Consul service", name, Value());
    return;
  }
  if (node["Node"]["Address"] != wanted["Address"])
    add(drift, "Consul service address", wanted["Address"], node["Node"]["Address"]);
  if (service["Port"] != wanted["Service"]["Port"])
    add(drift, "Consul service port", wanted["Service"]["Port"], service["Port"]);
  if (service["Meta"]["uid"] != plan["uid"]) add(drift, "Consul service uid", plan["uid"], service["Meta"]["uid"]);
}

void compare_app_secret(const Value& plan, const Value& instance, const Value& secret, const Value& found,
                        Value& drift) {
  const Value& wanted = plan["secret"];
  if (!wanted.is_dict()) return;
  const std::string name = wanted["name"].string();
  if (found.is_null()) {
    add(drift, "Secret", name, Value());
    return;
  }
  const bool managed = is_aws_managed(plan);
  if (managed ? !instance.is_dict() || !is_settled(instance) : !secret["password"].is_string()) return;
  Value shown = managed ? managed_credentials(plan, instance_of_record(instance)) : secret;
  if (plan["logins"].is_dict()) shown.set("username", plan["logins"]["username"]);
  const Value members = secret_members(plan, shown);
  for (const auto& [key, want] : members.as_dict()) {
    if (found["data"][key].string_or("") != base64_encode(want.string()))
      add(drift, "Secret " + name + " " + key, "as published",
          found["data"].contains(key) ? "something else" : "nothing");
  }
}

bool says_paused(const Value& object) { return condition_of(object, "Synced")["reason"].string_or("") == "Paused"; }

Need need(const char* action, std::string why) { return {action, Value::empty_dict(), std::move(why)}; }

std::optional<Need> need_of_deletion(const Value& object) {
  const Value& metadata = object["metadata"];
  const Value& finalizers = metadata["finalizers"];
  bool held = false;
  for (size_t i = 0; i < finalizers.size(); ++i) held = held || finalizers[i].string_or("") == kFinalizer;
  if (!held) return std::nullopt;
  if (metadata["annotations"][kAbandon] == metadata["name"]) return need("database.abandon", "it is to be abandoned");
  if (object["spec"]["deletionPolicy"].string_or("") == "Retain") return need("database.retain", "it is being deleted");
  const bool waits = object["spec"]["deletionProtection"].bool_or(false) &&
                     metadata["annotations"][kConfirmDelete].string_or("") != metadata["name"].string();
  if (waits && condition_of(object, "Ready")["reason"].string_or("") == "DeletionProtected") return std::nullopt;
  return need("database.delete", "it is being deleted");
}

}  // namespace

Value find_drift(const Value& object, const Value& plan, const Facts& facts) {
  Value drift = Value::empty_list();
  static const Value kNone;
  const Value& instance = facts.instance ? *facts.instance : kNone;
  const Value& secret = facts.secret ? *facts.secret : kNone;
  if (facts.instance) compare_instance(object, plan, instance, drift);
  if (facts.secret) compare_secret(plan, instance, facts, drift);
  if (facts.secret && facts.metadata && secret.is_dict()) compare_metadata(plan, *facts.metadata, drift);
  if (facts.logins) compare_logins(plan, instance, *facts.logins, drift);
  if (facts.keys) compare_keys(plan, instance, *facts.keys, drift);
  if (facts.node) compare_node(plan, instance, *facts.node, drift);
  if (facts.app_secret) compare_app_secret(plan, instance, secret, *facts.app_secret, drift);
  return drift;
}

std::optional<Need> need_of_resource(const Value& object, const std::string& plan_error, const std::string& wish) {
  const Value& metadata = object["metadata"];
  if (metadata["deletionTimestamp"].is_string()) return need_of_deletion(object);
  const std::string_view policy = object["spec"]["managementPolicy"].string_or("Full");
  if (policy == "Observe") return need("database.observe", "it is observed");
  if (policy == "Paused") {
    if (says_paused(object)) return std::nullopt;
    return need("database.pause", "its managementPolicy is Paused");
  }
  const Value& synced = condition_of(object, "Synced");
  const bool current = object["status"]["observedGeneration"] == metadata["generation"] ||
                       synced["observedGeneration"] == metadata["generation"];
  const bool terminal = synced["reason"].string_or("") == "InvalidSpec" && current;
  if (!plan_error.empty()) {
    if (terminal) return std::nullopt;
    return need("database.repair", plan_error);
  }
  // A size that was unknown may be known now, or mean another class; what RDS refused it will refuse again.
  const Value& refused = object["status"]["refused"];
  if (terminal && refused.is_string() && refused == Value(wish)) return std::nullopt;
  const bool done = current && synced["status"].string_or("") == "True";
  if (done || (current && synced["reason"].string_or("") == "DriftLoop")) return std::nullopt;
  return need(object["status"]["endpoint"]["host"].truthy() ? "database.repair" : "database.create",
              "its spec is not carried out");
}

std::optional<Need> need_of_facts(const Value& object, const Value& plan, const Value& drift, Timestamp now) {
  const Value& metadata = object["metadata"];
  const Value& status = object["status"];
  if (!drift.empty()) {
    const bool loop = !looping_fields(status["corrections"], drift, now).empty();
    if (loop || plan["drift_policy"].string_or("Correct") == "Report") {
      const std::string_view told = condition_of(object, "NoDrift")["reason"].string_or("");
      if (status["drift"] == drift && told == (loop ? "DriftLoop" : "DriftFound")) return std::nullopt;
      return Need{"database.report_drift", Value::dict({{"drift", drift}}), describe_differences(drift)};
    }
    return Need{"database.repair", Value::dict({{"drift", drift}}), describe_differences(drift)};
  }
  if (!condition_is(object, "NoDrift", "True")) return need("database.repair", "nothing differs any more");
  const Value& asked = metadata["annotations"][kRotate];
  if (asked.is_string() && asked != status["credentials"]["rotationRequest"])
    return Need{"database.rotate", Value::dict({{"rotation", asked}}), "the annotation squall.dev/rotate"};
  const int64_t every = plan["credentials"]["rotate_every"].int_or(0);
  const auto last = parse_timestamp(status["credentials"]["lastRotated"].string_or(""));
  if (every > 0 && last && now - *last >= std::chrono::seconds(every)) {
    return Need{"database.rotate",
                Value::dict({{"rotation", "after " + status["credentials"]["lastRotated"].string()}}),
                "credentials.rotation.every"};
  }
  return std::nullopt;
}

}  // namespace squall::runners::database
