// Catalog: all registered content in memory, indexed for the engine's look-ups.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "rules/criteria.hpp"
#include "store/store.hpp"
#include "value/value.hpp"

namespace squall::engine {

// A rule, ready to be matched. Immutable.
struct Rule {
  Value document;
  std::string id, ref, trigger;
  bool enabled = false;
  bool backstop = false;
  // Criteria that did not compile keep the reason: such a rule never matches and says why.
  std::shared_ptr<const rules::CompiledCriteria> criteria;
  std::optional<Error> criteria_error;
};

// Lives on the engine's thread. The documents are those of the store; whoever changes the catalog commits the same
// change.
class Catalog {
 public:
  // Reads everything from the store. Called once, before the engine starts.
  Status load(store::Store& store);

  // Adds or replaces; `document` has its id.
  void put(store::Collection collection, const Value& document);
  void erase(store::Collection collection, std::string_view id);

  // By id, or by ref (by pack for configs and schemas, by name for runner types). Null when unknown.
  const Value* find(store::Collection collection, std::string_view id_or_ref) const;
  // All documents of a collection, ordered by ref.
  std::vector<Value> all(store::Collection collection) const;

  const Value* action(std::string_view ref) const { return find(store::Collection::kActions, ref); }
  const Value* runner_type(std::string_view name) const { return find(store::Collection::kRunnerTypes, name); }

  // Directory of the pack that an action, a sensor, ... came from. Empty when the pack is not registered.
  std::string pack_path(const Value& content) const;
  // Content of the pack `ref` that comes from another directory than the pack's own (packs/layers.hpp), by uid.
  void set_other_paths(const std::string& ref, std::map<std::string, std::string> paths) {
    other_paths_[ref] = std::move(paths);
  }

  // Rules of one trigger ref, in order of their refs.
  const std::vector<std::shared_ptr<const Rule>>& rules_of(std::string_view trigger) const;
  std::vector<std::shared_ptr<const Rule>> all_rules() const;

  // Policies of an action, in order of their refs.
  const std::vector<Value>& policies_of(std::string_view action_ref) const;

  // The trigger of this type with exactly these parameters (G-2). Null when there is none.
  const Value* trigger_with(std::string_view type, const Value& parameters) const;
  std::vector<Value> triggers_of_type(std::string_view type) const;

  // Schema properties of an action as a caller sees them: runner parameters, overridden and extended by the action's
  // (B-3).
  std::optional<Value> merged_parameters(std::string_view action_ref) const;

 private:
  struct Table {
    std::map<std::string, Value, std::less<>> by_id;
    std::map<std::string, std::string, std::less<>> id_by_key;
  };
  Table& table(store::Collection collection) { return tables_[collection]; }
  void index_rule(const Value& document);
  void unindex_rule(std::string_view id);
  void index_policies();

  std::map<store::Collection, Table> tables_;
  std::map<std::string, std::vector<std::shared_ptr<const Rule>>, std::less<>> rules_by_trigger_;
  std::map<std::string, std::vector<Value>, std::less<>> policies_by_action_;
  std::map<std::string, std::map<std::string, std::string>, std::less<>> other_paths_;  // by pack, by uid
};

// The key a document of this collection is looked up by besides its id.
std::string catalog_key(store::Collection collection, const Value& document);

// Runner properties with the action's laid over them: an action may change a runner parameter's default, enum, ...
Value merge_parameter_schemas(const Value& runner_parameters, const Value& action_parameters);

}  // namespace squall::engine
