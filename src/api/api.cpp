#include "api/api.hpp"

#include "api/authentication.hpp"
#include "api/listing.hpp"
#include "base/log.hpp"

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

Api::Api(engine::Engine& engine, ApiOptions options) : engine_(engine), options_(std::move(options)) {
  router_.add("GET", "/", "Version of the server", [this](const Call& call) {
    call.reply(200, Value::dict({{"version", options_.version}, {"docs_url", "http://docs.stackstorm.com/latest"}}));
  });
  router_.add("GET", "/squall/health", "Is the engine up, what do its sensors do, what is wrong with pack files",
              [this](const Call& call) {
                const auto hold_up = engine_.store().hold_up();
                call.reply(200, Value::dict({{"status", hold_up ? "held up" : "ok"},
                                             {"reason", hold_up ? Value(hold_up->message()) : Value()},
                                             {"executions_unfinished", engine_.executions().live_count()},
                                             {"recovering", engine_.executions().unrecovered_count()},
                                             {"sensors", engine_.sensor_status()},
                                             {"problems", load_problems_document(engine_.load_problems())}}));
              });
  add_service_routes(router_, engine, options_);
  add_auth_routes(router_, engine, options_);
  add_action_routes(router_, engine);
  add_pack_routes(router_, engine);
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
  add_event_routes(router_, engine);
  add_key_routes(router_, engine);
}

void Api::handle(net::ServerRequest request, std::shared_ptr<net::Responder> responder) {
  Call call;
  call.request = std::move(request);
  call.responder = std::move(responder);
  dispatch(std::move(call), options_.passwords == nullptr);
}

void Api::handle_inside(net::ServerRequest request, std::shared_ptr<net::Responder> responder) {
  Call call;
  call.request = std::move(request);
  call.responder = std::move(responder);
  dispatch(std::move(call), true);
}

void Api::dispatch(Call call, bool trusted) {
  call.user = engine_.user();
  if (call.request.method == "OPTIONS") return answer_preflight(call);
  const Route* route = router_.find(call.request.method, without_prefix(call.request.path), call.parameters);
  if (route == nullptr) {
    call.fail(Error(ErrorCode::kNotFound, "The resource could not be found."));
    return;
  }
  if (!trusted && !route->open) {
    auto identity = identify(call, *options_.access, engine_);
    if (!identity) return call.fail(identity.error());
    call.user = identity->user;
    call.identity = std::move(*identity);
  }
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
