#include "store/schema.hpp"

#include <array>

#include "base/assert.hpp"

namespace squall::store {
namespace {

constexpr IndexedField kContentFields[] = {{"ref", "ref"}, {"name", "name"}, {"pack", "pack"}, {"uid", "uid"}};
constexpr IndexedField kPackFields[] = {{"ref", "ref"}, {"name", "name"}};
constexpr IndexedField kPackOnlyFields[] = {{"pack", "pack"}};
constexpr IndexedField kRunnerFields[] = {{"name", "name"}};
constexpr IndexedField kTriggerFields[] = {
    {"ref", "ref"}, {"name", "name"}, {"pack", "pack"}, {"uid", "uid"}, {"type", "type"}};
constexpr IndexedField kRuleFields[] = {{"ref", "ref"},
                                        {"name", "name"},
                                        {"pack", "pack"},
                                        {"uid", "uid"},
                                        {"action", "action.ref"},
                                        {"trigger", "trigger"},
                                        {"enabled", "enabled", FieldType::kInteger}};
constexpr IndexedField kPolicyFields[] = {{"ref", "ref"},
                                          {"name", "name"},
                                          {"pack", "pack"},
                                          {"uid", "uid"},
                                          {"resource_ref", "resource_ref"},
                                          {"policy_type", "policy_type"}};
constexpr IndexedField kTriggerInstanceFields[] = {{"trigger", "trigger", FieldType::kText, "occurrence_time"},
                                                   {"status", "status"},
                                                   {"occurrence_time", "occurrence_time"}};
constexpr IndexedField kEnforcementFields[] = {
    {"rule", "rule.ref"},          {"rule_id", "rule.id"}, {"trigger_instance", "trigger_instance_id"},
    {"execution", "execution_id"}, {"status", "status"},   {"enforced_at", "enforced_at"}};
constexpr IndexedField kExecutionFields[] = {
    {"status", "status", FieldType::kText, "start_timestamp"},
    {"action", "action.ref", FieldType::kText, "start_timestamp"},
    {"pack", "action.pack"},
    {"runner", "runner.name"},
    {"parent", "parent", FieldType::kText, "start_timestamp"},
    {"rule", "rule.ref"},
    {"trigger_instance", "trigger_instance.id", FieldType::kText, "start_timestamp"},
    {"liveaction", "liveaction.id"},
    {"user", "context.user"},
    {"trace", "_trace"},
    {"start_timestamp", "start_timestamp"},
    {"end_timestamp", "end_timestamp"}};
constexpr IndexedField kTraceFields[] = {{"trace_tag", "trace_tag"}, {"start_timestamp", "start_timestamp"}};
constexpr IndexedField kWakeupFields[] = {{"due", "due"}, {"execution", "execution"}};
constexpr IndexedField kSensorObjectFields[] = {{"scope", "scope"}};
constexpr IndexedField kKeyValueFields[] = {
    {"name", "name"}, {"scope", "scope"}, {"expire_timestamp", "expire_timestamp"}};

constexpr IndexedField kTokenFields[] = {{"user", "user"}, {"expiry", "expiry"}};
constexpr IndexedField kApiKeyFields[] = {{"user", "user"}, {"key_hash", "key_hash"}};

constexpr std::array kCollections = {
    CollectionSchema{Collection::kPacks, "packs", kPackFields},
    CollectionSchema{Collection::kConfigSchemas, "config_schemas", kPackOnlyFields},
    CollectionSchema{Collection::kConfigs, "configs", kPackOnlyFields},
    CollectionSchema{Collection::kRunnerTypes, "runner_types", kRunnerFields},
    CollectionSchema{Collection::kActions, "actions", kContentFields},
    CollectionSchema{Collection::kTriggerTypes, "trigger_types", kContentFields},
    CollectionSchema{Collection::kTriggers, "triggers", kTriggerFields},
    CollectionSchema{Collection::kSensors, "sensors", kContentFields},
    CollectionSchema{Collection::kRules, "rules", kRuleFields},
    CollectionSchema{Collection::kAliases, "aliases", kContentFields},
    CollectionSchema{Collection::kPolicies, "policies", kPolicyFields},
    CollectionSchema{Collection::kTriggerInstances, "trigger_instances", kTriggerInstanceFields},
    CollectionSchema{Collection::kEnforcements, "enforcements", kEnforcementFields},
    CollectionSchema{Collection::kExecutions, "executions", kExecutionFields},
    CollectionSchema{Collection::kTraces, "traces", kTraceFields},
    CollectionSchema{Collection::kWakeups, "wakeups", kWakeupFields},
    CollectionSchema{Collection::kWorkflowEvents, "workflow_events", {}},
    CollectionSchema{Collection::kSensorObjects, "sensor_objects", kSensorObjectFields},
    CollectionSchema{Collection::kCursors, "cursors", {}},
    CollectionSchema{Collection::kKeyValues, "key_values", kKeyValueFields},
    CollectionSchema{Collection::kMeta, "meta", {}},
    CollectionSchema{Collection::kTokens, "tokens", kTokenFields},
    CollectionSchema{Collection::kApiKeys, "api_keys", kApiKeyFields},
};

}  // namespace

std::span<const CollectionSchema> all_collections() { return kCollections; }

const CollectionSchema& schema_of(Collection collection) {
  const auto index = static_cast<size_t>(collection);
  SQ_ASSERT(index < kCollections.size() && kCollections[index].collection == collection);
  return kCollections[index];
}

}  // namespace squall::store
