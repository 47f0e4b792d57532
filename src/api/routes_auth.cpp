// Tokens, API keys, and who is asking (stackstorm-features.md section P).
#include <fmt/format.h>

#include "api/api.hpp"
#include "api/authentication.hpp"
#include "api/listing.hpp"
#include "api/request_body.hpp"
#include "api/resources.hpp"
#include "auth/login_limiter.hpp"
#include "value/schema.hpp"

namespace squall::api {
namespace {

using auth::Permission;
using store::Collection;

constexpr std::string_view kTokenModel = R"yaml(
id: {type: string, default: null}
user: {type: [string, "null"]}
token: {type: [string, "null"]}
ttl: {type: [integer, "null"], minimum: 1}
expiry: {type: [string, "null"]}
metadata: {type: [object, "null"]}
)yaml";

constexpr std::string_view kApiKeyModel = R"yaml(
id: {type: string, default: null}
uid: {type: string}
user: {type: string}
key_hash: {type: string}
metadata: {type: object}
created_at: {type: string}
enabled: {type: boolean, default: true}
)yaml";

constexpr std::string_view kAlways[] = {"id"};
constexpr std::string_view kApiKeyAttributes[] = {"id", "uid", "user", "key_hash", "metadata", "created_at", "enabled"};
constexpr StoredFilter kApiKeyFilters[] = {{"user", "user"}};

Error bad_credentials() { return Error(ErrorCode::kUnauthorized, "Invalid or missing credentials"); }

// A model is checked literally here: StackStorm's says itself where null is allowed.
Result<Value> token_body(const Call& call) {
  static const Value model = model_of(kTokenModel, /*additional_properties=*/true);
  SQ_TRY(Value body, call.body());
  const auto violations = schema::check(body, model, schema::Nulls::kAsWritten);
  if (!violations.empty()) return fail(ErrorCode::kInvalid, schema::best_match(violations).message);
  return body;
}

void give_token(const ApiOptions& options, const Call& call, const std::string& user, const Value& body) {
  const int64_t longest =
      std::chrono::duration_cast<std::chrono::seconds>(options.access->options().token_ttl_max).count();
  const int64_t ttl = body["ttl"].int_or(0);
  if (ttl > longest) {
    return call.fail(
        Error(ErrorCode::kInvalid, fmt::format("TTL specified {} is greater than max allowed {}.", ttl, longest)));
  }
  const std::string wanted = body["user"].string();
  if (!wanted.empty() && wanted != user) {
    return call.fail(
        Error(ErrorCode::kInvalid, "Current user is not a service and cannot request impersonated tokens"));
  }
  options.access->make_token(user, ttl, body["metadata"], [call, url = options.url](const Result<Value>& token) {
    if (!token) return call.fail(token.error());
    net::ServerResponse response = json_response(201, *token);
    response.headers.set("X-API-URL", url);
    call.reply(std::move(response));
  });
}

constexpr int kTooManyRequests = 429;

void make_token(const ApiOptions& options, auth::LoginLimiter& limiter, const Call& call) {
  const auto body = token_body(call);
  if (!body) return call.fail(body.error());
  const auto [user, password] = basic_credentials(call);
  if (user.empty() || options.passwords == nullptr) return call.fail(bad_credentials());
  // By address: whoever guesses must not be able to lock the user out.
  const std::string& address = call.request.remote_address;
  const Duration wait = limiter.wait_of(address);
  if (wait > Duration::zero()) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait).count() + 1;
    net::ServerResponse response = json_response(
        kTooManyRequests,
        Value::dict({{"faultstring", fmt::format("Too many log-ins failed; try again in {} seconds.", seconds)}}));
    response.headers.set("Retry-After", std::to_string(seconds));
    return call.reply(std::move(response));
  }
  const bool asked = options.passwords->ask(user, password,
                                            [&options, &limiter, call, user = user, address, body = *body](bool right) {
                                              if (!right) {
                                                limiter.on_failure(address);
                                                return call.fail(bad_credentials());
                                              }
                                              limiter.on_success(address);
                                              give_token(options, call, user, body);
                                            });
  if (!asked) call.fail(Error(ErrorCode::kUnavailable, "Too many log-ins at the same time; try again in a moment"));
}

