// aws.rds_create_db_snapshot, describe, delete.
#include "base/strings.hpp"
#include "runners/native_aws_common.hpp"

namespace squall::runners::aws {
namespace {

using clients::is_aws_error;

Result<NativeAnswer> take_existing(const Value& record, const std::string& instance) {
  if (!equals_ignore_case(record["DBInstanceIdentifier"].string_or(""), instance)) {
    return fail(error_of(
        ErrorCode::kConflict, "NameTaken",
        "the snapshot " + record["DBSnapshotIdentifier"].string() + " exists already and is of another DB instance"));
  }
  Value summary = snapshot_summary(record);
  summary.set("created", false);
  return NativeAnswer::succeeded(summary);
}

}  // namespace

Result<NativeAnswer> create_snapshot(const NativeCall& call, const clients::RdsClient& rds) {
  const std::string name = call.parameters["db_snapshot_identifier"].string();
  const std::string instance = call.parameters["db_instance_identifier"].string();
  if (!call.parameters["owner_uid"].empty()) {
    SQ_TRY(const Value record, rds.find_instance(instance));
    if (!record.is_null()) SQ_CHECK(check_owner_if_asked(call, rds, record));
  }
  SQ_TRY(const Value existing, rds.find_snapshot(name));
  if (!existing.is_null()) return take_existing(existing, instance);
  Value parameters = Value::dict({{"DBSnapshotIdentifier", name}, {"DBInstanceIdentifier", instance}});
  if (const Value& tags = call.parameters["tags"]; tags.is_dict() && !tags.empty())
    parameters.set("Tags", tag_list(tags));
  auto made = rds.call("CreateDBSnapshot", parameters);
  if (made) {
    Value summary = snapshot_summary((*made)["DBSnapshot"]);
    summary.set("created", true);
    return NativeAnswer::succeeded(summary);
  }
  if (!is_aws_error(made.error(), "DBSnapshotAlreadyExists")) return fail(std::move(made).error());
  SQ_TRY(const Value taken, rds.find_snapshot(name));
  if (taken.is_null()) return fail(std::move(made).error());
  return take_existing(taken, instance);
}

Result<NativeAnswer> describe_snapshots(const NativeCall& call, const clients::RdsClient& rds) {
  Value parameters = Value::dict({{"MaxRecords", 100},
                                  {"DBSnapshotIdentifier", call.parameters["db_snapshot_identifier"]},
                                  {"DBInstanceIdentifier", call.parameters["db_instance_identifier"]},
                                  {"SnapshotType", call.parameters["snapshot_type"]}});
  auto records = rds.call_all("DescribeDBSnapshots", "DBSnapshots", parameters);
  // Asked for by name, a snapshot that is not there is an error to RDS, and an empty list to us.
  if (!records && is_aws_error(records.error(), "DBSnapshotNotFound")) records = Value::empty_list();
  if (!records) return fail(std::move(records).error());
  Value snapshots = Value::empty_list();
  for (const Value& record : records->as_list()) snapshots.push_back(snapshot_summary(record));
  const size_t count = snapshots.size();
  return NativeAnswer::succeeded(Value::dict({{"db_snapshots", std::move(snapshots)}, {"count", count}}));
}

Result<NativeAnswer> delete_snapshot(const NativeCall& call, const clients::RdsClient& rds) {
  const std::string name = call.parameters["db_snapshot_identifier"].string();
  if (!call.parameters["owner_uid"].empty()) {
    SQ_TRY(const Value record, rds.find_snapshot(name));
    if (!record.is_null()) SQ_CHECK(check_owner_if_asked(call, rds, record));
  }
  auto deleted = rds.call("DeleteDBSnapshot", Value::dict({{"DBSnapshotIdentifier", name}}));
  const bool was_there = deleted.has_value();
  if (!was_there && !is_aws_error(deleted.error(), "DBSnapshotNotFound")) return fail(std::move(deleted).error());
  return NativeAnswer::succeeded(Value::dict({{"db_snapshot_identifier", name}, {"deleted", was_there}}));
}

}  // namespace squall::runners::aws
