// StackStorm's permission types: what a role can be granted (stackstorm-features.md P-7).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace squall::auth {

// In the order of the table in permissions.cpp.
enum class Permission {
  kRunnerTypeList,
  kRunnerTypeView,
  kRunnerTypeModify,
  kRunnerTypeAll,
  kPackList,
  kPackView,
  kPackCreate,
  kPackModify,
  kPackDelete,
  kPackInstall,
  kPackUninstall,
  kPackRegister,
  kPackConfig,
  kPackSearch,
  kPackViewsIndexHealth,
  kPackAll,
  kSensorTypeList,
  kSensorTypeView,
  kSensorTypeModify,
  kSensorTypeAll,
  kActionList,
  kActionView,
  kActionCreate,
  kActionModify,
  kActionDelete,
  kActionExecute,
  kActionAll,
  kActionAliasList,
  kActionAliasView,
  kActionAliasCreate,
  kActionAliasModify,
  kActionAliasMatch,
  kActionAliasHelp,
  kActionAliasDelete,
  kActionAliasAll,
  kRuleList,
  kRuleView,
  kRuleCreate,
  kRuleModify,
  kRuleDelete,
  kRuleAll,
  kRuleEnforcementList,
  kRuleEnforcementView,
  kExecutionList,
  kExecutionView,
  kExecutionRerun,
  kExecutionStop,
  kExecutionAll,
  kExecutionViewsFiltersList,
  kKeyValuePairList,
  kKeyValuePairView,
  kKeyValuePairSet,
  kKeyValuePairDelete,
  kKeyValuePairAll,
  kWebhookList,
  kWebhookView,
  kWebhookCreate,
  kWebhookSend,
  kWebhookDelete,
  kWebhookAll,
  kTimerList,
  kTimerView,
  kTimerAll,
  kApiKeyList,
  kApiKeyView,
  kApiKeyCreate,
  kApiKeyModify,
  kApiKeyDelete,
  kApiKeyAll,
  kTraceList,
  kTraceView,
  kTraceAll,
  kTriggerList,
  kTriggerView,
  kTriggerAll,
  kPolicyTypeList,
  kPolicyTypeView,
  kPolicyTypeAll,
  kPolicyList,
  kPolicyView,
  kPolicyCreate,
  kPolicyModify,
  kPolicyDelete,
  kPolicyAll,
  kStreamView,
  kInquiryList,
  kInquiryView,
  kInquiryRespond,
  kInquiryAll,
};

struct PermissionType {
  std::string_view name;      // "action_execute"
  std::string_view resource;  // the type of what it is about: "action"
  std::string_view verb;      // what it permits: "execute"
  std::string_view description;
};

// All of them, indexed by Permission.
std::span<const PermissionType> permission_types();
inline constexpr size_t kPermissionCount = static_cast<size_t>(Permission::kInquiryAll) + 1;

const PermissionType& type_of(Permission permission);
std::optional<Permission> find_permission(std::string_view name);
// "action" and "execute" make kActionExecute; nothing where there is no such permission.
std::optional<Permission> permission_on(std::string_view resource, std::string_view verb);

// The types of resources that a grant may name, in StackStorm's order.
std::span<const std::string_view> resource_types();
// What a grant on a resource of this type may hold. Grants on a pack may also be about what is in it.
bool is_grantable_on(std::string_view resource_type, Permission permission);
// What a grant without a resource may hold.
bool is_global(Permission permission);

}  // namespace squall::auth
