// The datastore: what Python actions reach through action_service, and templates as st2kv (stackstorm-features.md
// section M). Values are kept as text; secret ones are encrypted as StackStorm encrypts them.
#include "api/api.hpp"
#include "api/listing.hpp"
#include "api/request_body.hpp"
#include "api/resources.hpp"
#include "base/log.hpp"
#include "value/json.hpp"

namespace squall::api {
namespace {

using auth::Permission;
using engine::kSystemScope;
using engine::kUserScope;
using store::Collection;
using store::Compare;

// What is no part of the model is ignored, as in StackStorm.
constexpr std::string_view kModel = R"yaml(
id: {type: string, default: null}
uid: {type: string}
name: {type: string}
description: {type: string}
value: {type: string, required: true}
secret: {type: boolean, default: false}
encrypted: {type: boolean, default: false}
scope: {type: string, default: st2kv.system}
expire_timestamp: {type: string}
user: {type: string, default: null}
ttl: {type: integer}
)yaml";

// "system" and "user" are short for "st2kv.system" and "st2kv.user" (M-1).
std::string full_scope(std::string_view scope) {
  if (scope.empty()) return std::string(kSystemScope);
  return scope.starts_with("st2kv.") ? std::string(scope) : "st2kv." + std::string(scope);
}

Result<std::string> checked_scope(std::string_view given) {
  const std::string scope = full_scope(given);
  if (scope == kSystemScope || scope == kUserScope) return scope;
  return fail(ErrorCode::kInvalid, "Scope " + scope +
                                       " is not in allowed scopes list: ['system', 'user', 'st2kv.system', "
                                       "'st2kv.user'].");
}

// Keys of other people are nobody's business, not even an administrator's (P-8).
Status check_user(const Call& call, std::string_view user) {
  if (user.empty() || user == call.user) return {};
  if (call.rbac != nullptr) {
    return fail(ErrorCode::kForbidden,
                "User \"" + call.user + "\" doesn't have access to the keys of user \"" + std::string(user) + "\"");
  }
  return fail(ErrorCode::kForbidden, "\"user\" attribute can only be provided by admins when RBAC is enabled");
}

// The stored name of a key: that of its user goes before it.
std::string stored_name(const Call& call, std::string_view scope, const std::string& name) {
  return scope == kUserScope ? call.user + ":" + name : name;
}

Error unknown_key(const std::string& name) {
  return Error(ErrorCode::kNotFound, "The key \"" + name + "\" does not exist in the StackStorm datastore.");
}

// As the API shows it: the user of a key stands in a member of its own.
Value shown(const Value& pair) {
  Value document = pair;
  if (pair["scope"].string_or("") != kUserScope) return document;
  const std::string name = pair["name"].string();
  const size_t colon = name.find(':');
  if (colon == std::string::npos) return document;
  document.set("user", name.substr(0, colon));
  document.set("name", name.substr(colon + 1));
  return document;
}

constexpr std::string_view kNoKey =
    "this server has no key for encrypted datastore values: set encryption_key_path to the key file";

// The pair with its value in clear, for `?decrypt=true` (M-5).
Result<Value> decrypted(engine::Engine& engine, const Value& pair) {
  if (!pair["encrypted"].bool_or(false)) return shown(pair);
  const crypto::SymmetricKey* key = engine.datastore_key();
  if (key == nullptr) return fail(ErrorCode::kInvalid, std::string(kNoKey));
  SQ_TRY(std::string plain, key->decrypt(pair["value"].string_or("")));
  add_log_secret(plain);
  Value document = shown(pair);
  document.set("value", std::move(plain));
  document.set("encrypted", false);
  return document;
}

struct Place {
  std::string scope, name;
};

Result<Place> place_of(const Call& call) {
  SQ_TRY(const std::string scope, checked_scope(call.query("scope")));
  SQ_CHECK(check_user(call, call.query("user")));
  return Place{scope, stored_name(call, scope, call.parameter("name"))};
}

auth::Resource resource_of_pair(const std::string& scope, const std::string& stored_name) {
  auth::Resource resource = auth::plain_resource("key_value_pair:" + scope + ":" + stored_name);
  if (scope == kUserScope) resource.owner = stored_name.substr(0, stored_name.find(':'));
  return resource;
}

ResourceOf named_pair() {
  return [](const Call& call) -> Result<auth::Resource> {
    SQ_TRY(const Place place, place_of(call));
    return resource_of_pair(place.scope, place.name);
  };
}

// Of PUT, whose body says the scope.
ResourceOf given_pair() {
  return [](const Call& call) -> Result<auth::Resource> {
    SQ_TRY(const Value body, call.body());
    SQ_TRY(const std::string scope, checked_scope(body["scope"].string_or("")));
    SQ_CHECK(check_user(call, body["user"].string_or("")));
    return resource_of_pair(scope, stored_name(call, scope, call.parameter("name")));
  };
}

void get(engine::Engine& engine, const Call& call) {
  const auto decrypt = read_flag(call, "decrypt", false);
  if (!decrypt) return call.fail(decrypt.error());
  const auto place = place_of(call);
  if (!place) return call.fail(place.error());
  const auto pair = engine.datastore().find(place->scope, place->name);
  if (!pair) return call.fail(pair.error());
  if (pair->is_null()) return call.fail(unknown_key(place->name));
  call.reply(*decrypt ? decrypted(engine, *pair) : Result<Value>(shown(*pair)));
}

// Makes of the pair what is stored for a value that is secret, or encrypted already.
Status encrypt(engine::Engine& engine, const Value& body, const std::string& name, Value& pair) {
  const bool encrypted = body["encrypted"].bool_or(false);
  if (!encrypted && !body["secret"].bool_or(false)) return {};
  const crypto::SymmetricKey* key = engine.datastore_key();
  if (key == nullptr) return fail(ErrorCode::kInvalid, std::string(kNoKey));
  const std::string_view value = body["value"].string_or("");
  if (!encrypted) {
    add_log_secret(value);
    pair.set("value", key->encrypt(value));
  } else if (!key->decrypt(value)) {
    return fail(ErrorCode::kInvalid,
                "Failed to verify the integrity of the provided value for key \"" + name +
                    "\". Ensure that the value is encrypted with the correct key and not corrupted.");
  }
  pair.set("secret", true);
  pair.set("encrypted", true);
  return {};
}

void put(engine::Engine& engine, const Call& call) {
  static const Value model = model_of(kModel, /*additional_properties=*/true);
  const auto body = checked_body(call, model);
  if (!body) return call.fail(body.error());
  const auto scope = checked_scope((*body)["scope"].string_or(""));
  if (!scope) return call.fail(scope.error());
  if (const Status allowed = check_user(call, (*body)["user"].string_or("")); !allowed)
    return call.fail(allowed.error());
  Value pair = Value::dict({{"scope", *scope},
                            {"name", stored_name(call, *scope, call.parameter("name"))},
                            {"value", (*body)["value"]},
                            {"secret", false},
                            {"encrypted", false}});
  if ((*body)["description"].is_string()) pair.set("description", (*body)["description"]);
  if ((*body)["ttl"].is_int()) {
    const Timestamp expires = Clock::system().now() + std::chrono::seconds((*body)["ttl"].int_or(0));
    pair.set("expire_timestamp", format_timestamp(expires));
  }
  if (const Status kept = encrypt(engine, *body, call.parameter("name"), pair); !kept) return call.fail(kept.error());
  engine.datastore().set(std::move(pair), [call](const Result<Value>& stored) {
    if (!stored) return call.fail(stored.error());
    call.reply(200, shown(*stored));
  });
}

void remove(engine::Engine& engine, const Call& call) {
  const auto place = place_of(call);
  if (!place) return call.fail(place.error());
  engine.datastore().remove(place->scope, place->name, [call, name = place->name](const Result<Value>& removed) {
    if (!removed) return call.fail(removed.error());
    if (removed->is_null()) return call.fail(unknown_key(name));
    call.reply(204, Value());
  });
}

// Reads the keys of one scope whose stored names begin with the prefix.
Status read_keys(engine::Engine& engine, const std::string& scope, const std::string& prefix, const Paging& paging,
                 bool descending, std::vector<Value>& found) {
  return engine.store().read([&](store::ReadTx& tx) -> Status {
    store::Query query;
    query.filters = {{"scope", Compare::kEqual, scope}};
    if (!prefix.empty()) query.filters.push_back({"name", Compare::kPrefix, prefix});
    query.sort = {{"name", descending}};
    query.offset = paging.offset;
    query.limit = paging.limit;
    SQ_TRY(const store::Page page, tx.list(Collection::kKeyValues, query));
    const Timestamp now = Clock::system().now();
    for (const store::Record& record : page.records) {
      if (!engine::is_expired(record.document, now)) found.push_back(record.document);
    }
    return {};
  });
}

// The same, of the keys that the caller may see: a page counts those alone.
Status read_visible_keys(engine::Engine& engine, const Call& call, const std::string& scope, const std::string& prefix,
                         const Paging& paging, bool descending, std::vector<Value>& found) {
  if (call.is_admin() || scope == kUserScope) return read_keys(engine, scope, prefix, paging, descending, found);
  std::vector<Value> all;
  SQ_CHECK(read_keys(engine, scope, prefix, Paging{-1, 0}, descending, all));
  std::erase_if(all, [&](const Value& pair) {
    return !call.may(Permission::kKeyValuePairList, resource_of_pair(scope, pair["name"].string()));
  });
  for (size_t i = static_cast<size_t>(paging.offset); i < all.size(); ++i) {
    if (paging.limit >= 0 && i - static_cast<size_t>(paging.offset) >= static_cast<size_t>(paging.limit)) break;
    found.push_back(all[i]);
  }
  return {};
}

// A plain list, without StackStorm's total (U-1). With scope "all" the keys of the system come before those of the
// user, each with a page of its own.
void list(engine::Engine& engine, const Call& call) {
  const auto decrypt = read_flag(call, "decrypt", false);
  if (!decrypt) return call.fail(decrypt.error());
  const auto paging = read_paging(call, 100);
  if (!paging) return call.fail(paging.error());
  const std::string wanted = call.query("scope");
  const std::string scope = wanted == "all" ? wanted : full_scope(wanted);
  if (scope != "all" && scope != kSystemScope && scope != kUserScope)
    return call.fail(Error(ErrorCode::kInvalid, "Invalid scope: " + scope));
  if (const Status allowed = check_user(call, call.query("user")); !allowed) return call.fail(allowed.error());
  if (*decrypt && scope != kUserScope && !call.is_admin())
    return call.fail(Error(ErrorCode::kForbidden, "Decrypt option requires administrator access"));
  std::vector<Value> pairs;
  const bool descending = call.query("sort").starts_with("-");
  Status read;
  if (scope != kUserScope)
    read = read_visible_keys(engine, call, std::string(kSystemScope), call.query("prefix"), *paging, descending, pairs);
  if (read && scope != kSystemScope) {
    read = read_visible_keys(engine, call, std::string(kUserScope), call.user + ":" + call.query("prefix"), *paging,
                             descending, pairs);
  }
  if (!read) return call.fail(read.error());
  List documents;
  for (const Value& pair : pairs) {
    auto document = *decrypt ? decrypted(engine, pair) : Result<Value>(shown(pair));
    if (!document) return call.fail(document.error().with_context("The key \"" + pair["name"].string() + "\""));
    documents.push_back(std::move(*document));
  }
  call.reply(200, Value(std::move(documents)));
}

}  // namespace

void add_key_routes(Router& router, engine::Engine& engine) {
  router.add("GET", "/keys", RouteAccess::filtered(Permission::kKeyValuePairList),
             RouteDoc("List datastore values")
                 .query("limit", "integer")
                 .query("offset", "integer")
                 .query("sort")
                 .query("scope")
                 .query("user")
                 .query("prefix")
                 .query("decrypt", "boolean"),
             [&engine](const Call& call) { list(engine, call); });
  router.add("GET", "/keys/{name}", RouteAccess::needs(Permission::kKeyValuePairView, named_pair()),
             RouteDoc("One datastore value").query("scope").query("user").query("decrypt", "boolean"),
             [&engine](const Call& call) { get(engine, call); });
  router.add("PUT", "/keys/{name}", RouteAccess::needs(Permission::kKeyValuePairSet, given_pair()),
             RouteDoc("Set a datastore value").body(model_of(kModel, true)),
             [&engine](const Call& call) { put(engine, call); });
  router.add("DELETE", "/keys/{name}", RouteAccess::needs(Permission::kKeyValuePairDelete, named_pair()),
             RouteDoc("Remove a datastore value").query("scope").query("user").answers(204),
             [&engine](const Call& call) { remove(engine, call); });
}

}  // namespace squall::api
