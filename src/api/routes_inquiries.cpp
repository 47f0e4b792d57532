// Inquiries: questions that wait for a person's answer (stackstorm-features.md K-2).
#include "api/api.hpp"
#include "api/listing.hpp"
#include "model/execution.hpp"

namespace squall::api {
namespace {

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

void respond(engine::Engine& engine, const Call& call) {
  const auto body = call.body();
  if (!body) return call.fail(body.error());
  const std::string id = call.parameter("id");
  const auto inquiry = load(engine, id);
  if (!inquiry) return call.fail(inquiry.error());
  if (!body->is_dict() || !(*body)["response"].is_dict()) {
    return call.fail(Error(ErrorCode::kInvalid, "'response' is a required property: an object that fits the schema"));
  }
  engine.respond(id, (*body)["response"], call.user, [call](const Result<Value>& answered) { call.reply(answered); });
}

}  // namespace

void add_inquiry_routes(Router& router, engine::Engine& engine) {
  router.add("GET", "/inquiries", "Questions that wait for an answer", [&engine](const Call& call) {
    reply_stored_list(call, engine.store(), Collection::kExecutions, {}, "-start_timestamp", spec(),
                      {{"runner", store::Compare::kEqual, Value(std::string(kRunner))},
                       {"status", store::Compare::kEqual, Value(std::string(model::status::kPending))}});
  });
  router.add("GET", "/inquiries/{id}", "One question", [&engine](const Call& call) {
    const auto inquiry = load(engine, call.parameter("id"));
    if (!inquiry) return call.fail(inquiry.error());
    reply_one(call, *inquiry, spec());
  });
  router.add("PUT", "/inquiries/{id}", "Answer a question", [&engine](const Call& call) { respond(engine, call); });
}

}  // namespace squall::api
