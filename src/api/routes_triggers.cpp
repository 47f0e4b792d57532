// Trigger types and triggers.
#include "api/api.hpp"
#include "api/content_kinds.hpp"
#include "api/request_body.hpp"
#include "api/resources.hpp"
#include "model/reference.hpp"

namespace squall::api {
namespace {

using auth::Permission;

constexpr std::string_view kTypeModel = R"yaml(
id: {type: string, default: null}
ref: {type: string}
uid: {type: string}
name: {type: string, required: true}
pack: {type: string, required: true}
description: {type: string}
payload_schema: {type: object, default: {}}
parameters_schema: {type: object, default: {}}
tags:
  type: array
  default: []
  items:
    type: object
    properties: {name: {type: string, required: true}, value: {type: string, required: true}}
metadata_file: {type: string, default: ""}
)yaml";

constexpr std::string_view kTriggerModel = R"yaml(
id: {type: string, default: null}
ref: {type: string}
uid: {type: string}
name: {type: string}
pack: {type: string}
type: {type: string, required: true}
parameters: {type: object, default: {}}
description: {type: string}
)yaml";

using Change = std::function<Result<Value>(engine::ContentRegistry&, engine::Changes&)>;

void change(engine::Engine& engine, const Call& call, int status, const Change& function) {
  engine.change_content(function, [call, status](const Result<Value>& changed) { call.reply(changed, status); });
}

void put_type(engine::Engine& engine, const Call& call, bool replace) {
  static const Value model = model_of(kTypeModel);
  const auto body = checked_body(call, model);
  if (!body) return call.fail(body.error());
  std::string id;
  if (replace) {
    const Value* found = find_changeable_or_fail(engine, kTriggerTypeKind, call);
    if (found == nullptr) return;
    id = (*found)["id"].string();
  }
  change(engine, call, replace ? 200 : 201, [&](engine::ContentRegistry& registry, engine::Changes& changes) {
    return registry.put_trigger_type(*body, id, changes);
  });
}

void remove_type(engine::Engine& engine, const Call& call) {
  const Value* found = find_changeable_or_fail(engine, kTriggerTypeKind, call);
  if (found == nullptr) return;
  change(engine, call, 204, [&](engine::ContentRegistry& registry, engine::Changes& changes) -> Result<Value> {
    SQ_CHECK(registry.remove_trigger_type(call.parameter("id"), changes));
    return Value();
  });
}

Result<auth::Resource> trigger_type_in_body(const Call& call) {
  SQ_TRY(const Value body, call.body());
  const auto type = model::parse_reference(body["type"].string_or(""));
  if (!type) return fail(ErrorCode::kInvalid, "'type' is a required property: a reference such as core.st2.webhook");
  return auth::pack_resource("trigger", type->pack, type->name);
}

void make_trigger(engine::Engine& engine, const Call& call) {
  static const Value model = model_of(kTriggerModel);
  const auto body = checked_body(call, model);
  if (!body) return call.fail(body.error());
  change(engine, call, 201, [&](engine::ContentRegistry& registry, engine::Changes& changes) {
    return registry.put_trigger(*body, changes);
  });
}

void remove_trigger(engine::Engine& engine, const Call& call) {
  const Value* found = find_or_fail(engine, kTriggerKind, call, call.parameter("id"));
  if (found == nullptr) return;
  change(engine, call, 204, [&](engine::ContentRegistry& registry, engine::Changes& changes) -> Result<Value> {
    SQ_CHECK(registry.remove_trigger(call.parameter("id"), changes));
    return Value();
  });
}

}  // namespace

void add_trigger_routes(Router& router, engine::Engine& engine) {
  add_content_views(router, engine, kTriggerTypeKind);
  router.add("POST", "/triggertypes", RouteAccess::needs(Permission::kTriggerAll, content_in_body("trigger")),
             RouteDoc("Register a trigger type").body(model_of(kTypeModel)).answers(201),
             [&engine](const Call& call) { put_type(engine, call, false); });
  router.add("PUT", "/triggertypes/{id}",
             RouteAccess::needs(Permission::kTriggerAll, named_content(engine, kTriggerTypeKind)),
             RouteDoc("Replace a trigger type").body(model_of(kTypeModel)),
             [&engine](const Call& call) { put_type(engine, call, true); });
  router.add("DELETE", "/triggertypes/{id}",
             RouteAccess::needs(Permission::kTriggerAll, named_content(engine, kTriggerTypeKind)),
             RouteDoc("Remove a trigger type").answers(204),
             [&engine](const Call& call) { remove_type(engine, call); });
  add_content_views(router, engine, kTriggerKind);
  router.add("POST", "/triggers", RouteAccess::needs(Permission::kTriggerAll, trigger_type_in_body),
             RouteDoc("Make a trigger").body(model_of(kTriggerModel)).answers(201),
             [&engine](const Call& call) { make_trigger(engine, call); });
  router.add("DELETE", "/triggers/{id}",
             RouteAccess::needs(Permission::kTriggerAll, named_content(engine, kTriggerKind)),
             RouteDoc("Remove a trigger that no rule uses").answers(204),
             [&engine](const Call& call) { remove_trigger(engine, call); });
}

}  // namespace squall::api
