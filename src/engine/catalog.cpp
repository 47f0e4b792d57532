#include "engine/catalog.hpp"

#include <algorithm>

namespace squall::engine {
namespace {

using store::Collection;

constexpr Collection kContent[] = {Collection::kPacks,       Collection::kConfigSchemas, Collection::kConfigs,
                                   Collection::kRunnerTypes, Collection::kActions,       Collection::kTriggerTypes,
                                   Collection::kTriggers,    Collection::kSensors,       Collection::kRules,
                                   Collection::kAliases,     Collection::kPolicies};

std::shared_ptr<const Rule> compile_rule(const Value& document) {
  auto rule = std::make_shared<Rule>();
  rule->document = document;
  rule->id = document["id"].string();
  rule->ref = document["ref"].string();
  rule->trigger = document["trigger"].string();
  rule->enabled = document["enabled"].bool_or(false);
  rule->backstop = document["type"]["ref"].string_or("") == "backstop";
  auto criteria = rules::CompiledCriteria::compile(document["criteria"]);
  if (criteria) {
    rule->criteria = std::make_shared<const rules::CompiledCriteria>(std::move(*criteria));
  } else {
    rule->criteria_error = criteria.error();
  }
  return rule;
}

}  // namespace

std::string catalog_key(Collection collection, const Value& document) {
  switch (collection) {
    case Collection::kConfigs:
    case Collection::kConfigSchemas: return document["pack"].string();
    case Collection::kRunnerTypes: return document["name"].string();
    default: return document["ref"].string();
  }
}

Value merge_parameter_schemas(const Value& runner_parameters, const Value& action_parameters) {
  Value merged = runner_parameters.is_dict() ? runner_parameters : Value::empty_dict();
  if (!action_parameters.is_dict()) return merged;
  for (const auto& [name, schema] : action_parameters.as_dict()) {
    const Value& base = merged[name];
    if (!base.is_dict() || !schema.is_dict()) {
      merged.set(name, schema);
      continue;
    }
    Value combined = base;
    for (const auto& [key, value] : schema.as_dict()) combined.set(key, value);
    merged.set(name, std::move(combined));
  }
  return merged;
}

Status Catalog::load(store::Store& store) {
  return store.read([this](store::ReadTx& tx) -> Status {
    for (const Collection collection : kContent) {
      SQ_TRY(const store::Page page, tx.list(collection, {}));
      for (const store::Record& record : page.records) put(collection, record.document);
    }
    return {};
  });
}

void Catalog::put(Collection collection, const Value& document) {
  const std::string id = document["id"].string();
  Table& content = table(collection);
  const auto old = content.by_id.find(id);
  if (old != content.by_id.end()) content.id_by_key.erase(catalog_key(collection, old->second));
  content.by_id[id] = document;
  content.id_by_key[catalog_key(collection, document)] = id;
  if (collection == Collection::kRules) index_rule(document);
  if (collection == Collection::kPolicies) index_policies();
}

void Catalog::erase(Collection collection, std::string_view id) {
  Table& content = table(collection);
  const auto found = content.by_id.find(id);
  if (found == content.by_id.end()) return;
  if (collection == Collection::kRules) unindex_rule(id);
  content.id_by_key.erase(catalog_key(collection, found->second));
  content.by_id.erase(found);
  if (collection == Collection::kPolicies) index_policies();
}

// There are few of them, and they change seldom.
void Catalog::index_policies() {
  policies_by_action_.clear();
  for (Value& policy : all(Collection::kPolicies))
    policies_by_action_[policy["resource_ref"].string()].push_back(policy);
}

const std::vector<Value>& Catalog::policies_of(std::string_view action_ref) const {
  static const std::vector<Value> none;
  const auto found = policies_by_action_.find(action_ref);
  return found == policies_by_action_.end() ? none : found->second;
}

const Value* Catalog::find(Collection collection, std::string_view id_or_ref) const {
  const auto found = tables_.find(collection);
  if (found == tables_.end()) return nullptr;
  const Table& content = found->second;
  if (const auto key = content.id_by_key.find(id_or_ref); key != content.id_by_key.end()) {
    return &content.by_id.find(key->second)->second;
  }
  const auto by_id = content.by_id.find(id_or_ref);
  return by_id == content.by_id.end() ? nullptr : &by_id->second;
}

std::string Catalog::pack_path(const Value& content) const {
  if (const auto others = other_paths_.find(content["pack"].string_or("")); others != other_paths_.end()) {
    if (const auto other = others->second.find(content["uid"].string()); other != others->second.end())
      return other->second;
  }
  const Value* pack = find(Collection::kPacks, content["pack"].string_or(""));
  return pack != nullptr ? (*pack)["path"].string() : std::string();
}

std::vector<Value> Catalog::all(Collection collection) const {
  std::vector<Value> documents;
  const auto found = tables_.find(collection);
  if (found == tables_.end()) return documents;
  for (const auto& [key, id] : found->second.id_by_key) documents.push_back(found->second.by_id.find(id)->second);
  return documents;
}

void Catalog::index_rule(const Value& document) {
  unindex_rule(document["id"].string_or(""));
  auto rule = compile_rule(document);
  auto& list = rules_by_trigger_[rule->trigger];
  const auto place =
      std::upper_bound(list.begin(), list.end(), rule, [](const auto& a, const auto& b) { return a->ref < b->ref; });
  list.insert(place, std::move(rule));
}

void Catalog::unindex_rule(std::string_view id) {
  for (auto at = rules_by_trigger_.begin(); at != rules_by_trigger_.end();) {
    std::erase_if(at->second, [&](const auto& rule) { return rule->id == id; });
    at = at->second.empty() ? rules_by_trigger_.erase(at) : std::next(at);
  }
}

const std::vector<std::shared_ptr<const Rule>>& Catalog::rules_of(std::string_view trigger) const {
  static const std::vector<std::shared_ptr<const Rule>> none;
  const auto found = rules_by_trigger_.find(trigger);
  return found == rules_by_trigger_.end() ? none : found->second;
}

std::vector<std::shared_ptr<const Rule>> Catalog::all_rules() const {
  std::vector<std::shared_ptr<const Rule>> all;
  for (const auto& [trigger, list] : rules_by_trigger_) all.insert(all.end(), list.begin(), list.end());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->ref < b->ref; });
  return all;
}

const Value* Catalog::trigger_with(std::string_view type, const Value& parameters) const {
  const auto found = tables_.find(Collection::kTriggers);
  if (found == tables_.end()) return nullptr;
  for (const auto& [id, trigger] : found->second.by_id) {
    if (trigger["type"].string_or("") != type) continue;
    const Value& own = trigger["parameters"];
    if (own == parameters || (own.empty() && parameters.empty())) return &trigger;
  }
  return nullptr;
}

std::vector<Value> Catalog::triggers_of_type(std::string_view type) const {
  std::vector<Value> triggers;
  const auto found = tables_.find(Collection::kTriggers);
  if (found == tables_.end()) return triggers;
  for (const auto& [id, trigger] : found->second.by_id) {
    if (trigger["type"].string_or("") == type) triggers.push_back(trigger);
  }
  return triggers;
}

std::optional<Value> Catalog::merged_parameters(std::string_view action_ref) const {
  const Value* found = action(action_ref);
  if (found == nullptr) return std::nullopt;
  const Value* runner = runner_type((*found)["runner_type"].string_or(""));
  return merge_parameter_schemas(runner != nullptr ? (*runner)["runner_parameters"] : Value(), (*found)["parameters"]);
}

}  // namespace squall::engine
