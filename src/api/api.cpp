#include "api/api.hpp"

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

Value problem_document(const packs::LoadProblem& problem) {
  return Value::dict({{"pack", problem.pack},
                      {"kind", problem.kind},
                      {"where", problem.error.where().to_string()},
                      {"message", problem.error.message()}});
}

}  // namespace

Api::Api(engine::Engine& engine, ApiOptions options) : engine_(engine), options_(std::move(options)) {
  router_.add("GET", "/", "Version of the server", [this](const Call& call) {
    call.reply(200, Value::dict({{"version", options_.version}, {"docs_url", "docs/README.md"}}));
  });
  router_.add("GET", "/squall/health", "Is the engine up, what do its sensors do, which pack files were skipped",
              [this](const Call& call) {
                List problems;
                for (const auto& problem : engine_.load_problems()) problems.push_back(problem_document(problem));
                const auto hold_up = engine_.store().hold_up();
                call.reply(200, Value::dict({{"status", hold_up ? "held up" : "ok"},
                                             {"reason", hold_up ? Value(hold_up->message()) : Value()},
                                             {"executions_unfinished", engine_.executions().live_count()},
                                             {"recovering", engine_.executions().unrecovered_count()},
                                             {"sensors", engine_.sensor_status()},
                                             {"problems", Value(std::move(problems))}}));
              });
  router_.add("GET", "/user", "Who is asking", [this](const Call& call) {
    const Value rbac = Value::dict({{"enabled", false}, {"roles", Value::empty_list()}, {"is_admin", true}});
    const Value authentication = Value::dict({{"method", "authentication disabled"}, {"location", Value()}});
    call.reply(200, Value::dict({{"username", engine_.user()}, {"rbac", rbac}, {"authentication", authentication}}));
  });
  add_content_routes(router_, engine);
  add_rule_routes(router_, engine);
  add_execution_routes(router_, engine);
  add_event_routes(router_, engine);
  add_key_routes(router_, engine);
}

void Api::handle(net::ServerRequest request, std::shared_ptr<net::Responder> responder) {
  Call call;
  call.request = std::move(request);
  call.responder = std::move(responder);
  const Route* route = router_.find(call.request.method, without_prefix(call.request.path), call.parameters);
  if (route == nullptr) {
    call.fail(Error(ErrorCode::kNotFound, "The resource could not be found."));
    return;
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
