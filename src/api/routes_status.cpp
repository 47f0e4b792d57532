// How squall does: health, readiness, metrics.
#include "api/api.hpp"
#include "api/listing.hpp"
#include "api/openapi.hpp"

namespace squall::api {
namespace {

// Probes ask without a token; what is wrong in detail is for users.
void health(engine::Engine& engine, const Call& call) {
  const auto hold_up = engine.store().hold_up();
  Value shown = Value::dict({{"status", hold_up ? "held up" : "ok"}});
  if (call.is_known) {
    shown.set("reason", hold_up ? Value(hold_up->message()) : Value());
    shown.set("executions_unfinished", engine.executions().live_count());
    shown.set("recovering", engine.executions().unrecovered_count());
    shown.set("sensors", engine.sensor_status());
    shown.set("problems", load_problems_document(engine.load_problems()));
  }
  call.reply(200, shown);
}

// 200 while changes are taken. Requests are served from the start on, so unfinished recovery is no reason to wait.
void ready(engine::Engine& engine, const Call& call) {
  constexpr int kUnavailable = 503;
  const bool held_up = engine.store().hold_up().has_value();
  call.reply(held_up ? kUnavailable : 200, Value::dict({{"status", held_up ? "held up" : "ready"}}));
}

}  // namespace

void add_status_routes(Router& router, engine::Engine& engine, const ApiOptions& options, const Metrics& metrics) {
  router.add("GET", "/squall/openapi.json", RouteAccess::everybody(), "This document",
             [&](const Call& call) { call.reply(200, openapi_document(router.routes(), options.version)); });
  router.add("GET", "/squall/health", RouteAccess::everybody(),
             "Is the engine up; for users also what its sensors do and what is wrong with pack files",
             [&engine](const Call& call) { health(engine, call); });
  router.add("GET", "/squall/ready", RouteAccess::everybody(), "Are changes taken? 200, or 503",
             [&engine](const Call& call) { ready(engine, call); });
  router.add("GET", "/squall/metrics", RouteAccess::any_user(),
             RouteDoc("Counters in Prometheus' text format").answers(200, "text/plain"),
             [&options, &metrics](const Call& call) {
               net::ServerResponse response;
               response.content_type = "text/plain; version=0.0.4; charset=utf-8";
               response.body = metrics.text(options.version, options.connections ? options.connections() : 0);
               call.reply(std::move(response));
             });
}

}  // namespace squall::api
