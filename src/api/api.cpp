#include "api/api.hpp"

#include "api/authentication.hpp"
#include "api/listing.hpp"
#include "api/observed_responder.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "value/schema.hpp"

namespace squall::api {
namespace {

constexpr int kInsufficientStorage = 507;

// "/v1/x", "/api/v1/x" and "/x" are the same.
std::string_view without_prefix(std::string_view path) {
  for (const std::string_view prefix : {"/api/v1", "/v1", "/api"}) {
    if (path == prefix || (path.starts_with(prefix) && path[prefix.size()] == '/')) return path.substr(prefix.size());
  }
  return path;
}

// What the audit log is for, besides refusals.
bool is_change_or_secret(const Call& call) {
  if (call.request.method != "GET" && call.request.method != "HEAD") return true;
  const auto asks = [&](std::string_view name) {
    const auto flag = read_flag(call, name, false);
    return flag && *flag;
  };
  return asks("decrypt") || asks("show_secrets");
}

// An API key may stand in the path in place of its id.
std::string path_without_key(const Call& call) {
  const size_t at = call.request.path.find("/apikeys/");
  if (at == std::string::npos || is_object_id(call.parameter("id"))) return call.request.raw_path;
  return call.request.path.substr(0, at) + "/apikeys/" + std::string(schema::kMask);
}

AuditFacts audit_facts(const Call& call) {
  return {call.is_known ? call.user : basic_credentials(call).first,
          call.identity.method,
          call.request.remote_address,
          path_without_key(call),
          call.request.id,
          is_change_or_secret(call)};
}

// What a browser asks before it sends a request from another site; StackStorm answers it for every path.
void answer_preflight(const Call& call) {
  net::ServerResponse response;
  response.content_type = "text/html; charset=UTF-8";
  response.headers.set("Access-Control-Allow-Methods", "GET,POST,PUT,DELETE,OPTIONS");
  response.headers.set("Access-Control-Allow-Headers",
                       "Content-Type,Authorization,X-Auth-Token,St2-Api-Key,X-Request-ID");
  call.reply(std::move(response));
}

}  // namespace

Api::Api(engine::Engine& engine, ApiOptions options) : engine_(engine), options_(std::move(options)), metrics_(engine) {
  if (!options_.audit_file.empty()) audit_.emplace(Clock::system(), options_.audit_file);
  router_.add("GET", "/", RouteAccess::any_user(), "Version of the server", [this](const Call& call) {
    call.reply(200, Value::dict({{"version", options_.version}, {"docs_url", "http://docs.stackstorm.com/latest"}}));
  });
  add_status_routes(router_, engine, options_, metrics_);
  add_service_routes(router_, engine, options_);
  add_auth_routes(router_, engine, options_);
  add_role_routes(router_, [this] { return apply_roles(); });
  add_action_routes(router_, engine);
  add_pack_routes(router_, engine, options_);
  add_config_routes(router_, engine);
  add_policy_routes(router_, engine);
  add_runner_routes(router_, engine);
  add_sensor_routes(router_, engine);
  add_trigger_routes(router_, engine);
  add_trace_routes(router_, engine);
  add_stream_routes(router_, engine);
  add_alias_routes(router_, engine);
  add_rule_routes(router_, engine);
  add_execution_routes(router_, engine);
  add_inquiry_routes(router_, engine_);
  add_workflow_routes(router_, engine_);
  add_event_routes(router_, engine, options_);
  add_key_routes(router_, engine);
}

Status Api::apply_roles() {
  if (!options_.load_roles) return {};
  SQ_TRY(rbac_, options_.load_roles());
  return {};
}

Status Api::admit(Call& call, const Route& route, bool trusted) const {
  call.user = engine_.user();
  call.is_known = trusted;
  if (const auto signature = call.is_inside ? std::nullopt : route.access.check_signature(call); signature) {
    call.is_known = signature->has_value();
    call.user = "webhook";
    call.identity.method = "signature";
    return *signature;
  }
  if (trusted) return {};
  auto identity = identify(call, *options_.access, engine_);
  if (!identity) return route.access.is_open() ? Status() : fail(identity.error());
  call.is_known = true;
  call.user = identity->user;
  call.identity = std::move(*identity);
  call.rbac = rbac_;
  return route.access.check(call);
}

void Api::handle(net::ServerRequest request, std::shared_ptr<net::Responder> responder) {
  Call call;
  call.request = std::move(request);
  call.responder = std::move(responder);
  dispatch(std::move(call), options_.passwords == nullptr);
}

void Api::handle_inside(net::ServerRequest request, std::shared_ptr<net::Responder> responder) {
  Call call;
  call.is_inside = true;
  call.request = std::move(request);
  call.responder = std::move(responder);
  dispatch(std::move(call), true);
}

void Api::on_answer(const AuditFacts& facts, const Route& route, Duration since, int status) {
  constexpr int kBadRequest = 400, kUnauthorized = 401, kForbidden = 403;
  metrics_.on_answer(route.method, route.pattern, status, Clock::system().monotonic() - since);
  const bool denied = status == kUnauthorized || status == kForbidden;
  if (!audit_ || !(denied || facts.is_change_or_secret)) return;
  audit_->write({route.doc.summary(),
                 {{"user", facts.user},
                  {"auth_method", facts.auth_method.empty() ? "none" : facts.auth_method},
                  {"address", facts.address},
                  {"method", route.method},
                  {"path", facts.path},
                  {"needs", route.access.describe()},
                  {"status", std::to_string(status)},
                  {"outcome", denied                 ? "denied"
                              : status < kBadRequest ? "done"
                                                     : "failed"},
                  {"request_id", facts.request_id}}});
}

void Api::dispatch(Call call, bool trusted) {
  if (call.request.method == "OPTIONS") return answer_preflight(call);
  const Route* route = router_.find(call.request.method, without_prefix(call.request.path), call.parameters);
  if (route == nullptr) {
    call.fail(Error(ErrorCode::kNotFound, "The resource could not be found."));
    return;
  }
  const Status admitted = admit(call, *route, trusted);
  auto observe = [this, facts = audit_facts(call), route, since = Clock::system().monotonic(),
                  cookie = token_cookie(call, Clock::system().now())](net::ServerResponse& response) {
    if (!cookie.empty()) response.headers.set("Set-Cookie", cookie);
    on_answer(facts, *route, since, response.status);
  };
  call.responder = std::make_shared<ObservedResponder>(std::move(call.responder), std::move(observe));
  if (!admitted) return call.fail(admitted.error());
  // While the disk is full what is recorded already waits for space; more would only pile up behind it.
  if (call.request.method != "GET" && call.request.method != "HEAD") {
    if (const auto hold_up = engine_.store().hold_up(); hold_up) {
      call.reply(kInsufficientStorage,
                 Value::dict({{"faultstring", "squall takes no changes now: " + hold_up->message()}}));
      return;
    }
  }
  route->handler(call);
}

}  // namespace squall::api
