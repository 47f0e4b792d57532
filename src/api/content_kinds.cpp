#include "api/content_kinds.hpp"

#include <algorithm>

#include "api/resources.hpp"
#include "base/assert.hpp"
#include "base/ids.hpp"
#include "engine/duplicate_key.hpp"
#include "model/reference.hpp"

namespace squall::api {
namespace {

using store::Collection;

constexpr std::string_view kAlwaysIdRef[] = {"id", "ref"};
constexpr std::string_view kAlwaysId[] = {"id"};
constexpr std::string_view kActionAttributes[] = {
    "id",          "ref",         "uid",        "name", "pack",   "description",   "enabled",
    "entry_point", "runner_type", "parameters", "tags", "notify", "metadata_file", "output_schema"};
constexpr std::string_view kRunnerAttributes[] = {
    "id",         "uid",           "name",          "description",       "enabled",
    "output_key", "output_schema", "runner_module", "runner_parameters", "runner_package"};
constexpr std::string_view kPackAttributes[] = {"id",           "ref",
                                                "uid",          "name",
                                                "description",  "version",
                                                "author",       "email",
                                                "keywords",     "contributors",
                                                "dependencies", "files",
                                                "path",         "stackstorm_version",
                                                "system",       "python_versions"};
constexpr std::string_view kSensorAttributes[] = {
    "id",          "ref",     "uid",           "class_name",    "name",        "pack",          "artifact_uri",
    "entry_point", "enabled", "trigger_types", "poll_interval", "description", "metadata_file", "status"};
constexpr std::string_view kTriggerTypeAttributes[] = {
    "id", "ref", "uid", "name", "pack", "tags", "payload_schema", "parameters_schema", "description", "metadata_file"};
constexpr std::string_view kTriggerAttributes[] = {"id",   "ref",  "uid",        "name",
                                                   "pack", "type", "parameters", "description"};
constexpr std::string_view kAliasAttributes[] = {
    "id",         "ref",     "uid", "name",   "pack",  "description",          "enabled",
    "action_ref", "formats", "ack", "result", "extra", "immutable_parameters", "metadata_file"};
constexpr std::string_view kPolicyAttributes[] = {"id",          "ref",         "uid",          "name",
                                                  "pack",        "description", "enabled",      "resource_ref",
                                                  "policy_type", "parameters",  "metadata_file"};

constexpr ContentFilter kByName[] = {{"name", "name"}};
constexpr ContentFilter kByNameAndPack[] = {{"name", "name"}, {"pack", "pack"}};
constexpr ContentFilter kByNameAndRef[] = {{"name", "name"}, {"ref", "ref"}};
constexpr ContentFilter kByPack[] = {{"pack", "pack"}};
constexpr ContentFilter kOfSensors[] = {
    {"name", "name"}, {"pack", "pack"}, {"enabled", "enabled"}, {"trigger", "trigger_types"}};
constexpr ContentFilter kOfTriggers[] = {{"type", "type"}, {"pack", "pack"}};

constexpr std::string_view kBigOfActions[] = {"parameters", "notify"};
constexpr std::string_view kBigOfRunners[] = {"runner_parameters"};
constexpr std::string_view kBigOfPacks[] = {"files"};
constexpr std::string_view kBigOfTriggerTypes[] = {"payload_schema", "parameters_schema"};
constexpr std::span<const std::string_view> kNothing = {};
constexpr const char* kByRef = "reference or id";

}  // namespace

const ContentKind kActionKind = {
    "/actions", Collection::kActions, kActionAttributes, kAlwaysIdRef, kBigOfActions, kByNameAndPack, kByRef, "actions",
    "action",   "action_d_b"};
const ContentKind kRunnerTypeKind = {
    "/runnertypes", Collection::kRunnerTypes, kRunnerAttributes, kAlwaysId,        kBigOfRunners, kByName,
    "name or id",   "runner types",           "runner_type",     "runner_type_d_b"};
const ContentKind kPackKind = {"/packs",      Collection::kPacks, kPackAttributes, kAlwaysIdRef, kBigOfPacks,
                               kByNameAndRef, "ref or id",        "packs",         "pack",       "pack_d_b"};
const ContentKind kSensorKind = {
    "/sensortypes", Collection::kSensors, kSensorAttributes, kAlwaysIdRef, kNothing, kOfSensors, kByRef,
    "sensors",      "sensor_type",        "sensor_type_d_b"};
const ContentKind kTriggerTypeKind = {"/triggertypes",
                                      Collection::kTriggerTypes,
                                      kTriggerTypeAttributes,
                                      kAlwaysIdRef,
                                      kBigOfTriggerTypes,
                                      kByNameAndPack,
                                      kByRef,
                                      "trigger types",
                                      "trigger",
                                      "trigger_type_d_b"};
const ContentKind kTriggerKind = {
    "/triggers", Collection::kTriggers, kTriggerAttributes, kAlwaysIdRef, kNothing, kOfTriggers, kByRef, "triggers",
    "trigger",   "trigger_d_b"};
const ContentKind kAliasKind = {"/actionalias", Collection::kAliases, kAliasAttributes, kAlwaysIdRef,
                                kNothing,       kByNameAndPack,       kByRef,           "action aliases",
                                "action_alias", "action_alias_d_b"};
const ContentKind kPolicyKind = {
    "/policies", Collection::kPolicies, kPolicyAttributes, kAlwaysIdRef, kNothing, kByPack, kByRef, "policies",
    "policy",    "policy_d_b"};

ListSpec spec_of(const ContentKind& kind) {
  ListSpec spec;
  spec.attributes = kind.attributes;
  spec.always = kind.always;
  spec.excludable = kind.excludable;
  spec.filters = kind.filters;
  // StackStorm's list of triggers has no pages.
  if (kind.collection == Collection::kTriggers) spec.default_limit = -1;
  return spec;
}

// StackStorm's own trigger types come from no file.
static Value shown_content(const Value& document) {
  const bool own = document["ref"].string_or("").starts_with("core.st2.") && document.contains("payload_schema");
  if (!own) return document;
  Value shown = document;
  shown.mut_dict().erase("metadata_file");
  return shown;
}

void add_content_views(Router& router, engine::Engine& engine, const ContentKind& kind) {
  const auto list = auth::permission_on(kind.resource, "list"), view = auth::permission_on(kind.resource, "view");
  SQ_ASSERT(list && view);
  router.add("GET", kind.path, RouteAccess::needs(*list),
             RouteDoc("List " + std::string(kind.title)).page().filters(kind.filters),
             [&engine, &kind](const Call& call) {
               ListSpec spec = spec_of(kind);
               spec.view = shown_content;
               reply_list(call, engine.catalog().all(kind.collection), spec);
             });
  router.add("GET", std::string(kind.path) + "/{id}", RouteAccess::needs(*view, named_content(engine, kind)),
             "One of the " + std::string(kind.title), [&engine, &kind](const Call& call) {
               const Value* found = find_or_fail(engine, kind, call, call.parameter("id"));
               if (found != nullptr) call.reply(200, shown_content(*found));
             });
}

const Value* find_or_fail(engine::Engine& engine, const ContentKind& kind, const Call& call, const std::string& id) {
  const Value* found = engine.catalog().find(kind.collection, id);
  if (found == nullptr) call.fail(not_found(id, kind.what));
  return found;
}

Status check_changeable_pack(std::string_view pack) {
  if (pack != "core" && pack != "packs") return {};
  return fail(ErrorCode::kInvalid, "Resources belonging to system level packs can't be manipulated");
}

Result<Value> identified(engine::Engine& engine, const ContentKind& kind, Value document, const Value* replaced) {
  // StackStorm's aliases have the uid of an action.
  const char* type = kind.collection == Collection::kPolicies ? "policy" : "action";
  const std::string pack = document["pack"].string(), name = document["name"].string();
  document.set("ref", pack + "." + name);
  document.set("uid", model::make_uid(type, pack, name));
  if (document["metadata_file"].is_null()) document.set("metadata_file", "");
  const Value* existing = engine.catalog().find(kind.collection, document["ref"].string_or(""));
  if (existing != nullptr && (replaced == nullptr || (*existing)["id"] != (*replaced)["id"])) {
    if (kind.collection == Collection::kPolicies) {
      return fail(engine::duplicate_key(kind.database, "pack_1_name_1", {{"pack", pack}, {"name", name}}, *existing));
    }
    return fail(engine::duplicate_key(kind.database, "uid_1", {{"uid", document["uid"]}}, *existing));
  }
  document.set("id", replaced != nullptr ? (*replaced)["id"] : Value(new_object_id()));
  return document;
}

void store_content(engine::Engine& engine, const ContentKind& kind, const Call& call, Value document, int status) {
  engine.change_content(
      [&](engine::ContentRegistry& registry, engine::Changes& changes) {
        return registry.put_document(kind.collection, std::move(document), changes);
      },
      [call, status](const Result<Value>& stored) { call.reply(stored, status); });
}

const Value* find_changeable_or_fail(engine::Engine& engine, const ContentKind& kind, const Call& call) {
  const Value* found = find_or_fail(engine, kind, call, call.parameter("id"));
  if (found == nullptr) return nullptr;
  if (const Status allowed = check_changeable_pack((*found)["pack"].string_or("")); !allowed) {
    call.fail(allowed.error());
    return nullptr;
  }
  return found;
}

void remove_content(engine::Engine& engine, const ContentKind& kind, const Call& call) {
  const Value* found = find_changeable_or_fail(engine, kind, call);
  if (found == nullptr) return;
  engine.change_content(
      [&, id = (*found)["id"].string()](engine::ContentRegistry& registry, engine::Changes& changes) -> Result<Value> {
        SQ_CHECK(registry.remove_document(kind.collection, id, changes));
        return Value();
      },
      [call](const Result<Value>& removed) { call.reply(removed, 204); });
}

}  // namespace squall::api
