// The datastore: what Python actions reach through action_service, and templates as st2kv (stackstorm-features.md
// section M). Values are kept as text. Encrypted values belong to a later stage: asking for one is refused, never
// stored in clear.
#include "api/api.hpp"
#include "api/listing.hpp"
#include "base/ids.hpp"
#include "value/json.hpp"

namespace squall::api {
namespace {

using store::Collection;
using store::Compare;

constexpr std::string_view kAlways[] = {"id"};
constexpr std::string_view kAttributes[] = {
    "id", "uid", "name", "value", "scope", "secret", "encrypted", "description", "expire_timestamp", "user"};

// "system" and "user" are short for "st2kv.system" and "st2kv.user" (M-1).
std::string full_scope(const std::string& scope) {
  if (scope.empty() || scope == "system") return "st2kv.system";
  if (scope == "user") return "st2kv.user";
  return scope;
}

std::string key_id(const std::string& scope, const std::string& name) { return scope + ":" + name; }

std::string stored_name(const Call& call, engine::Engine& engine, const std::string& scope, const std::string& name) {
  if (scope != "st2kv.user") return name;
  const std::string user = call.query("user");
  return (user.empty() ? engine.user() : user) + ":" + name;
}

void get(engine::Engine& engine, const Call& call) {
  const std::string scope = full_scope(call.query("scope"));
  const std::string name = stored_name(call, engine, scope, call.parameter("name"));
  Value found;
  const Status read = engine.store().read([&](store::ReadTx& tx) -> Status {
    SQ_TRY(const auto record, tx.get(Collection::kKeyValues, key_id(scope, name)));
    if (record) found = record->document;
    return {};
  });
  if (!read) return call.fail(read.error());
  if (found.is_null()) {
    return call.fail(Error(ErrorCode::kNotFound, "The key \"" + call.parameter("name") +
                                                     "\" does not exist in the scope \"" + scope + "\"."));
  }
  call.reply(200, found);
}

void put(engine::Engine& engine, const Call& call) {
  const auto body = call.body();
  if (!body) return call.fail(body.error());
  if (!(*body)["value"].is_string())
    return call.fail(Error(ErrorCode::kInvalid, "'value' is a required property, and must be text"));
  if ((*body)["secret"].bool_or(false) || (*body)["encrypted"].bool_or(false)) {
    return call.fail(Error(ErrorCode::kInvalid,
                           "This server keeps no encrypted datastore values. Keep the secret in Vault and refer to it "
                           "with secretref://vault/MOUNT/PATH#KEY."));
  }
  if (!(*body)["ttl"].is_null()) {
    return call.fail(Error(ErrorCode::kInvalid, "This server does not expire datastore values: leave ttl out."));
  }
  std::string wanted = call.query("scope");
  if (wanted.empty()) wanted = (*body)["scope"].string();
  const std::string scope = full_scope(wanted);
  const std::string name = stored_name(call, engine, scope, call.parameter("name"));
  Value document = Value::dict({{"uid", "key_value_pair:" + scope + ":" + name},
                                {"name", name},
                                {"value", (*body)["value"]},
                                {"secret", false},
                                {"encrypted", false},
                                {"scope", scope},
                                {"id", new_object_id()}});
  if ((*body)["description"].is_string()) document.set("description", (*body)["description"]);
  engine.store().write(
      [document, id = key_id(scope, name)](store::WriteTx& tx) -> Status {
        SQ_TRY(const auto old, tx.get(Collection::kKeyValues, id));
        Value stored = document;
        if (old) stored.set("id", old->document["id"]);
        return tx.put(Collection::kKeyValues, id, stored);
      },
      [call, document](const Status& status) {
        if (!status) return call.fail(status.error());
        call.reply(200, document);
      });
}

void remove(engine::Engine& engine, const Call& call) {
  const std::string scope = full_scope(call.query("scope"));
  const std::string name = stored_name(call, engine, scope, call.parameter("name"));
  auto existed = std::make_shared<bool>(false);
  engine.store().write(
      [existed, id = key_id(scope, name)](store::WriteTx& tx) -> Status {
        SQ_TRY(*existed, tx.erase(Collection::kKeyValues, id));
        return {};
      },
      [call, existed](const Status& status) {
        if (!status) return call.fail(status.error());
        if (!*existed)
          return call.fail(Error(ErrorCode::kNotFound, "The key \"" + call.parameter("name") + "\" does not exist."));
        call.reply(204, Value());
      });
}

void list(engine::Engine& engine, const Call& call) {
  ListSpec spec;
  spec.attributes = kAttributes;
  spec.always = kAlways;
  std::vector<store::Filter> filters;
  const std::string scope = call.query("scope");
  if (scope != "all") filters.push_back({"scope", Compare::kEqual, full_scope(scope)});
  if (const std::string prefix = call.query("prefix"); !prefix.empty())
    filters.push_back({"name", Compare::kPrefix, prefix});
  reply_stored_list(call, engine.store(), Collection::kKeyValues, {}, "name", spec, std::move(filters));
}

}  // namespace

void add_key_routes(Router& router, engine::Engine& engine) {
  router.add("GET", "/keys", "List datastore values", [&engine](const Call& call) { list(engine, call); });
  router.add("GET", "/keys/{name}", "One datastore value", [&engine](const Call& call) { get(engine, call); });
  router.add("PUT", "/keys/{name}", "Set a datastore value", [&engine](const Call& call) { put(engine, call); });
  router.add("DELETE", "/keys/{name}", "Remove a datastore value",
             [&engine](const Call& call) { remove(engine, call); });
}

}  // namespace squall::api
