// aws.rds_create_db_instance, describe, modify.
#include "runners/native_aws_common.hpp"

namespace squall::runners::aws {
namespace {

using clients::is_aws_error;

constexpr Field kCreateFields[] = {
    {"db_instance_identifier", "DBInstanceIdentifier"},
    {"db_instance_class", "DBInstanceClass"},
    {"engine", "Engine"},
    {"engine_version", "EngineVersion"},
    {"engine_lifecycle_support", "EngineLifecycleSupport"},
    {"allocated_storage", "AllocatedStorage"},
    {"max_allocated_storage", "MaxAllocatedStorage"},
    {"storage_type", "StorageType"},
    {"iops", "Iops"},
    {"storage_throughput", "StorageThroughput"},
    {"storage_encrypted", "StorageEncrypted"},
    {"kms_key_id", "KmsKeyId"},
    {"dedicated_log_volume", "DedicatedLogVolume"},
    {"db_name", "DBName"},
    {"db_cluster_identifier", "DBClusterIdentifier"},
    {"port", "Port"},
    {"master_username", "MasterUsername"},
    {"master_user_password", "MasterUserPassword"},
    {"manage_master_user_password", "ManageMasterUserPassword"},
    {"master_user_secret_kms_key_id", "MasterUserSecretKmsKeyId"},
    {"enable_iam_database_authentication", "EnableIAMDatabaseAuthentication"},
    {"availability_zone", "AvailabilityZone"},
    {"multi_az", "MultiAZ"},
    {"db_subnet_group_name", "DBSubnetGroupName"},
    {"vpc_security_group_ids", "VpcSecurityGroupIds"},
    {"publicly_accessible", "PubliclyAccessible"},
    {"network_type", "NetworkType"},
    {"ca_certificate_identifier", "CACertificateIdentifier"},
    {"db_parameter_group_name", "DBParameterGroupName"},
    {"option_group_name", "OptionGroupName"},
    {"character_set_name", "CharacterSetName"},
    {"nchar_character_set_name", "NcharCharacterSetName"},
    {"timezone", "Timezone"},
    {"license_model", "LicenseModel"},
    {"processor_features", "ProcessorFeatures"},
    {"backup_retention_period", "BackupRetentionPeriod"},
    {"preferred_backup_window", "PreferredBackupWindow"},
    {"preferred_maintenance_window", "PreferredMaintenanceWindow"},
    {"auto_minor_version_upgrade", "AutoMinorVersionUpgrade"},
    {"copy_tags_to_snapshot", "CopyTagsToSnapshot"},
    {"deletion_protection", "DeletionProtection"},
    {"monitoring_interval", "MonitoringInterval"},
    {"monitoring_role_arn", "MonitoringRoleArn"},
    {"enable_performance_insights", "EnablePerformanceInsights"},
    {"performance_insights_kms_key_id", "PerformanceInsightsKMSKeyId"},
    {"performance_insights_retention_period", "PerformanceInsightsRetentionPeriod"},
    {"database_insights_mode", "DatabaseInsightsMode"},
    {"enable_cloudwatch_logs_exports", "EnableCloudwatchLogsExports"},
    {"promotion_tier", "PromotionTier"},
    {"domain", "Domain"},
    {"domain_iam_role_name", "DomainIAMRoleName"},
};

constexpr Field kModifyFields[] = {
    {"db_instance_identifier", "DBInstanceIdentifier"},
    {"new_db_instance_identifier", "NewDBInstanceIdentifier"},
    {"apply_immediately", "ApplyImmediately"},
    {"db_instance_class", "DBInstanceClass"},
    {"engine_version", "EngineVersion"},
    {"allow_major_version_upgrade", "AllowMajorVersionUpgrade"},
    {"auto_minor_version_upgrade", "AutoMinorVersionUpgrade"},
    {"allocated_storage", "AllocatedStorage"},
    {"max_allocated_storage", "MaxAllocatedStorage"},
    {"storage_type", "StorageType"},
    {"iops", "Iops"},
    {"storage_throughput", "StorageThroughput"},
    {"dedicated_log_volume", "DedicatedLogVolume"},
    {"db_port_number", "DBPortNumber"},
    {"master_user_password", "MasterUserPassword"},
    {"manage_master_user_password", "ManageMasterUserPassword"},
    {"rotate_master_user_password", "RotateMasterUserPassword"},
    {"master_user_secret_kms_key_id", "MasterUserSecretKmsKeyId"},
    {"enable_iam_database_authentication", "EnableIAMDatabaseAuthentication"},
    {"multi_az", "MultiAZ"},
    {"db_subnet_group_name", "DBSubnetGroupName"},
    {"vpc_security_group_ids", "VpcSecurityGroupIds"},
    {"publicly_accessible", "PubliclyAccessible"},
    {"network_type", "NetworkType"},
    {"ca_certificate_identifier", "CACertificateIdentifier"},
    {"certificate_rotation_restart", "CertificateRotationRestart"},
    {"db_parameter_group_name", "DBParameterGroupName"},
    {"option_group_name", "OptionGroupName"},
    {"license_model", "LicenseModel"},
    {"processor_features", "ProcessorFeatures"},
    {"use_default_processor_features", "UseDefaultProcessorFeatures"},
    {"backup_retention_period", "BackupRetentionPeriod"},
    {"preferred_backup_window", "PreferredBackupWindow"},
    {"preferred_maintenance_window", "PreferredMaintenanceWindow"},
    {"copy_tags_to_snapshot", "CopyTagsToSnapshot"},
    {"deletion_protection", "DeletionProtection"},
    {"monitoring_interval", "MonitoringInterval"},
    {"monitoring_role_arn", "MonitoringRoleArn"},
    {"enable_performance_insights", "EnablePerformanceInsights"},
    {"performance_insights_kms_key_id", "PerformanceInsightsKMSKeyId"},
    {"performance_insights_retention_period", "PerformanceInsightsRetentionPeriod"},
    {"database_insights_mode", "DatabaseInsightsMode"},
    {"cloudwatch_logs_export_configuration", "CloudwatchLogsExportConfiguration"},
    {"promotion_tier", "PromotionTier"},
    {"replica_mode", "ReplicaMode"},
    {"domain", "Domain"},
    {"domain_iam_role_name", "DomainIAMRoleName"},
};

Value created_summary(const Value& record, bool created) {
  Value summary = instance_summary(record);
  summary.set("created", created);
  return summary;
}

// An instance of that name: ours from an earlier try, or somebody else's.
Result<NativeAnswer> take_existing(const NativeCall& call, const clients::RdsClient& rds, const Value& record) {
  const std::string_view owner_tag = call.parameters["owner_tag"].string_or(kOwnerTag);
  SQ_CHECK(check_owner(rds, record, owner_tag, call.parameters["tags"][owner_tag].string_or("")));
  if (record["DBInstanceStatus"].string_or("") == "deleting") {
    return fail(error_of(ErrorCode::kUnavailable, "InvalidDBInstanceState",
                         "the DB instance " + record["DBInstanceIdentifier"].string() +
                             " is being deleted; create it anew when it is gone"));
  }
  return NativeAnswer::succeeded(created_summary(record, false));
}

// [{"Name": ..., "Values": [...]}] from {"name": "value" or [values]}.
Value filter_list(const Value& filters) {
  List list;
  for (const auto& [name, value] : filters.as_dict()) {
    list.push_back(Value::dict({{"Name", name}, {"Values", value.is_list() ? value : Value::list({value})}}));
  }
  return Value(std::move(list));
}

}  // namespace

Result<NativeAnswer> create_instance(const NativeCall& call, const clients::RdsClient& rds) {
  const std::string identifier = call.parameters["db_instance_identifier"].string();
  SQ_TRY(const Value existing, rds.find_instance(identifier));
  if (!existing.is_null()) return take_existing(call, rds, existing);
  SQ_TRY(const Value parameters, api_parameters(call, kCreateFields));
  auto made = rds.call("CreateDBInstance", parameters);
  if (made) return NativeAnswer::succeeded(created_summary((*made)["DBInstance"], true));
  if (!is_aws_error(made.error(), "DBInstanceAlreadyExists")) return fail(std::move(made).error());
  // Somebody was quicker, or the reply to our own first try was lost.
  SQ_TRY(const Value taken, rds.find_instance(identifier));
  if (taken.is_null()) return fail(std::move(made).error());
  return take_existing(call, rds, taken);
}

Result<NativeAnswer> describe_instance(const NativeCall& call, const clients::RdsClient& rds) {
  const std::string identifier = call.parameters["db_instance_identifier"].string();
  SQ_TRY(const Value record, rds.find_instance(identifier));
  if (record.is_null()) {
    if (call.parameters["missing_ok"].bool_or(false)) {
      return NativeAnswer::succeeded(Value::dict({{"db_instance_identifier", identifier}, {"exists", false}}));
    }
    return fail(error_of(ErrorCode::kNotFound, "DBInstanceNotFound", "there is no DB instance " + identifier)
                    .with_http_status(404));
  }
  SQ_TRY(const Value tags, rds.tags_of(record, record["DBInstanceArn"].string_or("")));
  Value summary = instance_summary(record);
  summary.set("exists", true);
  summary.set("tags", tags);
  return NativeAnswer::succeeded(summary);
}

Result<NativeAnswer> describe_instances(const NativeCall& call, const clients::RdsClient& rds) {
  Value parameters = Value::dict({{"MaxRecords", 100}});
  if (const Value& filters = call.parameters["filters"]; filters.is_dict())
    parameters.set("Filters", filter_list(filters));
  SQ_TRY(const Value records, rds.call_all("DescribeDBInstances", "DBInstances", parameters));
  Value instances = Value::empty_list();
  for (const Value& record : records.as_list()) instances.push_back(instance_summary(record));
  const size_t count = instances.size();
  return NativeAnswer::succeeded(Value::dict({{"db_instances", std::move(instances)}, {"count", count}}));
}

Result<NativeAnswer> modify_instance(const NativeCall& call, const clients::RdsClient& rds) {
  if (!call.parameters["owner_uid"].empty()) {
    const std::string identifier = call.parameters["db_instance_identifier"].string();
    SQ_TRY(const Value record, rds.find_instance(identifier));
    if (record.is_null()) {
      return fail(error_of(ErrorCode::kNotFound, "DBInstanceNotFound", "there is no DB instance " + identifier)
                      .with_http_status(404));
    }
    SQ_CHECK(check_owner_if_asked(call, rds, record));
  }
  SQ_TRY(const Value parameters, api_parameters(call, kModifyFields));
  SQ_TRY(const Value made, rds.call("ModifyDBInstance", parameters));
  Value summary = instance_summary(made["DBInstance"]);
  summary.set("pending_modified_values", made["DBInstance"]["PendingModifiedValues"]);
  return NativeAnswer::succeeded(summary);
}

}  // namespace squall::runners::aws
