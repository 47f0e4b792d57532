// Policies and policy types.
#include "api/api.hpp"
#include "api/content_kinds.hpp"
#include "api/request_body.hpp"
#include "api/resources.hpp"
#include "crypto/hash.hpp"
#include "packs/policy_types.hpp"
#include "value/schema.hpp"

namespace squall::api {
namespace {

using auth::Permission;

constexpr std::string_view kModel = R"yaml(
id: {type: string, default: null}
ref: {type: string}
uid: {type: string}
name: {type: string, required: true}
pack: {type: string, default: default}
description: {type: string}
enabled: {type: boolean, default: true}
resource_ref: {type: string, required: true}
policy_type: {type: string, required: true}
parameters: {type: object, default: {}}
metadata_file: {type: string, default: ""}
)yaml";

constexpr std::string_view kTypeAttributes[] = {"id",      "name",   "description", "uid",          "ref",
                                                "enabled", "module", "parameters",  "resource_type"};
constexpr std::string_view kAlways[] = {"id", "ref"};
constexpr ContentFilter kTypeFilters[] = {{"resource_type", "resource_type"}};

// The types are part of the program, so their ids are made of their refs.
Value with_id(Value type) {
  type.set("id", crypto::md5_hex(type["ref"].string_or("")).substr(0, 24));
  return type;
}

Result<Value> policy_of(const Call& call) {
  static const Value model = model_of(kModel);
  SQ_TRY(const Value body, checked_body(call, model));
  const Value* type = packs::find_policy_type(body["policy_type"].string_or(""));
  if (type == nullptr) {
    return fail(ErrorCode::kInvalid, "Referenced policy_type \"" + body["policy_type"].string() + "\" doesnt exist");
  }
  Value policy = Value::empty_dict();
  for (const char* name :
       {"uid", "metadata_file", "name", "ref", "pack", "description", "enabled", "resource_ref", "policy_type"}) {
    if (!body[name].is_null() || std::string_view(name) == "uid") policy.set(name, body[name]);
  }
  SQ_TRY(const Value parameters, check_model(body["parameters"], schema::object_schema((*type)["parameters"])));
  policy.set("parameters", parameters);
  return policy;
}

void make_policy(engine::Engine& engine, const Call& call) {
  const auto policy = policy_of(call);
  if (!policy) return call.fail(policy.error());
  auto document = identified(engine, kPolicyKind, *policy, nullptr);
  if (!document) return call.fail(document.error());
  store_content(engine, kPolicyKind, call, std::move(*document), 201);
}

void replace_policy(engine::Engine& engine, const Call& call) {
  const auto policy = policy_of(call);
  if (!policy) return call.fail(policy.error());
  const Value* found = find_changeable_or_fail(engine, kPolicyKind, call);
  if (found == nullptr) return;
  if (const Status named = check_new_name(call, "policy", *found, *policy); !named) return call.fail(named.error());
  auto document = identified(engine, kPolicyKind, *policy, found);
  if (!document) return call.fail(document.error());
  store_content(engine, kPolicyKind, call, std::move(*document), 200);
}

void list_types(const Call& call) {
  std::vector<Value> types;
  for (const Value& type : packs::policy_types()) types.push_back(with_id(type));
  ListSpec spec;
  spec.attributes = kTypeAttributes;
  spec.always = kAlways;
  spec.filters = kTypeFilters;
  reply_list(call, std::move(types), spec);
}

Result<auth::Resource> named_policy_type(const Call& call) {
  const std::string& wanted = call.parameter("id");
  for (const Value& type : packs::policy_types()) {
    const Value shown = with_id(type);
    if (shown["ref"].string_or("") == wanted || shown["id"].string_or("") == wanted)
      return auth::plain_resource("policy_type:" + shown["resource_type"].string() + ":" + shown["name"].string());
  }
  return fail(ErrorCode::kNotFound, "PolicyType with a reference of id \"" + wanted + "\" not found.");
}

void one_type(const Call& call) {
  const std::string& wanted = call.parameter("id");
  for (const Value& type : packs::policy_types()) {
    const Value shown = with_id(type);
    if (shown["ref"].string_or("") == wanted || shown["id"].string_or("") == wanted) return call.reply(200, shown);
  }
  call.fail(Error(ErrorCode::kNotFound, "PolicyType with a reference of id \"" + wanted + "\" not found."));
}

}  // namespace

void add_policy_routes(Router& router, engine::Engine& engine) {
  add_content_views(router, engine, kPolicyKind);
  router.add("POST", "/policies", RouteAccess::needs(Permission::kPolicyCreate, content_in_body("policy")),
             RouteDoc("Make a policy").body(model_of(kModel)).answers(201),
             [&engine](const Call& call) { make_policy(engine, call); });
  router.add("PUT", "/policies/{id}", RouteAccess::needs(Permission::kPolicyModify, named_content(engine, kPolicyKind)),
             RouteDoc("Replace a policy").body(model_of(kModel)),
             [&engine](const Call& call) { replace_policy(engine, call); });
  router.add("DELETE", "/policies/{id}",
             RouteAccess::needs(Permission::kPolicyDelete, named_content(engine, kPolicyKind)),
             RouteDoc("Remove a policy").answers(204),
             [&engine](const Call& call) { remove_content(engine, kPolicyKind, call); });
  router.add("GET", "/policytypes", RouteAccess::needs(Permission::kPolicyTypeList),
             RouteDoc("The kinds of policies").page().filters(kTypeFilters), list_types);
  router.add("GET", "/policytypes/{id}", RouteAccess::needs(Permission::kPolicyTypeView, named_policy_type),
             "One kind of policy", one_type);
}

}  // namespace squall::api
