// database.create_instance, wait_instance, delete_instance, find_instance: the actions of the pack aws, at the
// resource's provider, with its password, and with what happens told on the resource.
//
// They do not wait while AWS is away, as those of the pack aws do: the chain fails, says so on the resource and is
// tried again.
#include "base/log.hpp"
#include "base/strings.hpp"
#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"
#include "runners/database/plan.hpp"
#include "runners/database/rds_fields.hpp"
#include "runners/database/store.hpp"
#include "runners/native_aws_common.hpp"

namespace squall::runners::database {
namespace {

using clients::is_aws_error;

// Fields of CreateDBInstance that both restores take too.
constexpr std::string_view kRestorable[] = {"AutoMinorVersionUpgrade",
                                            "AvailabilityZone",
                                            "CACertificateIdentifier",
                                            "CopyTagsToSnapshot",
                                            "DBParameterGroupName",
                                            "DedicatedLogVolume",
                                            "EnableCloudwatchLogsExports",
                                            "EnableIAMDatabaseAuthentication",
                                            "Iops",
                                            "LicenseModel",
                                            "NetworkType",
                                            "OptionGroupName",
                                            "Port",
                                            "ProcessorFeatures",
                                            "StorageThroughput"};

NativeCall with(const NativeCall& call, const Value& parameters, const Value& state) {
  return NativeCall{call.request, parameters, state, call.stop, call.services};
}

Value restore_parameters(const Value& plan, const Value& tags) {
  const Value& rds = plan["rds"];
  Value parameters = Value::dict({{"DBInstanceClass", rds["db_instance_class"]},
                                  {"StorageType", rds["storage_type"]},
                                  {"MultiAZ", rds["multi_az"]},
                                  {"PubliclyAccessible", rds["publicly_accessible"]},
                                  {"DeletionProtection", rds["deletion_protection"]},
                                  {"DBSubnetGroupName", rds["db_subnet_group_name"]},
                                  {"VpcSecurityGroupIds", rds["vpc_security_group_ids"]},
                                  {"Tags", aws::tag_list(tags)}});
  for (const std::string_view name : kRestorable) {
    if (const Value& value = rds["parameters"][name]; !value.is_null()) parameters.set(std::string(name), value);
  }
  return parameters;
}

Error no_source(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kNotFound, path + ": " + why).with_type("ReferenceNotFound");
}

// The source has to be there and of the engine that the spec says: told before anything is made.
Status check_source(const clients::RdsClient& rds, const Value& plan) {
  const Value& restore = plan["restore"];
  const bool from_snapshot = restore["snapshot"].is_string();
  const std::string path = from_snapshot ? "spec.restoreFrom.snapshot" : "spec.restoreFrom.pointInTime.source";
  const std::string name = from_snapshot ? restore["snapshot"].string() : restore["source"].string();
  SQ_TRY(const Value source, from_snapshot ? rds.find_snapshot(name) : rds.find_instance(name));
  if (source.is_null())
    return fail(no_source(path, std::string("there is no DB ") + (from_snapshot ? "snapshot " : "instance ") + name));
  if (source["Engine"].is_string() && source["Engine"] != plan["engine"]) {
    return fail(bad_field(
        path, name + " is of " + source["Engine"].string() + ", and spec.engine is " + plan["engine"].string()));
  }
  return {};
}

// The snapshot has a password of its own, so the instance does not get the tag that says it has ours: the step
// `set_password` gives it.
Result<NativeAnswer> restore_instance(const NativeCall& call, const clients::RdsClient& rds, Value tags) {
  const Value& plan = call.parameters["plan"];
  const Value& restore = plan["restore"];
  tags.set(kPasswordTag, "none");
  SQ_CHECK(check_source(rds, plan));
  Value parameters = restore_parameters(plan, tags);
  const bool from_snapshot = restore["snapshot"].is_string();
  if (from_snapshot) {
    parameters.set("DBInstanceIdentifier", plan["identifier"]);
    parameters.set("DBSnapshotIdentifier", restore["snapshot"]);
  } else {
    parameters.set("TargetDBInstanceIdentifier", plan["identifier"]);
    parameters.set("SourceDBInstanceIdentifier", restore["source"]);
    if (restore["time"].is_string()) {
      parameters.set("RestoreTime", restore["time"]);
    } else {
      parameters.set("UseLatestRestorableTime", true);
    }
  }
  SQ_TRY(const Value made,
         rds.call(from_snapshot ? "RestoreDBInstanceFromDBSnapshot" : "RestoreDBInstanceToPointInTime", parameters));
  Value summary = aws::instance_summary(made["DBInstance"]);
  summary.set("created", true);
  summary.set("restored_from", from_snapshot ? restore["snapshot"] : restore["source"]);
  return NativeAnswer::succeeded(std::move(summary));
}

// "backing-up" -> "BackingUp"
std::string as_reason(std::string_view status) {
  std::string reason;
  bool upper = true;
  for (const char c : status) {
    if (c == '-' || c == ' ') {
      upper = true;
      continue;
    }
    reason += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return reason;
}

// What the resource says while RDS is at work; null when that is nothing new to say.
Value progress(const Value& plan, const std::string& target, const std::string& status) {
  const std::string identifier = plan["identifier"].string();
  const Value& snapshot = plan["deletion"]["final_snapshot"];
  std::string reason, message;
  if (target == "deleted") {
    reason = snapshot.truthy() ? "SnapshotPending" : "Deleting";
    message = "RDS instance " + identifier + " is " + status +
              (snapshot.truthy() ? ": RDS takes the final snapshot " + snapshot.string() + " first" : "");
  } else if (plan["doing"].string_or("") == "Creating" && !status.empty()) {
    reason = status == "available" ? "Creating" : as_reason(status);
    message = "RDS instance " + identifier + " is " + status + ": RDS is at work, 5 to 15 minutes are usual";
  } else {
    return {};
  }
  Value conditions = Value::empty_list();
  for (const char* type : {"Ready", "Synced", "Provisioned"}) {
    if (target == "deleted" && std::string_view(type) == "Provisioned") continue;
    conditions.push_back(Value::dict({{"type", type}, {"status", "False"}, {"reason", reason}, {"message", message}}));
  }
  return Value::dict(
      {{"object", plan["object"]}, {"status", Value::dict({{"phase", reason}})}, {"conditions", conditions}});
}

std::string last_status(const Value& state) {
  const Value& walk = state["walk"];
  return walk.size() > 0 ? walk[walk.size() - 1]["status"].string() : std::string();
}

}  // namespace

Result<NativeAnswer> create_instance(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  const Value& tags = call.parameters["tags"];
  SQ_TRY(const clients::RdsClient rds, services.rds(call, plan));
  Value parameters = plan["rds"];
  parameters.set("db_instance_identifier", plan["identifier"]);
  parameters.set("tags", tags);
  SQ_TRY(const Value existing, rds.find_instance(plan["identifier"].string()));
  if (existing.is_null() && plan["restore"].is_dict()) {
    auto restored = restore_instance(call, rds, tags);
    if (restored || !is_aws_error(restored.error(), "DBInstanceAlreadyExists")) return restored;
  }
  if (existing.is_null() && is_aws_managed(plan)) {
    parameters.set("manage_master_user_password", true);
  } else if (existing.is_null()) {
    SQ_TRY(const auto store, password_store(call, services, plan));
    SQ_TRY(const std::string password, password_by_fingerprint(*store, plan, call.parameters["fingerprint"].string()));
    parameters.set("master_user_password", password);
  }
  return aws::create_instance(with(call, parameters, call.state), rds);
}

Result<NativeAnswer> wait_instance(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  const std::string target(call.parameters["target"].string_or("available"));
  SQ_TRY(const clients::RdsClient rds, services.rds(call, plan));
  const Value parameters = Value::dict({{"db_instance_identifier", plan["identifier"]},
                                        {"target", target},
                                        {"poll_interval", plan["poll_interval"]},
                                        {"timeout", call.parameters["timeout"]}});
  const Value& inner = call.state["wait"];
  SQ_TRY(NativeAnswer answer, aws::wait_instance(with(call, parameters, inner), rds));
  if (!answer.wait) return answer;
  const std::string status = last_status(answer.wait->state);
  if (target == "available" && (status == "stopped" || status == "stopping")) {
    return fail(Error(ErrorCode::kRemote, "the DB instance " + plan["identifier"].string() + " is " + status +
                                              "; start it, squall does not")
                    .with_type("DBInstanceFailed"));
  }
  std::string told = call.state["told"].string();
  if (status != told) {
    const Value news = progress(plan, target, status);
    // A courtesy; what counts is told by the steps of the chain.
    if (!news.is_null() && !tell_now(with(call, news, Value()), services))
      log_debug("progress could not be told", {{"instance", plan["identifier"].string()}});
    told = status;
  }
  answer.wait->state = Value::dict({{"wait", answer.wait->state}, {"told", told}});
  return answer;
}

Result<NativeAnswer> delete_instance(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  SQ_TRY(const clients::RdsClient rds, services.rds(call, plan));
  const Value& deletion = plan["deletion"];
  const Value parameters = Value::dict({{"db_instance_identifier", plan["identifier"]},
                                        {"owner_uid", plan["uid"]},
                                        {"skip_final_snapshot", deletion["skip_final_snapshot"]},
                                        {"final_db_snapshot_identifier", deletion["final_snapshot"]},
                                        {"disable_deletion_protection", true},
                                        {"timeout", plan["delete_timeout"]}});
  return aws::delete_instance(with(call, parameters, call.state), rds);
}

Result<NativeAnswer> find_instance(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  SQ_TRY(const clients::RdsClient rds, services.rds(call, plan));
  const Value parameters = Value::dict({{"db_instance_identifier", plan["identifier"]}, {"missing_ok", true}});
  return aws::describe_instance(with(call, parameters, call.state), rds);
}

}  // namespace squall::runners::database
