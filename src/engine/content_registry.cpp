#include "engine/content_registry.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/assert.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "crypto/hash.hpp"
#include "engine/duplicate_key.hpp"
#include "model/reference.hpp"
#include "packs/config.hpp"
#include "packs/policy_types.hpp"
#include "packs/runner_types.hpp"
#include "sensors/timer_schedule.hpp"
#include "store/document.hpp"
#include "value/json.hpp"
#include "value/json_form.hpp"
#include "value/python.hpp"
#include "value/schema.hpp"

namespace squall::engine {
namespace {

using store::Collection;

// StackStorm's uid of a trigger: the parameters take part as the MD5 of their key-sorted JSON (G-2).
std::string trigger_uid(const std::string& pack, const std::string& name, const Value& parameters) {
  JsonStyle style = JsonStyle::python();
  style.sort_keys = true;
  const auto text = write_json(parameters, style);
  return model::make_uid("trigger", pack, name) + ":" + crypto::md5_hex(text ? *text : "{}");
}

constexpr std::string_view kOpen = "{{", kClose = "}}", kConfig = "config_context.";

// A rule of a pack may take a parameter of its trigger from the pack's config: a text that is nothing but
// {{ config_context.NAME }} becomes that value, whatever its type. (StackStorm takes such a text as it stands.)
Value with_config(const Value& parameters, const Value& config) {
  if (!parameters.is_dict()) return parameters;
  Value filled = parameters;
  for (const auto& [name, value] : parameters.as_dict()) {
    std::string_view text = trim(value.string_or(""));
    if (!text.starts_with(kOpen) || !text.ends_with(kClose)) continue;
    text = trim(text.substr(kOpen.size(), text.size() - kOpen.size() - kClose.size()));
    if (text.starts_with(kConfig)) filled.set(name, config[text.substr(kConfig.size())]);
  }
  return filled;
}

// The same for a rule as its file has it.
Value with_pack_config(const Value& rule, const packs::LoadedPack& pack) {
  if (!rule["trigger"]["parameters"].is_dict()) return rule;
  const auto config =
      packs::resolve_config(pack.pack["ref"].string_or(""), pack.config_schema, pack.config, Value::empty_dict());
  Value trigger = rule["trigger"];
  trigger.set("parameters", with_config(trigger["parameters"], config ? *config : pack.config));
  Value filled = rule;
  filled.set("trigger", std::move(trigger));
  return filled;
}

}  // namespace

// Puts a document into catalog and changes, as it can be stored; kInvalid, and nothing is changed, when it cannot.
Result<Value> ContentRegistry::put_checked(Collection collection, const Value& document, Changes& changes) {
  SQ_TRY(Value form, json_form(document));
  const std::string id = form["id"].string();
  SQ_CHECK(store::check_document(collection, id, form));
  catalog_.put(collection, form);
  changes.put(collection, id, form);
  return form;
}

// Keeps the id of a document that is there already; writes only what changed.
Status ContentRegistry::upsert(Collection collection, const Value& given, Changes& changes) {
  SQ_TRY(Value document, json_form(given));
  const Value* old = catalog_.find(collection, catalog_key(collection, document));
  document.set("id", old != nullptr ? (*old)["id"] : Value(new_object_id(clock_)));
  if (old != nullptr && *old == document) return {};
  SQ_CHECK(put_checked(collection, document, changes));
  return {};
}

// What somebody switched on or off stays so until the file says something else than it did then.
Value ContentRegistry::kept_switch(Value sensor) const {
  const Value* old = catalog_.find(Collection::kSensors, sensor["ref"].string_or(""));
  const Value in_file = sensor["enabled"];
  sensor.set("enabled_in_file", in_file);
  if (old != nullptr && (*old)["enabled_in_file"] == in_file) sensor.set("enabled", (*old)["enabled"]);
  return sensor;
}

void ContentRegistry::register_runner_types(const std::vector<Value>& runner_types, Changes& changes) {
  for (Value runner_type : runner_types) {
    const Value* old = catalog_.find(Collection::kRunnerTypes, runner_type["name"].string_or(""));
    if (old != nullptr) runner_type.set("enabled", (*old)["enabled"]);  // somebody may have switched it off
    const Status kept = upsert(Collection::kRunnerTypes, runner_type, changes);
    SQ_ASSERT(kept.has_value());  // they are our own
  }
}

// False when the pack itself cannot be registered. Content that cannot be stored (a date where a text belongs, an
// integer of 70 bits) is told as a problem of its file, as any other mistake in a pack is.
bool ContentRegistry::register_content(const packs::LoadedPack& pack, const RegisterTypes& types,
                                       RegisterReport& report, Changes& changes) {
  const auto put = [&](Collection collection, const char* kind, const Value& document) {
    const Status kept = upsert(collection, document, changes);
    if (kept) return true;
    std::string file = document["metadata_file"].string();
    if (file.empty()) file = collection == Collection::kConfigSchemas ? "config.schema.yaml" : "pack.yaml";
    SourcePosition where{pack.path_of(document) + "/" + file, 0, 0};
    if (collection == Collection::kConfigs) where.file = "configs/" + pack.pack["ref"].string() + ".yaml";
    report.problems.push_back({kept.error().with_context("the file holds what cannot be recorded").at(where),
                               pack.pack["ref"].string(), kind});
    return false;
  };
  if (!put(Collection::kPacks, "pack", pack.pack)) return false;
  const Value& ref = pack.pack["ref"];
  catalog_.set_other_paths(ref.string(), pack.other_paths);
  if (!pack.config_schema.is_null()) {
    put(Collection::kConfigSchemas, "config_schema", Value::dict({{"pack", ref}, {"attributes", pack.config_schema}}));
  }
  if (types.configs && !pack.config.is_null()) {
    put(Collection::kConfigs, "config", Value::dict({{"pack", ref}, {"values", pack.config}}));
  }
  if (types.triggers || types.sensors) {
    for (const Value& type : pack.trigger_types) {
      if (!put(Collection::kTriggerTypes, "trigger", type)) continue;
      if (type["parameters_schema"].empty()) ensure_trigger(type["ref"].string(), Value::empty_dict(), changes);
    }
  }
  const auto put_all = [&](bool wanted, Collection collection, const char* kind, const std::vector<Value>& documents) {
    for (const Value& document : documents) {
      if (wanted) put(collection, kind, collection == Collection::kSensors ? kept_switch(document) : document);
    }
  };
  put_all(types.sensors, Collection::kSensors, "sensor", pack.sensors);
  put_all(types.actions, Collection::kActions, "action", pack.actions);
  put_all(types.aliases, Collection::kAliases, "alias", pack.aliases);
  put_all(types.policies, Collection::kPolicies, "policy", pack.policies);
  return true;
}

void ContentRegistry::register_rules(const packs::LoadedPack& pack, RegisterReport& report, Changes& changes) {
  for (const Value& in_file : pack.rules) {
    const Value rule = with_pack_config(in_file, pack);
    const Value* old = catalog_.find(Collection::kRules, rule["ref"].string_or(""));
    const std::string old_trigger = old != nullptr ? (*old)["trigger"].string() : std::string();
    auto stored = stored_rule(rule, changes);
    if (stored) {
      const Status kept = upsert(Collection::kRules, *stored, changes);
      if (!kept) stored = fail(kept.error().with_context("the file holds what cannot be recorded"));
    }
    SourcePosition where{pack.path_of(rule) + "/" + rule["metadata_file"].string(), 0, 0};
    if (!stored) {
      report.problems.push_back({stored.error().at(where), pack.pack["ref"].string(), "rule"});
      continue;
    }
    if (!old_trigger.empty() && old_trigger != (*stored)["trigger"].string_or(""))
      release_trigger(old_trigger, changes);
    if (catalog_.action(rule["action"]["ref"].string_or("")) == nullptr) {
      report.problems.push_back(
          {Error(ErrorCode::kInvalid,
                 "the rule " + rule["ref"].string() + " names the action \"" + rule["action"]["ref"].string() +
                     "\", which is not registered; it will fail when it fires. Check the name, or "
                     "register the pack that has it.",
                 where),
           pack.pack["ref"].string(), "rule", /*is_warning=*/true});
    }
  }
}

RegisterReport ContentRegistry::register_packs(const std::vector<packs::LoadedPack>& packs, Changes& changes,
                                               const RegisterTypes& types) {
  RegisterReport report;
  std::set<std::string> refused;
  for (const packs::LoadedPack& pack : packs) {
    report.problems.insert(report.problems.end(), pack.problems.begin(), pack.problems.end());
    if (pack.pack.is_null()) continue;
    if (!register_content(pack, types, report, changes)) refused.insert(pack.pack["ref"].string());
  }
  std::vector<const packs::LoadedPack*> registered;
  std::map<std::string, int64_t> overridden;
  int64_t rules = 0, actions = 0, sensors = 0, triggers = 0, aliases = 0, policies = 0, configs = 0;
  for (const packs::LoadedPack& pack : packs) {
    if (pack.pack.is_null() || refused.count(pack.pack["ref"].string()) != 0) continue;
    if (types.rules) register_rules(pack, report, changes);
    registered.push_back(&pack);
    for (const auto& [kind, refs] : pack.overridden) overridden[kind] += static_cast<int64_t>(refs.size());
    for (const Value& rule : pack.rules)
      rules += catalog_.find(Collection::kRules, rule["ref"].string_or("")) != nullptr ? 1 : 0;
    actions += static_cast<int64_t>(pack.actions.size());
    sensors += static_cast<int64_t>(pack.sensors.size());
    // Those of sensors are counted with their sensors, as StackStorm does.
    triggers += std::count_if(pack.trigger_types.begin(), pack.trigger_types.end(), [](const Value& type) {
      return type["metadata_file"].string_or("").starts_with("triggers/");
    });
    aliases += static_cast<int64_t>(pack.aliases.size());
    policies += static_cast<int64_t>(pack.policies.size());
    configs += pack.config.is_null() ? 0 : 1;
  }
  remove_vanished(registered, types, changes);
  const int64_t stackstorm_runners =
      std::count_if(packs::runner_types().begin(), packs::runner_types().end(), [](const Value& type) {
        const std::string_view name = type["name"].string_or("");
        return name != "native" && name != "orchestra";
      });
  report.counts = Value::dict({{"runners", stackstorm_runners},
                               {"rule_types", 2},
                               {"policy_types", static_cast<int64_t>(packs::policy_types().size())},
                               {"actions", actions},
                               {"rules", rules},
                               {"sensors", sensors},
                               {"triggers", triggers},
                               {"aliases", aliases},
                               {"policies", policies},
                               {"configs", configs}});
  for (const auto& [kind, count] : overridden) report.counts.set(kind + "(overridden)", count);
  return report;
}

void ContentRegistry::remove_content(Collection collection, const Value& document, Changes& changes) {
  if (collection == Collection::kRules && remove_rule(document["ref"].string(), changes)) return;
  if (collection == Collection::kTriggerTypes && remove_trigger_type(document["ref"].string(), changes)) return;
  catalog_.erase(collection, document["id"].string_or(""));
  changes.erase(collection, document["id"].string());
}

// Content of the packs that came from files which are no longer there.
void ContentRegistry::remove_vanished(const std::vector<const packs::LoadedPack*>& packs, const RegisterTypes& types,
                                      Changes& changes) {
  struct Found {
    const packs::LoadedPack* pack;
    std::set<std::string, std::less<>> kept;  // uids
    std::set<std::string, std::less<>>
        broken;  // files: what is broken now keeps what it registered before, with its ids
  };
  std::map<std::string, Found, std::less<>> by_ref;
  for (const packs::LoadedPack* pack : packs) {
    Found& found = by_ref[pack->pack["ref"].string()];
    found.pack = pack;
    for (const auto* list :
         {&pack->actions, &pack->rules, &pack->sensors, &pack->aliases, &pack->policies, &pack->trigger_types}) {
      for (const Value& document : *list) found.kept.insert(document["uid"].string());
    }
    for (const packs::LoadProblem& problem : pack->problems) {
      if (!problem.is_warning) found.broken.insert(problem.error.where().file);
    }
  }
  const std::pair<Collection, bool> wanted[] = {
      {Collection::kRules, types.rules},       {Collection::kActions, types.actions},
      {Collection::kSensors, types.sensors},   {Collection::kAliases, types.aliases},
      {Collection::kPolicies, types.policies}, {Collection::kTriggerTypes, types.triggers && types.sensors}};
  for (const auto& [collection, asked] : wanted) {
    if (!asked) continue;
    for (const Value& document : catalog_.all(collection)) {
      const auto found = by_ref.find(document["pack"].string_or(""));
      const std::string file = document["metadata_file"].string();
      if (found == by_ref.end() || file.empty() || found->second.kept.contains(document["uid"].string_or("")) ||
          found->second.broken.contains(found->second.pack->path_of(document) + "/" + file)) {
        continue;
      }
      remove_content(collection, document, changes);
    }
  }
}

Result<Value> ContentRegistry::unregister_pack(const std::string& ref, Changes& changes) {
  const Value* pack = catalog_.find(Collection::kPacks, ref);
  if (pack == nullptr) return fail(ErrorCode::kNotFound, "the pack \"" + ref + "\" is not registered");
  // Rules go before the trigger types that they use.
  const std::pair<Collection, const char*> kinds[] = {
      {Collection::kRules, "rules"},       {Collection::kAliases, "aliases"},
      {Collection::kPolicies, "policies"}, {Collection::kActions, "actions"},
      {Collection::kSensors, "sensors"},   {Collection::kTriggerTypes, "triggers"},
      {Collection::kConfigs, "configs"},   {Collection::kConfigSchemas, "config_schemas"},
      {Collection::kPacks, "packs"}};
  Value counts = Value::empty_dict();
  for (const auto& [collection, name] : kinds) {
    int64_t count = 0;
    for (const Value& document : catalog_.all(collection)) {
      const Value& owner = collection == Collection::kPacks ? document["ref"] : document["pack"];
      if (owner.string_or("") != ref) continue;
      remove_content(collection, document, changes);
      ++count;
    }
    counts.set(name, count);
  }
  catalog_.set_other_paths(ref, {});
  return counts;
}

Result<std::string> ContentRegistry::ensure_trigger(const std::string& type, const Value& parameters, Changes& changes,
                                                    const Value& given_name) {
  const Value* trigger_type = catalog_.find(Collection::kTriggerTypes, type);
  if (trigger_type == nullptr) {
    return fail(ErrorCode::kInvalid, "Trigger \"" + type +
                                         "\" defined in the rule does not exist in system or it's missing required "
                                         "\"parameters\" attribute");
  }
  const Value& schema = (*trigger_type)["parameters_schema"];
  if (!schema.empty()) {
    const auto violations = schema::check(parameters, schema);
    if (!violations.empty()) return fail(ErrorCode::kInvalid, schema::best_match(violations).text());
  }
  // The schema takes any text as a field of a cron timer (StackStorm checks them here, too).
  if (type == sensors::kCronTimer) {
    SQ_TRY([[maybe_unused]] const Schedule schedule,
           sensors::make_timer_schedule(type, parameters, clock_.now(), TimeZone()));
  }
  if (const Value* existing = catalog_.trigger_with(type, parameters); existing != nullptr)
    return (*existing)["ref"].string();
  const std::string pack = (*trigger_type)["pack"].string();
  const bool plain = parameters.empty() && schema.empty();
  const std::string name = given_name.truthy() ? given_name.string()
                           : plain             ? (*trigger_type)["name"].string()
                                               : Random::system().uuid4();
  Value trigger = Value::dict({{"uid", trigger_uid(pack, name, parameters)},
                               {"ref", pack + "." + name},
                               {"name", name},
                               {"pack", pack},
                               {"type", type},
                               {"parameters", parameters},
                               {"id", new_object_id(clock_)}});
  SQ_TRY(trigger, put_checked(Collection::kTriggers, trigger, changes));
  if (trigger_added_) trigger_added_(trigger);
  return trigger["ref"].string();
}

// A parametrised trigger lives as long as a rule uses it (G-2).
void ContentRegistry::release_trigger(const std::string& ref, Changes& changes) {
  const Value* found = catalog_.find(Collection::kTriggers, ref);
  if (found == nullptr || !catalog_.rules_of(ref).empty()) return;
  const Value* type = catalog_.find(Collection::kTriggerTypes, (*found)["type"].string_or(""));
  if (type != nullptr && (*type)["parameters_schema"].empty()) return;
  drop_trigger(Value(*found), changes);
}

void ContentRegistry::drop_trigger(const Value& trigger, Changes& changes) {
  catalog_.erase(Collection::kTriggers, trigger["id"].string_or(""));
  changes.erase(Collection::kTriggers, trigger["id"].string());
  if (trigger_removed_) trigger_removed_(trigger);
}

Result<Value> ContentRegistry::put_trigger(const Value& document, Changes& changes) {
  const std::string type = document["type"].string();
  if (catalog_.find(Collection::kTriggerTypes, type) == nullptr) {
    return fail(ErrorCode::kInvalid, "Trigger type with reference \"" + type + "\" doesn't exist in the database");
  }
  const Value parameters = document["parameters"].is_dict() ? document["parameters"] : Value::empty_dict();
  SQ_TRY(const std::string ref, ensure_trigger(type, parameters, changes, document["name"]));
  return *catalog_.find(Collection::kTriggers, ref);
}

Status ContentRegistry::remove_trigger(const std::string& id_or_ref, Changes& changes) {
  const Value* found = catalog_.find(Collection::kTriggers, id_or_ref);
  if (found == nullptr) {
    return fail(ErrorCode::kNotFound, "Resource with a reference or id \"" + id_or_ref + "\" not found");
  }
  const auto& rules = catalog_.rules_of((*found)["ref"].string_or(""));
  if (!rules.empty()) {
    return fail(ErrorCode::kInvalid, "The trigger \"" + (*found)["ref"].string() + "\" is used by the rule \"" +
                                         rules.front()->ref + "\": remove that first.");
  }
  drop_trigger(Value(*found), changes);
  return {};
}

// From the API's form to the stored one: the trigger becomes a ref, defaults are filled in.
Result<Value> ContentRegistry::stored_rule(const Value& given, Changes& changes) {
  SQ_TRY(const Value document, json_form(given));
  SQ_TRY([[maybe_unused]] const rules::CompiledCriteria criteria,
         rules::CompiledCriteria::compile(document["criteria"]));
  const Value parameters =
      document["trigger"]["parameters"].is_dict() ? document["trigger"]["parameters"] : Value::empty_dict();
  SQ_TRY(const std::string trigger, ensure_trigger(document["trigger"]["type"].string(), parameters, changes));
  const std::string pack = document["pack"].is_string() ? document["pack"].string() : "default";
  const std::string name = document["name"].string();
  Value type = document["type"].is_dict() ? document["type"] : Value::empty_dict();
  if (type["ref"].is_null()) type.set("ref", "standard");
  if (type["parameters"].is_null()) type.set("parameters", Value::empty_dict());
  Value action = document["action"];
  if (action["parameters"].is_null()) action.set("parameters", Value::empty_dict());
  Value rule = Value::dict({{"tags", document["tags"].is_list() ? document["tags"] : Value::empty_list()},
                            {"uid", model::make_uid("rule", pack, name)},
                            {"metadata_file", document["metadata_file"].string()},
                            {"name", name},
                            {"ref", pack + "." + name},
                            {"description", document["description"]},
                            {"pack", pack},
                            {"type", type},
                            {"trigger", trigger},
                            {"criteria", document["criteria"].is_dict() ? document["criteria"] : Value::empty_dict()},
                            {"action", action},
                            {"context", document["context"].is_dict() ? document["context"] : Value::empty_dict()},
                            {"enabled", document["enabled"].bool_or(false)}});
  return rule;
}

Result<Value> ContentRegistry::put_rule(const Value& document, const std::string& id, Changes& changes) {
  SQ_TRY(Value rule, stored_rule(document, changes));
  const Value* same_ref = catalog_.find(Collection::kRules, rule["ref"].string_or(""));
  if (same_ref != nullptr && (*same_ref)["id"].string_or("") != id) {
    return fail(duplicate_key("rule_d_b", "uid_1", {{"uid", rule["uid"]}}, *same_ref));
  }
  std::string old_trigger;
  if (const Value* old = id.empty() ? nullptr : catalog_.find(Collection::kRules, id); old != nullptr) {
    old_trigger = (*old)["trigger"].string();
  }
  rule.set("id", id.empty() ? new_object_id(clock_) : id);
  SQ_TRY(rule, put_checked(Collection::kRules, rule, changes));
  if (!old_trigger.empty() && old_trigger != rule["trigger"].string_or("")) release_trigger(old_trigger, changes);
  return public_rule(rule);
}

Status ContentRegistry::remove_rule(const std::string& id_or_ref, Changes& changes) {
  const Value* found = catalog_.find(Collection::kRules, id_or_ref);
  if (found == nullptr) {
    return fail(ErrorCode::kNotFound, "Resource with a reference or id \"" + id_or_ref + "\" not found");
  }
  const Value rule = *found;
  catalog_.erase(Collection::kRules, rule["id"].string_or(""));
  changes.erase(Collection::kRules, rule["id"].string());
  release_trigger(rule["trigger"].string(), changes);
  return {};
}

Result<Value> ContentRegistry::put_trigger_type(const Value& document, const std::string& id, Changes& changes) {
  const std::string pack = document["pack"].string();
  const std::string name = document["name"].string();
  const std::string ref = pack + "." + name;
  if (const Value* existing = catalog_.find(Collection::kTriggerTypes, ref);
      existing != nullptr && (*existing)["id"].string_or("") != id) {
    const Value uid = model::make_uid("trigger_type", pack, name);
    return fail(duplicate_key("trigger_type_d_b", "uid_1", {{"uid", uid}}, *existing));
  }
  Value type = Value::dict(
      {{"description", document["description"]},
       {"tags", document["tags"].is_list() ? document["tags"] : Value::empty_list()},
       {"uid", model::make_uid("trigger_type", pack, name)},
       {"metadata_file", ""},
       {"name", name},
       {"ref", ref},
       {"pack", pack},
       {"payload_schema", document["payload_schema"].is_dict() ? document["payload_schema"] : Value::empty_dict()},
       {"parameters_schema",
        document["parameters_schema"].is_dict() ? document["parameters_schema"] : Value::empty_dict()},
       {"id", id.empty() ? new_object_id(clock_) : id}});
  SQ_TRY(type, put_checked(Collection::kTriggerTypes, type, changes));
  if (type["parameters_schema"].empty()) {
    SQ_TRY([[maybe_unused]] const std::string trigger, ensure_trigger(ref, Value::empty_dict(), changes));
  }
  return type;
}

Status ContentRegistry::remove_trigger_type(const std::string& id_or_ref, Changes& changes) {
  const Value* found = catalog_.find(Collection::kTriggerTypes, id_or_ref);
  if (found == nullptr) {
    return fail(ErrorCode::kNotFound, "Resource with a reference or id \"" + id_or_ref + "\" not found");
  }
  const Value type = *found;
  for (const Value& trigger : catalog_.triggers_of_type(type["ref"].string_or(""))) {
    if (catalog_.rules_of(trigger["ref"].string_or("")).empty()) drop_trigger(trigger, changes);
  }
  catalog_.erase(Collection::kTriggerTypes, type["id"].string_or(""));
  changes.erase(Collection::kTriggerTypes, type["id"].string());
  return {};
}

Result<Value> ContentRegistry::put_config(const std::string& pack, const Value& values, Changes& changes) {
  const Value* old = catalog_.find(Collection::kConfigs, pack);
  return put_checked(
      Collection::kConfigs,
      Value::dict(
          {{"pack", pack}, {"values", values}, {"id", old != nullptr ? (*old)["id"] : Value(new_object_id(clock_))}}),
      changes);
}

Result<Value> ContentRegistry::put_document(Collection collection, Value document, Changes& changes) {
  if (document["id"].is_null()) document.set("id", new_object_id(clock_));
  return put_checked(collection, document, changes);
}

Status ContentRegistry::remove_document(Collection collection, const std::string& id_or_ref, Changes& changes) {
  const Value* found = catalog_.find(collection, id_or_ref);
  if (found == nullptr) {
    return fail(ErrorCode::kNotFound, "Resource with a reference or id \"" + id_or_ref + "\" not found");
  }
  const std::string id = (*found)["id"].string();
  catalog_.erase(collection, id);
  changes.erase(collection, id);
  return {};
}

Result<Value> ContentRegistry::enable_sensor(const std::string& id_or_ref, bool enabled, Changes& changes) {
  const Value* found = catalog_.find(Collection::kSensors, id_or_ref);
  if (found == nullptr) {
    return fail(ErrorCode::kNotFound, "Resource with a reference or id \"" + id_or_ref + "\" not found");
  }
  Value document = *found;
  document.set("enabled", enabled);
  return put_document(Collection::kSensors, std::move(document), changes);
}

Value ContentRegistry::public_rule(const Value& rule) const {
  Value shown = rule;
  const std::string ref = rule["trigger"].string();
  const Value* trigger = catalog_.find(Collection::kTriggers, ref);
  shown.set("trigger", Value::dict({{"type", trigger != nullptr ? (*trigger)["type"] : Value(ref)},
                                    {"parameters", trigger != nullptr ? (*trigger)["parameters"] : Value::empty_dict()},
                                    {"ref", ref}}));
  return shown;
}

}  // namespace squall::engine
