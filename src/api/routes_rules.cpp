// Rules and rule types.
#include <algorithm>

#include "api/api.hpp"
#include "api/listing.hpp"
#include "api/request_body.hpp"
#include "api/resources.hpp"
#include "base/ids.hpp"
#include "value/python.hpp"

namespace squall::api {
namespace {

using auth::Permission;
using store::Collection;

constexpr std::string_view kAlways[] = {"id", "ref"};
constexpr std::string_view kAttributes[] = {"id",          "ref",     "uid",     "name",         "pack",
                                            "description", "type",    "trigger", "criteria",     "action",
                                            "enabled",     "context", "tags",    "metadata_file"};
// What a client may send; `id`, `ref` and `uid` are what it was given before and are ignored.
constexpr std::string_view kAccepted[] = {"id",          "ref",     "uid",     "name",         "pack",
                                          "description", "type",    "tags",    "trigger",      "criteria",
                                          "action",      "enabled", "context", "metadata_file"};

constexpr ContentFilter kFilters[] = {
    {"name", "name"}, {"pack", "pack"}, {"action", "action.ref"}, {"trigger", "trigger.type"}, {"enabled", "enabled"}};

// For the OpenAPI document; check_rule() tells mistakes in StackStorm's words.
constexpr std::string_view kRuleModel = R"yaml(
id: {type: string}
ref: {type: string}
uid: {type: string}
name: {type: string, required: true}
pack: {type: string}
description: {type: string}
type: {type: object}
tags: {type: array}
trigger:
  type: object
  required: true
  properties: {type: {type: string, required: true}, parameters: {type: object}}
criteria: {type: object}
action:
  type: object
  required: true
  properties: {ref: {type: string, required: true}, parameters: {type: object}}
enabled: {type: boolean}
context: {type: object}
metadata_file: {type: string}
)yaml";

ListSpec rule_spec() {
  ListSpec spec;
  spec.attributes = kAttributes;
  spec.always = kAlways;
  spec.filters = kFilters;
  return spec;
}

Error missing(std::string_view name) {
  return Error(ErrorCode::kInvalid, "'" + std::string(name) + "' is a required property");
}

Error wrong_type(const Value& value, std::string_view type) {
  return Error(ErrorCode::kInvalid, python::repr(value) + " is not of type '" + std::string(type) + "'");
}

Status check_rule(const Value& rule) {
  if (!rule.is_dict()) return fail(wrong_type(rule, "object"));
  for (const std::string_view name : {"trigger", "action", "name"}) {
    if (!rule.contains(name)) return fail(missing(name));
  }
  for (const auto& [key, value] : rule.as_dict()) {
    if (std::find(std::begin(kAccepted), std::end(kAccepted), key) == std::end(kAccepted)) {
      return fail(ErrorCode::kInvalid, "Additional properties are not allowed ('" + key + "' was unexpected)");
    }
  }
  if (!rule["name"].is_string()) return fail(wrong_type(rule["name"], "string"));
  if (!rule["trigger"].is_dict()) return fail(wrong_type(rule["trigger"], "object"));
  if (!rule["trigger"]["type"].is_string()) return fail(missing("type"));
  if (!rule["action"].is_dict()) return fail(wrong_type(rule["action"], "object"));
  if (!rule["action"]["ref"].is_string()) return fail(missing("ref"));
  if (rule.contains("enabled") && !rule["enabled"].is_bool()) return fail(wrong_type(rule["enabled"], "boolean"));
  if (rule.contains("criteria") && !rule["criteria"].is_dict()) return fail(wrong_type(rule["criteria"], "object"));
  return {};
}

// A rule acts for its maker: it needs what its trigger and its action need.
Status check_trigger_and_action(engine::Engine& engine, const Call& call, const Value& rule) {
  const std::string type = rule["trigger"]["type"].string(), action = rule["action"]["ref"].string();
  const std::string begin = "User \"" + call.user + "\" doesn't have required ";
  const auth::Resource hook = auth::plain_resource("webhook:" + rule["trigger"]["parameters"]["url"].string());
  if (type == "core.st2.webhook" && !call.may(Permission::kWebhookCreate, hook))
    return fail(ErrorCode::kForbidden, begin + "permission (webhook_create) to use trigger " + type);
  if (!call.may(Permission::kActionExecute, resource_of_action_ref(engine, action)))
    return fail(ErrorCode::kForbidden, begin + "(action_execute) permission to use action " + action);
  return {};
}

void put_rule(engine::Engine& engine, const Call& call, const std::string& id, int status) {
  auto body = call.body();
  if (!body) return call.fail(body.error());
  if (auto checked = check_rule(*body); !checked) return call.fail(checked.error());
  Value rule = std::move(*body);
  if (const Status allowed = check_trigger_and_action(engine, call, rule); !allowed) return call.fail(allowed.error());
  if (const Value* old = id.empty() ? nullptr : engine.catalog().find(Collection::kRules, id); old != nullptr) {
    if (const Status named = check_new_name(call, "rule", *old, rule); !named) return call.fail(named.error());
  }
  if (!call.is_admin() || id.empty() || !rule["context"].is_dict())
    rule.set("context", Value::dict({{"user", call.user}}));
  engine.change_content(
      [&](engine::ContentRegistry& registry, engine::Changes& changes) { return registry.put_rule(rule, id, changes); },
      [call, status](const Result<Value>& stored) { call.reply(stored, status); });
}

std::vector<Value> public_rules(engine::Engine& engine, const Call& call) {
  std::vector<Value> rules;
  const auto only = call.only_own();
  for (const Value& rule : engine.catalog().all(Collection::kRules)) {
    if (only && rule["context"]["user"].string_or("") != *only) continue;
    rules.push_back(engine.registry().public_rule(rule));
  }
  return rules;
}

Value rule_types() {
  const auto type = [](const char* name, const char* description, const char* id) {
    return Value::dict({{"name", name},
                        {"description", description},
                        {"enabled", true},
                        {"parameters", Value::empty_dict()},
                        {"id", id}});
  };
  return Value::list(
      {type("backstop", "Runs when no standard rule matched the trigger instance.", "000000000000000000000001"),
       type("standard", "Runs when its criteria hold.", "000000000000000000000002")});
}

void one_rule_type(const Call& call) {
  const std::string& id = call.parameter("id");
  const Value types = rule_types();
  for (const Value& type : types.as_list()) {
    if (type["id"].string_or("") == id) return call.reply(200, type);
  }
  // StackStorm looks them up by id alone.
  const std::string reason =
      is_object_id(id)
          ? std::string("RuleTypeDB matching query does not exist.")
          : "'" + id + "' is not a valid ObjectId, it must be a 12-byte input or a 24-character hex string";
  call.fail(Error(ErrorCode::kNotFound, "Database lookup for id=\"" + id + "\" resulted in exception. " + reason));
}

// A rule with the descriptions of its trigger type and its action, for people.
Value rule_view(engine::Engine& engine, const Value& rule) {
  Value shown = rule;
  const auto describe = [&](const char* member, const Value* described) {
    if (described == nullptr || !(*described)["description"].truthy()) return;
    Value part = shown[member];
    part.set("description", (*described)["description"]);
    shown.set(member, std::move(part));
  };
  describe("trigger", engine.catalog().find(Collection::kTriggerTypes, rule["trigger"]["type"].string_or("")));
  describe("action", engine.catalog().action(rule["action"]["ref"].string_or("")));
  return shown;
}

}  // namespace

