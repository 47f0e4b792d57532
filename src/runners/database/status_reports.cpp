// The reports of status.hpp: of what is observed, and of drift that is not corrected.
#include "runners/database/names.hpp"
#include "runners/database/rds_fields.hpp"
#include "runners/database/status.hpp"

namespace squall::runners::database {
namespace {

Value condition(std::string_view type, std::string_view status, std::string_view reason, const std::string& message) {
  return Value::dict({{"type", type}, {"status", status}, {"reason", reason}, {"message", message}});
}

}  // namespace

Value observation(const Value& plan, const Value& found) {
  const std::string identifier = plan["identifier"].string();
  if (!found["exists"].bool_or(false)) {
    const std::string message = "there is no DB instance " + identifier;
    const Value status = Value::dict({{"phase", "NotFound"}, {"identifier", identifier}, {"endpoint", Value()}});
    return Value::dict({{"status", status},
                        {"conditions", Value::list({condition("Ready", "False", "NotFound", message),
                                                    condition("Synced", "True", "Observed", "nothing is changed")})},
                        {"event", Value()}});
  }
  const std::string state = found["status"].string();
  const Value drift = rds_changes(plan["owned"], found["db_instance"]).fields;
  const Value& endpoint = found["endpoint"];
  Value status = Value::dict({{"phase", "Observed"},
                              {"identifier", identifier},
                              {"arn", found["arn"]},
                              {"resourceId", found["resource_id"]},
                              {"engineVersion", found["engine_version"]},
                              {"size", found["db_instance_class"]},
                              {"drift", drift}});
  if (endpoint["address"].truthy()) {
    const std::string address = endpoint["address"].string() + ":" + std::to_string(endpoint["port"].int_or(0));
    status.set("endpoint",
               Value::dict({{"host", endpoint["address"]}, {"port", endpoint["port"]}, {"address", address}}));
  }
  const std::string differences = describe_differences(drift);
  Value conditions = Value::list(
      {condition("Ready", state == "available" ? "True" : "False", "Observed", "the DB instance is " + state),
       condition("Synced", "True", "Observed", "managementPolicy is Observe: nothing is changed"),
       differences.empty() ? condition("NoDrift", "True", "Observed", "as the spec says")
                           : condition("NoDrift", "False", "DriftFound", differences)});
  return Value::dict({{"status", status}, {"conditions", conditions}, {"event", Value()}});
}

Value drift_report(const Value& object, const Value& drift, Timestamp now) {
  const Value looping = looping_fields(object["status"]["corrections"], drift, now);
  const std::string differences = describe_differences(drift);
  const bool is_loop = !looping.empty();
  std::string message = differences;
  if (is_loop) {
    message = "corrected " + std::to_string(kDriftLoopMax) + " times within an hour, and it came back: " + differences +
              "; squall stops until the spec changes or an hour has passed: find out who changes it";
  }
  const std::string reason = is_loop ? "DriftLoop" : "DriftFound";
  Value conditions = Value::list({condition("NoDrift", "False", reason, message)});
  if (is_loop) {
    conditions.push_back(condition("DriftLoop", "True", "DriftLoop", message));
    conditions.push_back(condition("Synced", "False", "DriftLoop", message));
  }
  Value status = Value::dict({{"drift", drift}});
  if (is_outage(drift)) {
    status.set("phase", "InstanceUnavailable");
    conditions.push_back(condition("Ready", "False", "InstanceUnavailable", differences));
  }
  return Value::dict(
      {{"status", status},
       {"conditions", conditions},
       {"event", Value::dict({{"type", "Warning"}, {"reason", reason}, {"action", "Report"}, {"note", message}})}});
}

}  // namespace squall::runners::database
