#include "runners/native_aws.hpp"

#include "base/log.hpp"
#include "runners/native_aws_common.hpp"
#include "runners/native_patience.hpp"
#include "runners/native_vault.hpp"

namespace squall::runners {
namespace aws {

Result<clients::RdsClient> Clients::rds(const NativeCall& call) {
  {
    const std::lock_guard lock(mutex_);
    if (clients_ == nullptr) {
      clients_ = std::make_unique<clients::AwsClients>(call.services.http, call.services.clock, call.services.random,
                                                       call.services.run_program);
    }
  }
  return clients_->rds(call.request.config, call.parameters["region"].string(), call.services.environment, call.stop);
}

Error error_of(ErrorCode code, const char* type, std::string message) {
  return Error(code, std::move(message)).with_type(type);
}

Result<Value> api_parameters(const NativeCall& call, std::span<const Field> fields) {
  Value made = Value::empty_dict();
  for (const Field& field : fields) {
    const Value& value = call.parameters[field.parameter];
    // An empty text is what a template makes of something that is not set.
    if (!value.is_null() && value != Value("")) made.set(field.api_name, value);
  }
  if (const Value& tags = call.parameters["tags"]; tags.is_dict() && !tags.empty()) made.set("Tags", tag_list(tags));
  if (const Value& raw = call.parameters["parameters"]; raw.is_dict()) {
    for (const auto& [name, value] : raw.as_dict()) made.set(name, value);
  }
  for (const char* secret : {"MasterUserPassword", "TdeCredentialPassword"}) {
    if (!made[secret].is_string()) continue;
    SQ_TRY(std::string text, resolve_secret(call, made[secret].as_string()));
    add_log_secret(text);
    made.set(secret, std::move(text));
  }
  return made;
}

Value tag_list(const Value& tags) {
  List list;
  for (const auto& [key, value] : tags.as_dict()) list.push_back(Value::dict({{"Key", key}, {"Value", value}}));
  return Value(std::move(list));
}

Value instance_summary(const Value& record) {
  const Value& endpoint = record["Endpoint"];
  Value place;
  if (!endpoint["Address"].empty()) place = Value::dict({{"address", endpoint["Address"]}, {"port", endpoint["Port"]}});
  return Value::dict({{"db_instance_identifier", record["DBInstanceIdentifier"]},
                      {"status", record["DBInstanceStatus"]},
                      {"engine", record["Engine"]},
                      {"engine_version", record["EngineVersion"]},
                      {"db_instance_class", record["DBInstanceClass"]},
                      {"db_name", record["DBName"]},
                      {"master_username", record["MasterUsername"]},
                      {"endpoint", place},
                      {"arn", record["DBInstanceArn"]},
                      {"resource_id", record["DbiResourceId"]},
                      {"db_instance", record}});
}

Value snapshot_summary(const Value& record) {
  return Value::dict({{"db_snapshot_identifier", record["DBSnapshotIdentifier"]},
                      {"db_instance_identifier", record["DBInstanceIdentifier"]},
                      {"status", record["Status"]},
                      {"arn", record["DBSnapshotArn"]},
                      {"percent_progress", record["PercentProgress"]},
                      {"db_snapshot", record}});
}

std::string deadline_text(const NativeCall& call, int64_t seconds) {
  const std::string known = call.state["deadline"].string();
  return known.empty() ? format_timestamp(call.services.clock.now() + std::chrono::seconds(seconds)) : known;
}

Duration time_left(const NativeCall& call, const std::string& deadline) {
  const auto end = parse_timestamp(deadline);
  return end ? std::max(Duration::zero(), *end - call.services.clock.now()) : Duration::zero();
}

Status check_owner(const clients::RdsClient& rds, const Value& record, std::string_view owner_tag,
                   std::string_view owner) {
  const bool is_snapshot = record["DBSnapshotIdentifier"].is_string();
  SQ_TRY(const Value tags, rds.tags_of(record, record[is_snapshot ? "DBSnapshotArn" : "DBInstanceArn"].string_or("")));
  if (!owner.empty() && tags[owner_tag].string_or("") == owner) return {};
  const std::string name = is_snapshot ? "snapshot " + record["DBSnapshotIdentifier"].string()
                                       : "DB instance " + record["DBInstanceIdentifier"].string();
  const std::string tag(owner_tag);
  std::string reason = "it has no tag " + tag;
  if (tags.contains(owner_tag)) reason = "its tag " + tag + " has another value";
  if (owner.empty()) reason = "no tag " + tag + " was given to tell whose it is";
  return fail(error_of(ErrorCode::kConflict, "NameTaken",
                       "the " + name + " exists already and is not ours: " + reason + "; it was not touched"));
}

Status check_owner_if_asked(const NativeCall& call, const clients::RdsClient& rds, const Value& record) {
  const Value& owner = call.parameters["owner_uid"];
  if (owner.empty()) return {};
  return check_owner(rds, record, call.parameters["owner_tag"].string_or(kOwnerTag), owner.string_or(""));
}

}  // namespace aws

void add_aws_actions(NativeRegistry& registry) {
  const auto shared = std::make_shared<aws::Clients>();
  const auto add = [&](const char* name, aws::Action action) {
    registry.add({.name = name, .run = patient([shared, action](const NativeCall& call) -> Result<NativeAnswer> {
                                  SQ_TRY(const clients::RdsClient rds, shared->rds(call));
                                  return action(call, rds);
                                })});
  };
  add("aws.rds_create_db_instance", aws::create_instance);
  add("aws.rds_describe_db_instance", aws::describe_instance);
  add("aws.rds_describe_db_instances", aws::describe_instances);
  add("aws.rds_modify_db_instance", aws::modify_instance);
  add("aws.rds_delete_db_instance", aws::delete_instance);
  add("aws.rds_wait_db_instance", aws::wait_instance);
  add("aws.rds_create_db_snapshot", aws::create_snapshot);
  add("aws.rds_describe_db_snapshots", aws::describe_snapshots);
  add("aws.rds_delete_db_snapshot", aws::delete_snapshot);
}

}  // namespace squall::runners
