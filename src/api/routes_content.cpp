// Registered content: packs, actions, runner types, sensors, triggers, aliases, policies.
#include "api/api.hpp"
#include "api/listing.hpp"
#include "base/strings.hpp"

namespace squall::api {
namespace {

using store::Collection;

constexpr std::string_view kAlwaysIdRef[] = {"id", "ref"};
constexpr std::string_view kAlwaysId[] = {"id"};
constexpr std::string_view kActionAttributes[] = {
    "id",          "ref",         "uid",        "name", "pack",   "description",   "enabled",
    "entry_point", "runner_type", "parameters", "tags", "notify", "metadata_file", "output_schema"};
constexpr std::string_view kRunnerAttributes[] = {"id",
                                                  "uid",
                                                  "name",
                                                  "description",
                                                  "enabled",
                                                  "runner_package",
                                                  "runner_module",
                                                  "runner_parameters",
                                                  "output_key",
                                                  "output_schema"};
constexpr std::string_view kPackAttributes[] = {"id",
                                                "ref",
                                                "uid",
                                                "name",
                                                "description",
                                                "version",
                                                "author",
                                                "email",
                                                "keywords",
                                                "contributors",
                                                "dependencies",
                                                "files",
                                                "path",
                                                "stackstorm_version",
                                                "python_versions",
                                                "system"};
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

struct Kind {
  const char* path;
  Collection collection;
  std::span<const std::string_view> attributes;
  std::span<const std::string_view> always;
  const char* what;  // in "Resource with a ... not found"
  const char* title;
};

constexpr Kind kKinds[] = {
    {"/actions", Collection::kActions, kActionAttributes, kAlwaysIdRef, "reference or id", "actions"},
    {"/runnertypes", Collection::kRunnerTypes, kRunnerAttributes, kAlwaysId, "name or id", "runner types"},
    {"/packs", Collection::kPacks, kPackAttributes, kAlwaysIdRef, "ref or id", "packs"},
    {"/sensortypes", Collection::kSensors, kSensorAttributes, kAlwaysIdRef, "reference or id", "sensors"},
    {"/triggertypes", Collection::kTriggerTypes, kTriggerTypeAttributes, kAlwaysIdRef, "reference or id",
     "trigger types"},
    {"/triggers", Collection::kTriggers, kTriggerAttributes, kAlwaysIdRef, "reference or id", "triggers"},
    {"/actionalias", Collection::kAliases, kAliasAttributes, kAlwaysIdRef, "reference or id", "action aliases"},
    {"/policies", Collection::kPolicies, kPolicyAttributes, kAlwaysIdRef, "reference or id", "policies"},
};

ListSpec spec_of(const Kind& kind) {
  ListSpec spec;
  spec.attributes = kind.attributes;
  spec.always = kind.always;
  return spec;
}

// What the file of a sensor said is for the registry alone.
ListSpec sensor_spec(const Kind& kind) {
  ListSpec spec = spec_of(kind);
  spec.view = [](const Value& document) {
    Value shown = document;
    shown.mut_dict().erase("enabled_in_file");
    return shown;
  };
  return spec;
}

ListSpec listed_as(const Kind& kind) {
  return kind.collection == Collection::kSensors ? sensor_spec(kind) : spec_of(kind);
}

// The documents of /sensortypes have StackStorm's fields; here a sensor also tells what it does.
Value with_status(Value document, const Value& statuses) {
  const Value& status = statuses[document["ref"].string_or("")];
  document.set("status",
               status.is_null() ? Value::dict({{"state", "stopped"}, {"message", "nothing here runs it"}}) : status);
  return document;
}

void add_sensor_status(Router& router, engine::Engine& engine, const Kind& kind) {
  router.add("GET", "/squall/sensors", "List sensors with what they do", [&engine, &kind](const Call& call) {
    std::vector<Value> documents = engine.catalog().all(kind.collection);
    const Value statuses = engine.sensor_status();
    for (Value& document : documents) document = with_status(std::move(document), statuses);
    reply_list(call, std::move(documents), sensor_spec(kind));
  });
  router.add("GET", "/squall/sensors/{id}", "One sensor with what it does", [&engine, &kind](const Call& call) {
    const Value* found = engine.catalog().find(kind.collection, call.parameter("id"));
    if (found == nullptr) return call.fail(not_found(call.parameter("id"), kind.what));
    const Value document = with_status(*found, engine.sensor_status());
    reply_one(call, &document, sensor_spec(kind));
  });
}

void change_sensor(engine::Engine& engine, const Kind& kind, const Call& call) {
  const auto body = call.body();
  if (!body) return call.fail(body.error());
  if (!(*body)["enabled"].is_bool())
    return call.fail(Error(ErrorCode::kInvalid,
                           "'enabled' is a required property, and must be true or false; it is all "
                           "that can be changed of a sensor"));
  engine.enable_sensor(call.parameter("id"), (*body)["enabled"].bool_or(true),
                       [&kind, call](const Result<Value>& document) {
                         if (!document) return call.fail(document.error());
                         reply_one(call, &*document, sensor_spec(kind));
                       });
}

Value problems_document(const std::vector<packs::LoadProblem>& problems) {
  List list;
  for (const auto& problem : problems) {
    list.push_back(Value::dict({{"pack", problem.pack},
                                {"kind", problem.kind},
                                {"where", problem.error.where().to_string()},
                                {"message", problem.error.message()}}));
  }
  return Value(std::move(list));
}

void register_packs(engine::Engine& engine, const Call& call) {
  const auto body = call.body();
  if (!body) return call.fail(body.error());
  std::vector<std::string> names;
  const Value& packs = (*body)["packs"];
  if (!packs.is_null() && !packs.is_list()) {
    return call.fail(Error(ErrorCode::kInvalid, "'" + packs.string() + "' is not of type 'array'"));
  }
  for (size_t i = 0; i < packs.size(); ++i) names.push_back(packs[i].string());
  engine.register_packs(names, [call](const Result<engine::RegisterReport>& report) {
    if (!report) return call.fail(report.error());
    Value counts = report->counts;
    if (!report->problems.empty()) counts.set("problems", problems_document(report->problems));
    call.reply(200, counts);
  });
}

void action_parameters(engine::Engine& engine, const Call& call) {
  const std::string& ref = call.parameter("ref");
  const Value* action = engine.catalog().action(ref);
  const auto parameters = engine.catalog().merged_parameters(ref);
  if (action == nullptr || !parameters) return call.fail(not_found(ref));
  call.reply(200, Value::dict({{"parameters", *parameters}}));
}

void entry_point(engine::Engine& engine, const Call& call) {
  const std::string& ref = call.parameter("ref");
  const Value* action = engine.catalog().action(ref);
  if (action == nullptr) return call.fail(not_found(ref));
  const auto text = read_file(engine.catalog().pack_path(*action) + "/actions/" + (*action)["entry_point"].string());
  if (!text) return call.fail(Error(ErrorCode::kNotFound, "Action ref=" + ref + " has no entry point file"));
  net::ServerResponse response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = *text;
  call.reply(std::move(response));
}

void add_trigger_type_changes(Router& router, engine::Engine& engine) {
  router.add("POST", "/triggertypes", "Register a trigger type", [&engine](const Call& call) {
    const auto body = call.body();
    if (!body) return call.fail(body.error());
    for (const char* required : {"name", "pack"}) {
      if (!(*body)[required].is_string()) {
        return call.fail(Error(ErrorCode::kInvalid, "'" + std::string(required) + "' is a required property"));
      }
    }
    engine.change_content([&](engine::ContentRegistry& registry,
                              engine::Changes& changes) { return registry.put_trigger_type(*body, changes); },
                          [call](const Result<Value>& type) { call.reply(type, 201); });
  });
  router.add("DELETE", "/triggertypes/{id}", "Remove a trigger type", [&engine](const Call& call) {
    engine.change_content(
        [&](engine::ContentRegistry& registry, engine::Changes& changes) -> Result<Value> {
          SQ_CHECK(registry.remove_trigger_type(call.parameter("id"), changes));
          return Value();
        },
        [call](const Result<Value>& removed) { call.reply(removed, 204); });
  });
}

}  // namespace

void add_content_routes(Router& router, engine::Engine& engine) {
  router.add("POST", "/packs/register", "Load packs again from their directories",
             [&engine](const Call& call) { register_packs(engine, call); });
  router.add("GET", "/actions/views/parameters/{ref}", "Parameters of an action, with those of its runner",
             [&engine](const Call& call) { action_parameters(engine, call); });
  router.add("GET", "/actions/views/entry_point/{ref}", "The file an action runs",
             [&engine](const Call& call) { entry_point(engine, call); });
  for (const Kind& kind : kKinds) {
    router.add("GET", kind.path, "List " + std::string(kind.title), [&engine, &kind](const Call& call) {
      reply_list(call, engine.catalog().all(kind.collection), listed_as(kind));
    });
    router.add("GET", std::string(kind.path) + "/{id}", "One of the " + std::string(kind.title),
               [&engine, &kind](const Call& call) {
                 const Value* found = engine.catalog().find(kind.collection, call.parameter("id"));
                 if (found == nullptr) return call.fail(not_found(call.parameter("id"), kind.what));
                 reply_one(call, found, listed_as(kind));
               });
    if (kind.collection != Collection::kSensors) continue;
    router.add("PUT", std::string(kind.path) + "/{id}", "Switch a sensor on or off",
               [&engine, &kind](const Call& call) { change_sensor(engine, kind, call); });
    add_sensor_status(router, engine, kind);
  }
  add_trigger_type_changes(router, engine);
}

}  // namespace squall::api
