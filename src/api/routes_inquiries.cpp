// Inquiries: questions that wait for a person's answer (stackstorm-features.md K-2).
#include "api/api.hpp"
#include "api/listing.hpp"
#include "api/request_body.hpp"
#include "api/resources.hpp"
#include "model/execution.hpp"

namespace squall::api {
namespace {

using auth::Permission;
using store::Collection;

constexpr std::string_view kRunner = "inquirer";
constexpr std::string_view kAttributes[] = {"id", "route", "ttl", "users", "roles", "schema"};
constexpr std::string_view kAlways[] = {"id"};
constexpr int64_t kDefaultLimit = 20;

// The question alone: the execution it is kept in shows through /executions.
Value view(const Value& execution) {
  const Value& question = execution["result"];
  return Value::dict({{"id", execution["id"]},
                      {"route", question["route"]},
                      {"ttl", question["ttl"]},
                      {"users", question["users"]},
                      {"roles", question["roles"]},
                      {"schema", question["schema"]}});
}

ListSpec spec() {
  ListSpec spec;
  spec.attributes = kAttributes;
  spec.always = kAlways;
  spec.default_limit = kDefaultLimit;
  spec.view = view;
  return spec;
}

Result<Value> load(engine::Engine& engine, const std::string& id) {
  SQ_TRY(Value found, engine.store().find(Collection::kExecutions, id));
  if (found.is_null()) return fail(not_found(id, "id"));
  if (found["runner"]["name"].string_or("") != kRunner) {
    return fail(ErrorCode::kInvalid, "\"" + id + "\" is not an inquiry.");
  }
  const std::string status = found["status"].string();
  if (status == model::status::kTimeout) {
    return fail(ErrorCode::kInvalid, "Inquiry \"" + id + "\" has timed out and cannot be responded to.");
  }
  if (status != model::status::kPending) {
    return fail(ErrorCode::kInvalid, "Inquiry \"" + id + "\" has already been responded to.");
  }
  return found;
}

// The workflow that asks: who may run it may answer.
ResourceOf named_inquiry(engine::Engine& engine) {
  return [&engine](const Call& call) -> Result<auth::Resource> {
    SQ_TRY(const Value found, engine.store().find(Collection::kExecutions, call.parameter("id")));
    if (found.is_null()) return fail(not_found(call.parameter("id"), "id"));
    auth::Resource resource;
    if (const std::string parent = found["parent"].string(); !parent.empty()) {
      SQ_TRY(const Value workflow, find_execution(engine, parent));
      resource.uids = resource_of_execution(workflow).uids;
    }
    resource.uid = "inquiry:" + call.parameter("id");
    return resource;
  };
}

// Whether the question is for this user by a role. Who is named by `users` is the engine's business.
Status check_roles(const Call& call, const Value& inquiry) {
  const Value& wanted = inquiry["result"]["roles"];
  if (call.rbac == nullptr || !wanted.is_list() || wanted.empty() || call.is_admin()) return {};
  for (const std::string& role : call.rbac->roles_of(call.user)) {
    for (const Value& name : wanted.as_list()) {
      if (name.string_or("") == role) return {};
    }
  }
  return fail(ErrorCode::kForbidden, "User \"" + call.user + "\" does not have permission to respond to inquiry \"" +
                                         call.parameter("id") + "\".");
}

void respond(engine::Engine& engine, const Call& call) {
  const auto body = call.body();
  if (!body) return call.fail(body.error());
  const std::string id = call.parameter("id");
  const auto inquiry = load(engine, id);
  if (!inquiry) return call.fail(inquiry.error());
  if (const Status asked = check_roles(call, *inquiry); !asked) return call.fail(asked.error());
  if (!body->is_dict() || !(*body)["response"].is_dict()) {
    return call.fail(Error(ErrorCode::kInvalid, "'response' is a required property: an object that fits the schema"));
  }
  engine.respond(id, (*body)["response"], call.user, [call](const Result<Value>& answered) { call.reply(answered); });
}

}  // namespace

void add_inquiry_routes(Router& router, engine::Engine& engine) {
  router.add("GET", "/inquiries", RouteAccess::needs(Permission::kInquiryList),
             RouteDoc("Questions that wait for an answer").page(), [&engine](const Call& call) {
               reply_stored_list(call, engine.store(), Collection::kExecutions, {}, "-start_timestamp", spec(),
                                 {{"runner", store::Compare::kEqual, Value(std::string(kRunner))},
                                  {"status", store::Compare::kEqual, Value(std::string(model::status::kPending))}});
             });
  router.add("GET", "/inquiries/{id}", RouteAccess::needs(Permission::kInquiryView, named_inquiry(engine)),
             "One question", [&engine](const Call& call) {
               const auto inquiry = load(engine, call.parameter("id"));
               if (!inquiry) return call.fail(inquiry.error());
               reply_one(call, *inquiry, spec());
             });
  router.add("PUT", "/inquiries/{id}", RouteAccess::needs(Permission::kInquiryRespond, named_inquiry(engine)),
             RouteDoc("Answer a question").body(model_of("response: {type: object, required: true}", true)),
             [&engine](const Call& call) { respond(engine, call); });
}

}  // namespace squall::api