void validate_token(const ApiOptions& options, const Call& call) {
  const auto body = call.body();
  if (!body) return call.fail(body.error());
  const std::string token = (*body)["token"].string();
  if (token.empty()) return call.fail(Error(ErrorCode::kInvalid, "Token is not provided."));
  call.reply(200, Value::dict({{"valid", options.access->check_token(token).has_value()}}));
}

Value roles_document(const Call& call) {
  List roles;
  for (const std::string& role : call.rbac != nullptr ? call.rbac->roles_of(call.user) : std::vector<std::string>())
    roles.emplace_back(role);
  return Value::dict(
      {{"enabled", call.rbac != nullptr}, {"roles", Value(std::move(roles))}, {"is_admin", call.is_admin()}});
}

void who_asks(const Call& call) {
  const auth::Identity& who = call.identity;
  Value authentication =
      Value::dict({{"method", who.method.empty() ? Value("authentication disabled") : Value(who.method)},
                   {"location", who.location.empty() ? Value() : Value(who.location)}});
  if (who.expires) {
    const std::string time = format_timestamp(*who.expires);
    authentication.set("token_expire", time.substr(0, time.find('.')) + "Z");
  }
  call.reply(
      200, Value::dict({{"username", call.user}, {"authentication", authentication}, {"rbac", roles_document(call)}}));
}

Value masked_key(const Value& document, bool show_secrets) {
  if (show_secrets) return document;
  Value shown = document;
  shown.set("uid", schema::kMask);
  shown.set("key_hash", schema::kMask);
  return shown;
}

void list_keys(engine::Engine& engine, const Call& call) {
  const auto show = read_flag(call, "show_secrets", false);
  if (!show) return call.fail(show.error());
  ListSpec spec;
  spec.attributes = kApiKeyAttributes;
  spec.always = kAlways;
  spec.default_limit = 50;
  spec.view = [show = *show && call.is_admin()](const Value& document) { return masked_key(document, show); };
  reply_stored_list(call, engine.store(), Collection::kApiKeys, kApiKeyFilters, "user", spec);
}

void one_key(const ApiOptions& options, const Call& call) {
  const auto show = read_flag(call, "show_secrets", false);
  if (!show) return call.fail(show.error());
  const auto found = options.access->find_api_key(call.parameter("id"));
  if (!found) return call.fail(found.error());
  if (found->is_null()) {
    return call.fail(
        Error(ErrorCode::kNotFound, "ApiKey matching " + call.parameter("id") + " for reference and id not found."));
  }
  call.reply(200, masked_key(*found, *show && call.is_admin()));
}

// The key that a path names by its id or by itself.
ResourceOf named_key(const ApiOptions& options) {
  return [&options](const Call& call) -> Result<auth::Resource> {
    SQ_TRY(const Value found, options.access->find_api_key(call.parameter("id")));
    if (found.is_null()) {
      return fail(ErrorCode::kNotFound, "ApiKey matching " + call.parameter("id") + " for reference and id not found.");
    }
    return auth::plain_resource("api_key:" + found["key_hash"].string());
  };
}

// A key of somebody else would be a way to become them.
Status check_owner(const Call& call, const Value& body) {
  const std::string_view owner = body["user"].string_or("");
  if (owner.empty() || owner == call.user || call.is_admin()) return {};
  return fail(ErrorCode::kForbidden, "\"user\" attribute can only be provided by admins");
}

Result<Value> key_body(const Call& call) {
  static const Value model = model_of(kApiKeyModel);
  SQ_TRY(const Value body, checked_body(call, model));
  SQ_CHECK(check_owner(call, body));
  return body;
}

void make_key(const ApiOptions& options, const Call& call) {
  const auto body = key_body(call);
  if (!body) return call.fail(body.error());
  options.access->make_api_key(*body, call.user, [call](const Result<Value>& made) {
    if (!made) return call.fail(made.error());
    Value shown = *made;
    shown.mut_dict().erase("key_hash");
    call.reply(201, shown);
  });
}

