#include "auth/permissions.hpp"

#include <algorithm>
#include <array>

#include "base/assert.hpp"

namespace squall::auth {
namespace {

constexpr std::array<PermissionType, kPermissionCount> kTypes = {{
    {"runner_type_list", "runner_type", "list", "Ability to list (view all) runners."},
    {"runner_type_view", "runner_type", "view", "Ability to view a runner."},
    {"runner_type_modify", "runner_type", "modify",
     "Ability to modify (update) an existing runner. Also implies \"runner_type_view\" permission."},
    {"runner_type_all", "runner_type", "all",
     "Ability to perform all the supported operations on a particular runner."},
    {"pack_list", "pack", "list", "Ability to list (view all) packs."},
    {"pack_view", "pack", "view", "Ability to view a pack."},
    {"pack_create", "pack", "create", "Ability to create a new pack."},
    {"pack_modify", "pack", "modify", "Ability to modify (update) an existing pack."},
    {"pack_delete", "pack", "delete", "Ability to delete an existing pack."},
    {"pack_install", "pack", "install", "Ability to install packs."},
    {"pack_uninstall", "pack", "uninstall", "Ability to uninstall packs."},
    {"pack_register", "pack", "register", "Ability to register packs and corresponding resources."},
    {"pack_config", "pack", "config", "Ability to configure a pack."},
    {"pack_search", "pack", "search", "Ability to query registry and search packs."},
    {"pack_views_index_health", "pack", "views_index_health", "Ability to query health of pack registries."},
    {"pack_all", "pack", "all", "Ability to perform all the supported operations on a particular pack."},
    {"sensor_type_list", "sensor_type", "list", "Ability to list (view all) sensors."},
    {"sensor_type_view", "sensor_type", "view", "Ability to view a sensor"},
    {"sensor_type_modify", "sensor_type", "modify",
     "Ability to modify (update) an existing sensor. Also implies \"sensor_type_view\" permission."},
    {"sensor_type_all", "sensor_type", "all",
     "Ability to perform all the supported operations on a particular sensor."},
    {"action_list", "action", "list", "Ability to list (view all) actions."},
    {"action_view", "action", "view", "Ability to view an action."},
    {"action_create", "action", "create", "Ability to create a new action. Also implies \"action_view\" permission."},
    {"action_modify", "action", "modify",
     "Ability to modify (update) an existing action. Also implies \"action_view\" permission."},
    {"action_delete", "action", "delete",
     "Ability to delete an existing action. Also implies \"action_view\" permission."},
    {"action_execute", "action", "execute",
     "Ability to execute (run) an action. Also implies \"action_view\" permission."},
    {"action_all", "action", "all", "Ability to perform all the supported operations on a particular action."},
    {"action_alias_list", "action_alias", "list", "Ability to list (view all) action aliases."},
    {"action_alias_view", "action_alias", "view", "Ability to view an action alias."},
    {"action_alias_create", "action_alias", "create",
     "Ability to create a new action alias. Also implies \"action_alias_view\" permission."},
    {"action_alias_modify", "action_alias", "modify",
     "Ability to modify (update) an existing action alias. Also implies \"action_alias_view\" permission."},
    {"action_alias_match", "action_alias", "match", "Ability to use action alias match API endpoint."},
    {"action_alias_help", "action_alias", "help", "Ability to use action alias help API endpoint."},
    {"action_alias_delete", "action_alias", "delete",
     "Ability to delete an existing action alias. Also implies \"action_alias_view\" permission."},
    {"action_alias_all", "action_alias", "all",
     "Ability to perform all the supported operations on a particular action alias."},
    {"rule_list", "rule", "list", "Ability to list (view all) rules."},
    {"rule_view", "rule", "view", "Ability to view a rule."},
    {"rule_create", "rule", "create", "Ability to create a new rule. Also implies \"rule_view\" permission"},
    {"rule_modify", "rule", "modify",
     "Ability to modify (update) an existing rule. Also implies \"rule_view\" permission."},
    {"rule_delete", "rule", "delete", "Ability to delete an existing rule. Also implies \"rule_view\" permission."},
    {"rule_all", "rule", "all", "Ability to perform all the supported operations on a particular rule."},
    {"rule_enforcement_list", "rule_enforcement", "list", "Ability to list (view all) rule enforcements."},
    {"rule_enforcement_view", "rule_enforcement", "view", "Ability to view a rule enforcement."},
    {"execution_list", "execution", "list", "Ability to list (view all) executions."},
    {"execution_view", "execution", "view", "Ability to view an execution."},
    {"execution_rerun", "execution", "rerun", "Ability to create a new action."},
    {"execution_stop", "execution", "stop", "Ability to stop (cancel) a running execution."},
    {"execution_all", "execution", "all", "Ability to perform all the supported operations on a particular execution."},
    {"execution_views_filters_list", "execution", "list", "Ability view all the distinct execution filters."},
    {"key_value_pair_list", "key_value_pair", "list", "Ability to list (view all) Key-Value Pairs."},
    {"key_value_pair_view", "key_value_pair", "view", "Ability to view Key-Value Pairs."},
    {"key_value_pair_set", "key_value_pair", "set", "Ability to set a Key-Value Pair."},
    {"key_value_pair_delete", "key_value_pair", "delete", "Ability to delete an existing Key-Value Pair."},
    {"key_value_pair_all", "key_value_pair", "all",
     "Ability to perform all the supported operations on a Key-Value Pair."},
    {"webhook_list", "webhook", "list", "Ability to list (view all) webhooks."},
    {"webhook_view", "webhook", "view", "Ability to view a webhook."},
    {"webhook_create", "webhook", "create", "Ability to create a new webhook."},
    {"webhook_send", "webhook", "send", "Ability to send / POST data to an existing webhook."},
    {"webhook_delete", "webhook", "delete", "Ability to delete an existing webhook."},
    {"webhook_all", "webhook", "all", "Ability to perform all the supported operations on a particular webhook."},
    {"timer_list", "timer", "list", "Ability to list (view all) timers."},
    {"timer_view", "timer", "view", "Ability to view a timer."},
    {"timer_all", "timer", "all", "Ability to perform all the supported operations on timers"},
    {"api_key_list", "api_key", "list", "Ability to list (view all) API keys."},
    {"api_key_view", "api_key", "view", "Ability to view an API Key."},
    {"api_key_create", "api_key", "create", "Ability to create a new API Key."},
    {"api_key_modify", "api_key", "modify",
     "Ability to modify (update) an existing API key. Also implies \"api_key_view\" permission."},
    {"api_key_delete", "api_key", "delete", "Ability to delete an existing API Keys."},
    {"api_key_all", "api_key", "all", "Ability to perform all the supported operations on an API Key."},
    {"trace_list", "trace", "list", "Ability to list (view all) traces."},
    {"trace_view", "trace", "view", "Ability to view a trace."},
    {"trace_all", "trace", "all", "Ability to perform all the supported operations on traces."},
    {"trigger_list", "trigger", "list", "Ability to list (view all) triggers."},
    {"trigger_view", "trigger", "view", "Ability to view a trigger."},
    {"trigger_all", "trigger", "all", "Ability to perform all the supported operations on triggers."},
    {"policy_type_list", "policy_type", "list", "Ability to list (view all) policy types."},
    {"policy_type_view", "policy_type", "view", "Ability to view a policy types."},
    {"policy_type_all", "policy_type", "all", "Ability to perform all the supported operations on policy types."},
    {"policy_list", "policy", "list", "Ability to list (view all) policies."},
    {"policy_view", "policy", "view", "Ability to view a policy."},
    {"policy_create", "policy", "create", "Ability to create a new policy."},
    {"policy_modify", "policy", "modify", "Ability to modify an existing policy."},
    {"policy_delete", "policy", "delete", "Ability to delete an existing policy."},
    {"policy_all", "policy", "all", "Ability to perform all the supported operations on a particular policy."},
    {"stream_view", "stream", "view", "Ability to view / listen to the events on the stream API endpoint."},
    {"inquiry_list", "inquiry", "list", "Ability to list existing Inquiries"},
    {"inquiry_view", "inquiry", "view",
     "Ability to view an existing Inquiry. Also implies \"inquiry_respond\" permission."},
    {"inquiry_respond", "inquiry", "respond",
     "Ability to respond to an existing Inquiry (in general - user still needs access per specific inquiry "
     "parameters). Also implies \"inquiry_view\" permission."},
    {"inquiry_all", "inquiry", "all", "Ability to perform all supported operations on a particular Inquiry."},
}};

constexpr std::string_view kResources[] = {
    "runner_type", "pack",           "sensor_type", "action", "action_alias", "rule",  "rule_enforcement",
    "execution",   "key_value_pair", "webhook",     "timer",  "api_key",      "trace", "trigger",
    "policy_type", "policy",         "inquiry"};

// Packs hold these; what is granted on a pack counts for all of them in it.
constexpr std::string_view kInPacks[] = {"sensor_type", "action", "action_alias", "rule"};
// Besides every list.
constexpr Permission kGlobal[] = {
    Permission::kPackInstall,          Permission::kPackUninstall,    Permission::kPackCreate,
    Permission::kPackRegister,         Permission::kPackConfig,       Permission::kPackSearch,
    Permission::kPackViewsIndexHealth, Permission::kActionAliasMatch, Permission::kActionAliasHelp,
    Permission::kApiKeyCreate,         Permission::kPolicyCreate,     Permission::kStreamView,
    Permission::kInquiryRespond,       Permission::kInquiryView};

template <typename Range, typename Item>
bool has(const Range& range, const Item& item) {
  return std::find(std::begin(range), std::end(range), item) != std::end(range);
}

}  // namespace

std::span<const PermissionType> permission_types() { return kTypes; }

const PermissionType& type_of(Permission permission) {
  const auto index = static_cast<size_t>(permission);
  SQ_ASSERT(index < kTypes.size());
  return kTypes[index];
}

std::optional<Permission> find_permission(std::string_view name) {
  for (size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i].name == name) return static_cast<Permission>(i);
  }
  return std::nullopt;
}

std::optional<Permission> permission_on(std::string_view resource, std::string_view verb) {
  for (size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i].resource == resource && kTypes[i].verb == verb) return static_cast<Permission>(i);
  }
  return std::nullopt;
}

std::span<const std::string_view> resource_types() { return kResources; }

bool is_grantable_on(std::string_view resource_type, Permission permission) {
  const PermissionType& type = type_of(permission);
  if (!has(kResources, resource_type)) return false;
  if (type.resource == resource_type) return true;
  // Lists, and what has no one to be about, belong to no pack.
  const bool on_contents = type.verb != "list" && type.verb != "match" && type.verb != "help";
  return resource_type == "pack" && has(kInPacks, type.resource) && on_contents;
}

bool is_global(Permission permission) { return type_of(permission).verb == "list" || has(kGlobal, permission); }

}  // namespace squall::auth
