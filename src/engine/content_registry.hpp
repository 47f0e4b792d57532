// ContentRegistry: brings packs and content made through the API into the store and the catalog.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "engine/catalog.hpp"
#include "engine/changes.hpp"
#include "engine/register_types.hpp"
#include "packs/loader.hpp"

namespace squall::engine {

struct RegisterReport {
  // How many of each kind are registered: "actions", "rules", "sensors", "triggers", "aliases", "policies", "configs",
  // ...
  Value counts = Value::empty_dict();
  std::vector<packs::LoadProblem> problems;
};

// Lives on the engine's thread. Every call changes the catalog at once and adds the same change to `changes`, which the
// caller commits.
class ContentRegistry {
 public:
  ContentRegistry(const Clock& clock, Catalog& catalog) : clock_(clock), catalog_(catalog) {}

  // Told of every trigger that comes or goes, for sensors.
  void on_trigger_added(std::function<void(const Value&)> observer) { trigger_added_ = std::move(observer); }
  void on_trigger_removed(std::function<void(const Value&)> observer) { trigger_removed_ = std::move(observer); }

  void register_runner_types(const std::vector<Value>& runner_types, Changes& changes);
  // All packs together: rules may name triggers and actions of any of them. Content that came from a file of one of
  // these packs and whose file is gone is removed. A rule that names an unknown trigger is a problem and is left out.
  // Content of other kinds than `types` stays as it is.
  RegisterReport register_packs(const std::vector<packs::LoadedPack>& packs, Changes& changes,
                                const RegisterTypes& types = {});
  // Removes a pack and all of its content, that which came through the API too; what it was: {"actions": n, ...}.
  // Rules of other packs stay, and fail when they need what is gone. kNotFound.
  Result<Value> unregister_pack(const std::string& ref, Changes& changes);

  // A rule as the API takes it: {name, pack, trigger{type, parameters}, criteria, action, ...}. `id` empty: a new one
  // (kConflict when its ref is taken), else that rule is replaced. Returns it as the API shows it.
  Result<Value> put_rule(const Value& document, const std::string& id, Changes& changes);
  Status remove_rule(const std::string& id_or_ref, Changes& changes);
  // A trigger type as the API takes it; makes its trigger too when it has no parameters. `id` as for rules.
  Result<Value> put_trigger_type(const Value& document, const std::string& id, Changes& changes);
  Status remove_trigger_type(const std::string& id_or_ref, Changes& changes);
  // A trigger as the API takes it: {type, parameters, name, pack}. One with the same type and parameters is kept.
  Result<Value> put_trigger(const Value& document, Changes& changes);
  // kInvalid while a rule uses it.
  Status remove_trigger(const std::string& id_or_ref, Changes& changes);
  Result<Value> put_config(const std::string& pack, const Value& values, Changes& changes);
  // Changes one member of a document, e.g. `enabled` of an action.
  Result<Value> put_document(store::Collection collection, Value document, Changes& changes);
  Status remove_document(store::Collection collection, const std::string& id_or_ref, Changes& changes);

  // Switches a sensor on or off. That lasts over registrations of its pack until its file says something else than
  // before.
  Result<Value> enable_sensor(const std::string& id_or_ref, bool enabled, Changes& changes);

  // The stored rule with its trigger spelled out: {type, parameters, ref}.
  Value public_rule(const Value& rule) const;

 private:
  Result<Value> put_checked(store::Collection collection, const Value& document, Changes& changes);
  Status upsert(store::Collection collection, const Value& given, Changes& changes);
  Value kept_switch(Value sensor) const;
  Result<std::string> ensure_trigger(const std::string& type, const Value& parameters, Changes& changes,
                                     const Value& given_name = {});
  void drop_trigger(const Value& trigger, Changes& changes);
  void release_trigger(const std::string& ref, Changes& changes);
  Result<Value> stored_rule(const Value& given, Changes& changes);
  bool register_content(const packs::LoadedPack& pack, const RegisterTypes& types, RegisterReport& report,
                        Changes& changes);
  void register_rules(const packs::LoadedPack& pack, RegisterReport& report, Changes& changes);
  void remove_vanished(const std::vector<const packs::LoadedPack*>& packs, const RegisterTypes& types,
                       Changes& changes);
  void remove_content(store::Collection collection, const Value& document, Changes& changes);

  const Clock& clock_;
  Catalog& catalog_;
  std::function<void(const Value&)> trigger_added_;
  std::function<void(const Value&)> trigger_removed_;
};

}  // namespace squall::engine
