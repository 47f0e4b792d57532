// The collections of the store and their indexed fields. The on-disk form is described in
// docs/reference/store-format.md.
#pragma once

#include <span>
#include <string_view>

namespace squall::store {

enum class Collection {
  // Content, registered from packs or made through the API.
  kPacks,
  kConfigSchemas,
  kConfigs,
  kRunnerTypes,
  kActions,
  kTriggerTypes,
  kTriggers,
  kSensors,
  kRules,
  kAliases,
  kPolicies,
  // History and work.
  kTriggerInstances,
  kEnforcements,
  kExecutions,
  kTraces,
  // State of the engine itself.
  kWakeups,         // waiting work with a due time: delayed executions, native actions that wait
  kWorkflowEvents,  // journals of workflows: "<execution>.<sequence>"
  kSensorObjects,   // what a sensor saw last, e.g. Kubernetes objects
  kCursors,         // how far a sensor got, e.g. resourceVersion
  kKeyValues,
  kMeta,
  // Access.
  kTokens,  // by the hash of the token
  kApiKeys,
};

enum class FieldType { kText, kInteger };

struct IndexedField {
  std::string_view name;  // as filters name it
  std::string_view path;  // where it stands in the document, dotted
  FieldType type = FieldType::kText;
  // The field that pages filtered by this one are sorted by as a rule. The index is over both, so that the first page
  // of very many matches costs no more than that of few.
  std::string_view then = {};
};

struct CollectionSchema {
  Collection collection;
  std::string_view name;  // table name
  std::span<const IndexedField> fields;
};

// All collections, in enum order.
std::span<const CollectionSchema> all_collections();
const CollectionSchema& schema_of(Collection collection);

}  // namespace squall::store
