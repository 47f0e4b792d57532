#include "api/resources.hpp"

#include "api/content_kinds.hpp"
#include "api/listing.hpp"
#include "model/reference.hpp"

namespace squall::api {

using store::Collection;

Result<Value> find_record(engine::Engine& engine, Collection collection, const std::string& id) {
  SQ_TRY(Value found, engine.store().find(collection, id));
  if (found.is_null()) return fail(unknown_id(id));
  return found;
}

auth::Resource resource_of_content(std::string_view type, const Value& document) {
  // Runner types and packs belong to no pack.
  if (type == "pack") return auth::plain_resource("pack:" + document["ref"].string());
  if (type == "runner_type") return auth::plain_resource("runner_type:" + document["name"].string());
  return auth::pack_resource(type, document["pack"].string_or(""), document["name"].string_or(""));
}

auth::Resource resource_of_execution(const Value& execution) {
  const Value& action = execution["action"];
  const std::string own = "execution:" + execution["id"].string();
  return {own,
          {own, model::make_uid("action", action["pack"].string_or(""), action["name"].string_or("")),
           "pack:" + action["pack"].string()},
          execution["context"]["user"].string()};
}

auth::Resource resource_of_rule(const Value& rule) {
  auth::Resource resource = resource_of_content("rule", rule);
  resource.owner = rule["context"]["user"].string();
  return resource;
}

auth::Resource resource_of_action_ref(engine::Engine& engine, const std::string& ref) {
  if (const Value* action = engine.catalog().find(Collection::kActions, ref); action != nullptr)
    return resource_of_content("action", *action);
  // Rules may name an action that is not there yet.
  const auto reference = model::parse_reference(ref);
  return reference ? auth::pack_resource("action", reference->pack, reference->name)
                   : auth::plain_resource("action:" + ref);
}

ResourceOf named_content(engine::Engine& engine, const ContentKind& kind, const char* parameter) {
  return [&engine, &kind, parameter](const Call& call) -> Result<auth::Resource> {
    const std::string& id = call.parameter(parameter);
    const Value* found = engine.catalog().find(kind.collection, id);
    if (found == nullptr) return fail(not_found(id, kind.what));
    return resource_of_content(kind.resource, *found);
  };
}

ResourceOf named_rule(engine::Engine& engine) {
  return [&engine](const Call& call) -> Result<auth::Resource> {
    const Value* found = engine.catalog().find(Collection::kRules, call.parameter("id"));
    if (found == nullptr) return fail(not_found(call.parameter("id")));
    return resource_of_rule(*found);
  };
}

Result<Value> find_execution(engine::Engine& engine, const std::string& id) {
  if (id != "last") return find_record(engine, Collection::kExecutions, id);
  Value found;
  SQ_CHECK(engine.store().read([&](store::ReadTx& tx) -> Status {
    store::Query query;
    query.sort = {{"id", true}};
    query.limit = 1;
    SQ_TRY(const store::Page page, tx.list(Collection::kExecutions, query));
    if (!page.records.empty()) found = page.records.front().document;
    return {};
  }));
  if (found.is_null()) return fail(unknown_id(id));
  return found;
}

ResourceOf named_execution(engine::Engine& engine) {
  return [&engine](const Call& call) -> Result<auth::Resource> {
    SQ_TRY(const Value execution, find_execution(engine, call.parameter("id")));
    return resource_of_execution(execution);
  };
}

ResourceOf named_enforcement(engine::Engine& engine) {
  return [&engine](const Call& call) -> Result<auth::Resource> {
    SQ_TRY(const Value enforcement, find_record(engine, Collection::kEnforcements, call.parameter("id")));
    const auto rule = model::parse_reference(enforcement["rule"]["ref"].string_or(""));
    auth::Resource resource =
        rule ? auth::pack_resource("rule", rule->pack, rule->name) : auth::plain_resource("rule:");
    resource.uid = "rule_enforcement:" + call.parameter("id");
    return resource;
  };
}

ResourceOf named_trigger_instance(engine::Engine& engine) {
  return [&engine](const Call& call) -> Result<auth::Resource> {
    SQ_TRY(const Value instance, find_record(engine, Collection::kTriggerInstances, call.parameter("id")));
    const std::string ref = instance["trigger"].string();
    const auto reference = model::parse_reference(ref);
    return reference ? auth::pack_resource("trigger", reference->pack, reference->name)
                     : auth::plain_resource("trigger:" + ref);
  };
}

ResourceOf named_pack(const char* parameter) {
  return [parameter](const Call& call) -> Result<auth::Resource> {
    return auth::plain_resource("pack:" + call.parameter(parameter));
  };
}

ResourceOf named_webhook() {
  return [](const Call& call) -> Result<auth::Resource> {
    return auth::plain_resource("webhook:" + call.parameter("url"));
  };
}

ResourceOf content_in_body(std::string_view type) {
  return [type](const Call& call) -> Result<auth::Resource> {
    SQ_TRY(const Value body, call.body());
    if (!body.is_dict() || !body["name"].is_string()) return fail(ErrorCode::kInvalid, "'name' is a required property");
    const std::string pack = body["pack"].is_string() ? body["pack"].string() : "default";
    return auth::pack_resource(type, pack, body["name"].string());
  };
}

Status check_new_name(const Call& call, std::string_view type, const Value& old, const Value& replacement) {
  const std::string pack = replacement["pack"].is_string() ? replacement["pack"].string() : "default";
  const auth::Resource made = auth::pack_resource(type, pack, replacement["name"].string());
  if (made.uid == resource_of_content(type, old).uid) return {};
  const auto create = auth::permission_on(type, "create");
  return create ? call.check(*create, made) : Status();
}

ResourceOf action_in_body(engine::Engine& engine, const char* member) {
  return [&engine, member](const Call& call) -> Result<auth::Resource> {
    SQ_TRY(const Value body, call.body());
    if (!body.is_dict() || !body[member].is_string())
      return fail(ErrorCode::kInvalid, "'" + std::string(member) + "' is a required property");
    return resource_of_action_ref(engine, body[member].string());
  };
}

}  // namespace squall::api
