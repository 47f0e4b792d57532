#include "runners/database/status.hpp"

#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"
#include "value/json.hpp"

namespace squall::runners::database {
namespace {

Value condition(std::string_view type, std::string_view status, std::string_view reason, const std::string& message) {
  return Value::dict({{"type", type}, {"status", status}, {"reason", reason}, {"message", message}});
}

std::string text_of(const Value& value) {
  return value.is_null() ? "nothing" : value.is_string() ? value.string() : to_json(value);
}

const List& items(const Value& value) {
  static const List kNone;
  return value.is_list() ? value.as_list() : kNone;
}

Value event(std::string_view type, std::string_view reason, std::string_view action, const std::string& note,
            bool always) {
  return Value::dict({{"type", type}, {"reason", reason}, {"action", action}, {"note", note}, {"always", always}});
}

std::string address_of(const Value& endpoint) { return text_of(endpoint["address"]) + ":" + text_of(endpoint["port"]); }

// When a password was made by the chain, the next one is due an interval later; else the dates stay.
Value rotation_status(const Outcome& outcome) {
  const Value& before = outcome.object["status"]["credentials"];
  const std::string place = credentials_place(outcome.plan);
  Value credentials = Value::dict({{"mode", outcome.plan["credentials"]["mode"]},
                                   {"vaultPath", place.empty() ? Value() : Value(place)},
                                   {"role", outcome.plan["logins"]["role"]},
                                   {"secretArn", outcome.credentials["instance"]["secret_arn"]},
                                   {"username", outcome.plan["logins"].is_dict() ? outcome.plan["logins"]["username"]
                                                                                 : outcome.credentials["username"]},
                                   {"passwordVersion", outcome.credentials["version"]}});
  const bool rotated = outcome.credentials["new_password"].bool_or(false) || outcome.logins["rotated"].bool_or(false) ||
                       !before["lastRotated"].is_string();
  const std::string last = rotated ? kubernetes_time(outcome.now) : before["lastRotated"].string();
  credentials.set("lastRotated", last);
  const int64_t every = outcome.plan["credentials"]["rotate_every"].int_or(0);
  const auto since = parse_timestamp(last);
  credentials.set("nextRotation",
                  every > 0 && since ? Value(kubernetes_time(*since + std::chrono::seconds(every))) : Value());
  // The request that was there when the chain began is done with: carried out, or older than the first password.
  const Value& asked = outcome.object["metadata"]["annotations"][kRotate];
  if (asked.is_string() && (rotated || !outcome.rotation.empty())) credentials.set("rotationRequest", asked);
  return credentials;
}

Value corrections_after(const Outcome& outcome) {
  Value corrections = recent_corrections(outcome.object["status"]["corrections"], outcome.now);
  for (const Value& difference : items(outcome.drift)) {
    const std::string field = difference["field"].string();
    bool found = false;
    for (size_t i = 0; i < corrections.size() && !found; ++i) {
      if (corrections[i]["field"].string_or("") != field) continue;
      found = true;
      Value times = corrections[i]["times"];
      times.push_back(kubernetes_time(outcome.now));
      corrections.mut_list()[i].set("times", times);
    }
    if (!found) {
      corrections.push_back(
          Value::dict({{"field", field}, {"times", Value::list({Value(kubernetes_time(outcome.now))})}}));
    }
  }
  return corrections;
}

std::string synced_message(const Outcome& outcome) {
  const Value& pending = outcome.modified["pending"];
  std::string names;
  for (const Value& name : items(pending)) names += (names.empty() ? "" : ", ") + name.string();
  if (!names.empty()) return "waits for the maintenance window: " + names;
  std::string unchangeable = describe_differences(outcome.modified["unchangeable"]);
  if (!unchangeable.empty()) return "cannot be changed on a running instance: " + unchangeable;
  return "generation " + std::to_string(outcome.plan["generation"].int_or(0)) + " is carried out";
}

bool in_consul(const Value& plan) { return plan["consul"]["wanted"].bool_or(true); }

// "postgres 16.8"
std::string engine_text(const Value& plan, const Outcome& outcome) {
  const Value& version = outcome.modified["engine_version"].is_string() ? outcome.modified["engine_version"]
                                                                        : outcome.instance["engine_version"];
  return plan["engine"].string() + (version.truthy() ? " " + version.string() : std::string());
}

Value end_event(const Outcome& outcome) {
  const std::string doing = outcome.plan["doing"].string();
  const std::string address = address_of(outcome.instance["endpoint"]);
  const bool by_vault = outcome.logins["rotated"].bool_or(false);
  const Value& version = outcome.credentials["version"];
  if (!outcome.rotation.empty() && (by_vault || outcome.credentials["new_password"].bool_or(false))) {
    return event("Normal", "Rotated", "Rotate",
                 "the password is changed; " + credentials_label(outcome.plan) + " has the new one" +
                     (by_vault || !version.is_int() ? std::string() : ", version " + text_of(version)),
                 true);
  }
  if (doing == "Creating") {
    return event(
        "Normal", "Available", "Create",
        address + " is ready; credentials in " + credentials_label(outcome.plan) +
            (in_consul(outcome.plan) ? ", endpoint in Consul under " + outcome.plan["consul"]["prefix"].string()
                                     : std::string()),
        false);
  }
  if (!items(outcome.drift).empty())
    return event("Normal", "DriftCorrected", "Repair", "corrected: " + describe_differences(outcome.drift), true);
  const std::string changed = describe_differences(outcome.modified["changed"]);
  return event("Normal", "Modified", "Modify", changed.empty() ? "nothing had to be changed at RDS" : changed, false);
}

}  // namespace

std::string describe_differences(const Value& differences) {
  std::string text;
  for (const Value& difference : items(differences)) {
    if (!text.empty()) text += ", ";
    text += difference["field"].string() + " " + text_of(difference["have"]) + " -> " + text_of(difference["want"]);
  }
  return text;
}

bool is_outage(const Value& drift) {
  for (const Value& difference : items(drift)) {
    const std::string_view field = difference["field"].string_or("");
    if (field == "DB instance" || field == "DB instance status") return true;
  }
  return false;
}

Value recent_corrections(const Value& corrections, Timestamp now) {
  Value recent = Value::empty_list();
  for (const Value& correction : items(corrections)) {
    Value times = Value::empty_list();
    for (const Value& time : items(correction["times"])) {
      const auto at = parse_timestamp(time.string_or(""));
      if (at && now - *at < kDriftLoopWindow) times.push_back(time);
    }
    if (!times.empty()) recent.push_back(Value::dict({{"field", correction["field"]}, {"times", times}}));
  }
  return recent;
}

Value looping_fields(const Value& corrections, const Value& drift, Timestamp now) {
  Value looping = Value::empty_list();
  const Value recent = recent_corrections(corrections, now);
  for (const Value& difference : items(drift)) {
    for (const Value& correction : items(recent)) {
      if (correction["field"] == difference["field"] &&
          static_cast<int64_t>(correction["times"].size()) >= kDriftLoopMax)
        looping.push_back(difference["field"]);
    }
  }
  return looping;
}

Value announcement(const Value& object, const Value& plan, const Value& drift, int64_t attempt) {
  const std::string doing = plan["doing"].string();
  const std::string identifier = plan["identifier"].string();
  Value status = Value::dict({{"identifier", identifier}, {"execution", Value::dict({{"step", doing}})}});
  if (!object["status"]["size"].truthy()) status.set("size", plan["size"]);
  if (!object["status"]["engine"].truthy())
    status.set("engine", plan["engine"].string() + " " + plan["engine_version"].string());
  Value conditions = Value::empty_list();
  if (attempt > 0) return Value::dict({{"status", status}, {"conditions", conditions}, {"event", Value()}});
  if (doing != "Repairing") {
    status.set("phase", doing);
    const std::string message =
        doing == "Creating" ? "RDS instance " + identifier + " is being created"
                            : "generation " + std::to_string(plan["generation"].int_or(0)) + " is being carried out";
    conditions.push_back(condition("Ready", "False", doing, message));
    conditions.push_back(condition("Synced", "False", doing, message));
    if (doing == "Creating" && !condition_is(object, "Provisioned", "True"))
      conditions.push_back(condition("Provisioned", "False", doing, message));
    return Value::dict({{"status", status},
                        {"conditions", conditions},
                        {"event", event("Normal", doing, doing == "Creating" ? "Create" : "Modify", message, false)}});
  }
  if (drift.empty()) return Value::dict({{"status", status}, {"conditions", conditions}, {"event", Value()}});
  const std::string message = describe_differences(drift);
  status.set("drift", drift);
  conditions.push_back(condition("NoDrift", "False", "DriftFound", message));
  conditions.push_back(condition("Synced", "False", "Correcting", message));
  if (is_outage(drift)) {
    status.set("phase", "InstanceUnavailable");
    conditions.push_back(condition("Ready", "False", "InstanceUnavailable", message));
  }
  return Value::dict({{"status", status},
                      {"conditions", conditions},
                      {"event", event("Warning", "DriftFound", "Repair", "found: " + message, true)}});
}

Value summary(const Outcome& outcome) {
  const Value& plan = outcome.plan;
  const Value& instance = outcome.instance;
  const Value& endpoint = instance["endpoint"];
  const std::string address = address_of(endpoint);
  Value status = Value::dict(
      {{"phase", "Available"},
       {"identifier", plan["identifier"]},
       {"arn", instance["arn"]},
       {"resourceId", instance["resource_id"]},
       {"engineVersion", outcome.modified["engine_version"].is_string() ? outcome.modified["engine_version"]
                                                                        : instance["engine_version"]},
       {"size", plan["size"]},
       {"engine", engine_text(plan, outcome)},
       {"endpoint", Value::dict({{"host", endpoint["address"]}, {"port", endpoint["port"]}, {"address", address}})},
       {"credentials", rotation_status(outcome)},
       {"consul", in_consul(plan)
                      ? Value::dict({{"kvPrefix", plan["consul"]["prefix"]}, {"service", plan["consul"]["service"]}})
                      : Value()},
       {"nextTry", Value()},
       {"refused", Value()},
       {"drift", Value::empty_list()},
       {"execution", Value::dict({{"step", "done"}})}});
  if (!outcome.secret.is_null())
    status.set("secretRef",
               outcome.secret["name"].is_string() ? Value::dict({{"name", outcome.secret["name"]}}) : Value());
  const bool new_generation =
      outcome.object["status"]["observedGeneration"] != outcome.object["metadata"]["generation"];
  // A change of the spec is a new beginning for the guard against drift that comes back.
  status.set("corrections", new_generation ? Value::empty_list() : corrections_after(outcome));
  Value conditions =
      Value::list({condition("Ready", "True", "Available", address),
                   condition("Synced", "True", "Available", synced_message(outcome)),
                   condition("Provisioned", "True", "Available", "RDS instance " + plan["identifier"].string()),
                   condition("CredentialsPublished", "True", "Available", credentials_label(plan)),
                   condition("EndpointPublished", "True", "Available",
                             in_consul(plan) ? "Consul " + plan["consul"]["prefix"].string()
                                             : "in status.endpoint; Consul is not asked for"),
                   condition("NoDrift", "True", "Available", "as the spec says")});
  if (condition_is(outcome.object, "DriftLoop", "True"))
    conditions.push_back(condition("DriftLoop", "False", "Available", "no drift is being corrected again and again"));
  return Value::dict({{"status", status}, {"conditions", conditions}, {"event", end_event(outcome)}});
}

}  // namespace squall::runners::database
