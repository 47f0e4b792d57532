#include "clients/aws/rds_shapes.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "value/json.hpp"

namespace squall::clients {
namespace {

// From the public API model 2014-10-31: lists whose members do not just have the name "member".
constexpr std::pair<std::string_view, std::string_view> kMemberNames[] = {
    {"Tags", "Tag"},
    {"TagSpecifications", "item"},
    {"DBSecurityGroups", "DBSecurityGroupName"},
    {"VpcSecurityGroupIds", "VpcSecurityGroupId"},
    {"ProcessorFeatures", "ProcessorFeature"},
    {"Filters", "Filter"},
    {"Values", "Value"},
    {"EventCategories", "EventCategory"},
};

// clang-format off
constexpr std::array<std::string_view, 30> kLists = {
    "AdditionalStorageVolumes", "AssociatedRoles", "AttributeValues", "DBInstanceAutomatedBackupsReplications",
    "DBInstances", "DBParameterGroups", "DBSecurityGroups", "DBSnapshots", "DnsIps", "DomainMemberships",
    "EC2SecurityGroups", "EnabledCloudwatchLogsExports", "EventCategories", "Events", "Filters", "IPRanges",
    "LogTypesToDisable", "LogTypesToEnable", "OptionGroupMemberships", "ProcessorFeatures",
    "ReadReplicaDBClusterIdentifiers", "ReadReplicaDBInstanceIdentifiers", "StatusInfos", "Subnets",
    "SupportedNetworkTypes", "TagList", "Tags", "Values", "VpcSecurityGroupIds", "VpcSecurityGroups",
};
constexpr std::array<std::string_view, 14> kIntegers = {
    "AllocatedStorage", "BackupRetentionPeriod", "DBPortNumber", "DbInstancePort", "IOPS", "Iops",
    "MaxAllocatedStorage", "MonitoringInterval", "PercentProgress", "PerformanceInsightsRetentionPeriod", "Port",
    "PromotionTier", "ResumeFullAutomationModeMinutes", "StorageThroughput",
};
constexpr std::array<std::string_view, 19> kBooleans = {
    "ActivityStreamEngineNativeAuditFieldsIncluded", "ApplyImmediately", "AutoMinorVersionUpgrade",
    "CopyTagsToSnapshot", "CustomerOverride", "CustomerOwnedIpEnabled", "DedicatedLogVolume", "DeletionProtection",
    "Encrypted", "IAMDatabaseAuthenticationEnabled", "IsDefault", "IsStorageConfigUpgradeAvailable",
    "ManageMasterUserPassword", "MultiAZ", "MultiTenant", "Normal", "PerformanceInsightsEnabled",
    "PubliclyAccessible", "StorageEncrypted",
};
constexpr std::array<std::string_view, 9> kStructures = {
    "CertificateDetails", "DBInstance", "DBSnapshot", "DBSubnetGroup", "Endpoint", "ListenerEndpoint",
    "MasterUserSecret", "PendingCloudwatchLogsExports", "PendingModifiedValues",
};
// clang-format on

template <size_t N>
bool is_in(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string_view member_name(std::string_view list) {
  for (const auto& [name, member] : kMemberNames) {
    if (name == list) return member;
  }
  return "member";
}

void add_parameter(FormParameters& form, const std::string& prefix, std::string_view last_name, const Value& value) {
  if (value.is_dict()) {
    for (const auto& [name, member] : value.as_dict()) {
      add_parameter(form, prefix.empty() ? name : prefix + "." + name, name, member);
    }
  } else if (value.is_list()) {
    const std::string member_prefix = prefix + "." + std::string(member_name(last_name)) + ".";
    size_t number = 0;
    for (const Value& member : value.as_list())
      add_parameter(form, member_prefix + std::to_string(++number), {}, member);
  } else if (value.is_bool()) {
    form.emplace_back(prefix, value.as_bool() ? "true" : "false");
  } else if (value.is_int()) {
    form.emplace_back(prefix,
                      value.kind() == Kind::kInt ? std::to_string(value.as_int()) : std::to_string(value.as_uint()));
  } else if (value.is_string()) {
    form.emplace_back(prefix, value.as_string());
  } else if (value.is_double()) {
    form.emplace_back(prefix, to_json(value));
  }
}

}  // namespace

FormParameters rds_form(const Value& parameters) {
  FormParameters form;
  add_parameter(form, "", {}, parameters);
  return form;
}

Value rds_value(const XmlElement& element) {
  const std::string& name = element.name;
  if (is_in(kLists, name)) {
    List members;
    for (const XmlElement& child : element.children) members.push_back(rds_value(child));
    return Value(std::move(members));
  }
  if (!element.children.empty() || is_in(kStructures, name) || name.ends_with("Result")) {
    Value members = Value::empty_dict();
    for (const XmlElement& child : element.children) members.set(child.name, rds_value(child));
    return members;
  }
  if (is_in(kIntegers, name)) {
    if (const auto number = parse_int(element.text)) return *number;
  }
  if (is_in(kBooleans, name) && (element.text == "true" || element.text == "false")) return element.text == "true";
  return element.text;
}

}  // namespace squall::clients