void add_rule_routes(Router& router, engine::Engine& engine) {
  router.add("GET", "/ruletypes", RouteAccess::any_user(), "The kinds of rules",
             [](const Call& call) { call.reply(200, rule_types()); });
  router.add("GET", "/ruletypes/{id}", RouteAccess::any_user(), "One kind of rules", one_rule_type);
  for (const bool view : {true, false}) {
    const std::string path = view ? "/rules/views" : "/rules";
    const auto shown = [&engine, view](const Value& rule) { return view ? rule_view(engine, rule) : rule; };
    router.add("GET", path, RouteAccess::needs(Permission::kRuleList),
               RouteDoc(view ? "List rules with descriptions" : "List rules").page().filters(kFilters),
               [&engine, shown](const Call& call) {
                 ListSpec spec = rule_spec();
                 spec.view = shown;
                 reply_list(call, public_rules(engine, call), spec);
               });
    router.add("GET", path + "/{id}", RouteAccess::needs(Permission::kRuleView, named_rule(engine)), "One rule",
               [&engine, shown](const Call& call) {
                 const Value* found = engine.catalog().find(Collection::kRules, call.parameter("id"));
                 if (found == nullptr) return call.fail(not_found(call.parameter("id")));
                 call.reply(200, shown(engine.registry().public_rule(*found)));
               });
  }
  router.add("POST", "/rules", RouteAccess::needs(Permission::kRuleCreate, content_in_body("rule")),
             RouteDoc("Make a rule").body(model_of(kRuleModel)).answers(201),
             [&engine](const Call& call) { put_rule(engine, call, "", 201); });
  router.add("PUT", "/rules/{id}", RouteAccess::needs(Permission::kRuleModify, named_rule(engine)),
             RouteDoc("Replace a rule").body(model_of(kRuleModel)), [&engine](const Call& call) {
               const Value* found = engine.catalog().find(Collection::kRules, call.parameter("id"));
               if (found == nullptr) return call.fail(not_found(call.parameter("id")));
               put_rule(engine, call, (*found)["id"].string(), 200);
             });
  router.add("DELETE", "/rules/{id}", RouteAccess::needs(Permission::kRuleDelete, named_rule(engine)),
             RouteDoc("Remove a rule").answers(204), [&engine](const Call& call) {
               engine.change_content(
                   [&](engine::ContentRegistry& registry, engine::Changes& changes) -> Result<Value> {
                     SQ_CHECK(registry.remove_rule(call.parameter("id"), changes));
                     return Value();
                   },
                   [call](const Result<Value>& removed) { call.reply(removed, 204); });
             });
}

}  // namespace squall::api
