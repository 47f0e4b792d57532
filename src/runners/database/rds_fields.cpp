#include "runners/database/rds_fields.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "base/strings.hpp"
#include "value/json.hpp"

namespace squall::runners::database {
namespace {

enum class Rule { kEqual, kGrows, kVersion, kGroups, kIgnoreCase };

// A parameter of CreateDBInstance, where the record shows it, and how it is changed. `modify` empty: it cannot be.
struct Field {
  std::string_view name;
  std::string_view shown;
  std::string_view modify;
  Rule rule = Rule::kEqual;
};
constexpr Field kFields[] = {
    {"DBInstanceClass", "DBInstanceClass", "DBInstanceClass"},
    {"EngineVersion", "EngineVersion", "EngineVersion", Rule::kVersion},
    {"AllocatedStorage", "AllocatedStorage", "AllocatedStorage", Rule::kGrows},
    {"MaxAllocatedStorage", "MaxAllocatedStorage", "MaxAllocatedStorage"},
    {"StorageType", "StorageType", "StorageType", Rule::kIgnoreCase},
    {"Iops", "Iops", "Iops"},
    {"StorageThroughput", "StorageThroughput", "StorageThroughput"},
    {"MultiAZ", "MultiAZ", "MultiAZ"},
    {"PubliclyAccessible", "PubliclyAccessible", "PubliclyAccessible"},
    {"VpcSecurityGroupIds", "VpcSecurityGroups", "VpcSecurityGroupIds", Rule::kGroups},
    {"BackupRetentionPeriod", "BackupRetentionPeriod", "BackupRetentionPeriod"},
    {"PreferredBackupWindow", "PreferredBackupWindow", "PreferredBackupWindow", Rule::kIgnoreCase},
    {"PreferredMaintenanceWindow", "PreferredMaintenanceWindow", "PreferredMaintenanceWindow", Rule::kIgnoreCase},
    {"DeletionProtection", "DeletionProtection", "DeletionProtection"},
    {"AutoMinorVersionUpgrade", "AutoMinorVersionUpgrade", "AutoMinorVersionUpgrade"},
    {"CopyTagsToSnapshot", "CopyTagsToSnapshot", "CopyTagsToSnapshot"},
    {"MonitoringInterval", "MonitoringInterval", "MonitoringInterval"},
    {"MonitoringRoleArn", "MonitoringRoleArn", "MonitoringRoleArn"},
    {"LicenseModel", "LicenseModel", "LicenseModel", Rule::kIgnoreCase},
    {"CACertificateIdentifier", "CACertificateIdentifier", "CACertificateIdentifier"},
    {"EnableIAMDatabaseAuthentication", "IAMDatabaseAuthenticationEnabled", "EnableIAMDatabaseAuthentication"},
    {"EnablePerformanceInsights", "PerformanceInsightsEnabled", "EnablePerformanceInsights"},
    {"DBParameterGroupName", "DBParameterGroups", "DBParameterGroupName"},
    {"OptionGroupName", "OptionGroupMemberships", "OptionGroupName"},
    {"StorageEncrypted", "StorageEncrypted", ""},
    {"DBName", "DBName", ""},
    {"Engine", "Engine", ""},
};

const Field* find_field(std::string_view name) {
  for (const Field& field : kFields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

// Texts of templates and numbers of YAML are one to us.
std::string text_of(const Value& value) { return value.is_string() ? value.string() : to_json(value); }

Value group_ids(const Value& shown) {
  std::vector<std::string> ids;
  for (size_t i = 0; i < shown.size(); ++i) {
    const Value& id = shown[i].is_dict() ? shown[i]["VpcSecurityGroupId"] : shown[i];
    ids.push_back(id.string());
  }
  std::sort(ids.begin(), ids.end());
  Value list = Value::empty_list();
  for (const std::string& id : ids) list.push_back(id);
  return list;
}

// What the instance has, pending values first; null when the record does not tell.
Value have_of(const Field& field, const Value& record) {
  const Value& pending = record["PendingModifiedValues"][field.name];
  if (!pending.is_null()) return pending;
  const Value& shown = record[field.shown];
  if (field.name == "DBParameterGroupName") return shown[size_t{0}]["DBParameterGroupName"];
  if (field.name == "OptionGroupName") return shown[size_t{0}]["OptionGroupName"];
  if (field.rule == Rule::kGroups) return shown.is_null() ? Value() : group_ids(shown);
  return shown;
}

std::optional<int64_t> number_of(const Value& value) {
  return value.is_int() ? std::optional<int64_t>(value.as_int()) : parse_int(value.string_or(""));
}

bool differs(const Field& field, const Value& want, const Value& have) {
  switch (field.rule) {
    case Rule::kGrows: {
      const auto wanted = number_of(want), there = number_of(have);
      return wanted && there && *wanted > *there;
    }
    case Rule::kVersion: return compare_versions(text_of(want), text_of(have)) > 0;
    case Rule::kGroups: return group_ids(want) != have;
    case Rule::kIgnoreCase: return !equals_ignore_case(text_of(want), text_of(have));
    case Rule::kEqual: return text_of(want) != text_of(have);
  }
  return false;
}

// Is a change of the version one that RDS wants to be told is meant? PostgreSQL's major version has one component since
// 10, that of MySQL and MariaDB two.
bool is_major(std::string_view engine, const Value& want, const Value& have) {
  const auto major = [&](const Value& version) {
    const std::vector<std::string> parts = split(text_of(version), '.');
    return parts[0] + (engine == "postgres" || parts.size() < 2 ? std::string() : "." + parts[1]);
  };
  return major(want) != major(have);
}

}  // namespace

int compare_versions(std::string_view a, std::string_view b) {
  const std::vector<std::string> left = split(a, '.'), right = split(b, '.');
  for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    const auto x = parse_int(left[i]), y = parse_int(right[i]);
    if (x && y && *x != *y) return *x < *y ? -1 : 1;
    if ((!x || !y) && left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
  }
  return 0;
}

RdsChanges rds_changes(const Value& owned, const Value& record) {
  RdsChanges changes{Value::empty_dict(), Value::empty_list(), Value::empty_list()};
  for (const auto& [name, want] : owned.is_dict() ? owned.as_dict() : Dict()) {
    const Field* field = find_field(name);
    if (field == nullptr) continue;
    const Value have = have_of(*field, record);
    // A record leaves out what was never set; that is a difference only for what can be set.
    if (have.is_null() && name != "MaxAllocatedStorage" && name != "PreferredBackupWindow" &&
        name != "PreferredMaintenanceWindow") {
      continue;
    }
    if (have.is_null() ? !want.truthy() : !differs(*field, want, have)) continue;
    const Value difference = Value::dict({{"field", name}, {"want", want}, {"have", have}});
    if (field->modify.empty()) {
      changes.unchangeable.push_back(difference);
      continue;
    }
    changes.fields.push_back(difference);
    changes.parameters.set(field->modify, want);
    if (field->rule == Rule::kVersion && is_major(record["Engine"].string_or(""), want, have))
      changes.parameters.set("AllowMajorVersionUpgrade", true);
  }
  return changes;
}

Value missing_tags(const Value& wanted, const Value& tags) {
  Value missing = Value::empty_dict();
  for (const auto& [key, value] : wanted.is_dict() ? wanted.as_dict() : Dict()) {
    if (text_of(tags[key]) != text_of(value)) missing.set(key, text_of(value));
  }
  return missing;
}

Value tags_of_record(const Value& record) {
  Value tags = Value::empty_dict();
  const Value& list = record["TagList"];
  for (size_t i = 0; i < list.size(); ++i) tags.set(list[i]["Key"].string_or(""), list[i]["Value"].string_or(""));
  return tags;
}

bool is_broken(std::string_view status) {
  return status.starts_with("incompatible-") || status.starts_with("inaccessible-encryption") || status == "failed" ||
         status == "restore-error" || status == "storage-full" || status == "insufficient-capacity" ||
         status == "stopped" || status == "stopping";
}

Value instance_of_record(const Value& record) {
  return Value::dict(
      {{"endpoint", Value::dict({{"address", record["Endpoint"]["Address"]}, {"port", record["Endpoint"]["Port"]}})},
       {"master_username", record["MasterUsername"]},
       {"db_name", record["DBName"]},
       {"secret_arn", record["MasterUserSecret"]["SecretArn"]}});
}

bool has_pending(const Value& owned, const Value& record) {
  const Value& pending = record["PendingModifiedValues"];
  for (const auto& [name, value] : owned.is_dict() ? owned.as_dict() : Dict()) {
    if (!pending[name].is_null()) return true;
  }
  return false;
}

}  // namespace squall::runners::database