Error unknown_key(const Call& call) {
  return Error(ErrorCode::kNotFound, "ApiKey with key or id=" + call.parameter("id") + " not found.");
}

void replace_key(const ApiOptions& options, const Call& call) {
  const auto body = key_body(call);
  if (!body) return call.fail(body.error());
  const auto found = options.access->find_api_key(call.parameter("id"));
  if (!found) return call.fail(found.error());
  if (found->is_null()) return call.fail(unknown_key(call));
  const std::string hash = (*body)["key_hash"].string();
  if (!hash.empty() && hash != schema::kMask && hash != (*found)["key_hash"].string_or(""))
    return call.fail(Error(ErrorCode::kInvalid, "Update of key_hash is not allowed."));
  Value document = *found;
  for (const char* name : {"user", "metadata", "enabled"}) {
    if (!(*body)[name].is_null()) document.set(name, (*body)[name]);
  }
  options.access->put_api_key(document, [call](const Result<Value>& stored) {
    if (!stored) return call.fail(stored.error());
    Value shown = *stored;
    shown.set("uid", "api_key:" + std::string(schema::kMask));
    call.reply(200, shown);
  });
}

void remove_key(const ApiOptions& options, const Call& call) {
  const auto found = options.access->find_api_key(call.parameter("id"));
  if (!found) return call.fail(found.error());
  if (found->is_null()) return call.fail(unknown_key(call));
  options.access->remove_api_key((*found)["id"].string(),
                                 [call](const Result<Value>& removed) { call.reply(removed, 204); });
}

}  // namespace

void add_auth_routes(Router& router, engine::Engine& engine, const ApiOptions& options) {
  const auto limiter = std::make_shared<auth::LoginLimiter>(Clock::system());
  // nginx in front of StackStorm adds "/auth/v1"; here one port serves all.
  for (const std::string prefix : {"", "/auth/v1", "/auth"}) {
    router.add("POST", prefix + "/tokens", RouteAccess::everybody(),
               RouteDoc("Log in: a token for a user and a password").body(model_of(kTokenModel, true)).answers(201),
               [&options, limiter](const Call& call) { make_token(options, *limiter, call); });
    router.add("POST", prefix + "/tokens/validate", RouteAccess::any_user(),
               RouteDoc("Is a token good?").body(model_of("token: {type: string, required: true}", true)),
               [&options](const Call& call) { validate_token(options, call); });
    router.add("GET", prefix + "/sso", RouteAccess::everybody(), "Is single sign-on available?", [](const Call& call) {
      call.reply(200, Value::dict({{"enabled", false}}));
    });
  }
  router.add("GET", "/user", RouteAccess::any_user(), "Who is asking", who_asks);
  router.add("GET", "/apikeys", RouteAccess::needs(Permission::kApiKeyList),
             RouteDoc("List API keys").page().query("user").query("show_secrets", "boolean"),
             [&engine](const Call& call) { list_keys(engine, call); });
  router.add("POST", "/apikeys", RouteAccess::needs(Permission::kApiKeyCreate),
             RouteDoc("Make an API key; it is shown this once").body(model_of(kApiKeyModel)).answers(201),
             [&options](const Call& call) { make_key(options, call); });
  router.add("GET", "/apikeys/{id}", RouteAccess::needs(Permission::kApiKeyView, named_key(options)),
             RouteDoc("One API key").query("show_secrets", "boolean"),
             [&options](const Call& call) { one_key(options, call); });
  router.add("PUT", "/apikeys/{id}", RouteAccess::needs(Permission::kApiKeyModify, named_key(options)),
             RouteDoc("Change an API key").body(model_of(kApiKeyModel)),
             [&options](const Call& call) { replace_key(options, call); });
  router.add("DELETE", "/apikeys/{id}", RouteAccess::needs(Permission::kApiKeyDelete, named_key(options)),
             RouteDoc("Remove an API key").answers(204), [&options](const Call& call) { remove_key(options, call); });
}

}  // namespace squall::api
