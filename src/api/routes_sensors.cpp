// Sensors: StackStorm's documents, and what each of them does now.
#include "api/api.hpp"
#include "api/content_kinds.hpp"
#include "api/request_body.hpp"
#include "api/resources.hpp"

namespace squall::api {
namespace {

using auth::Permission;

// What the file of a sensor said is for the registry alone.
Value shown_sensor(const Value& document) {
  Value shown = document;
  shown.mut_dict().erase("enabled_in_file");
  return shown;
}

ListSpec sensor_spec() {
  ListSpec spec = spec_of(kSensorKind);
  spec.view = shown_sensor;
  return spec;
}

// The documents of /sensortypes have StackStorm's fields; here a sensor also tells what it does.
Value with_status(Value document, const Value& statuses) {
  const Value& status = statuses[document["ref"].string_or("")];
  document.set("status",
               status.is_null() ? Value::dict({{"state", "stopped"}, {"message", "nothing here runs it"}}) : status);
  return document;
}

void change_sensor(engine::Engine& engine, const Call& call) {
  const auto body = call.body();
  if (!body) return call.fail(body.error());
  const Value* found = find_changeable_or_fail(engine, kSensorKind, call);
  if (found == nullptr) return;
  // Only `enabled` is taken; a document without it switches the sensor off (H-6).
  const Value& enabled = (*body)["enabled"];
  if (!enabled.is_null() && !enabled.is_bool()) {
    return call.fail(Error(ErrorCode::kInvalid,
                           "'enabled' must be true or false; it is all that can be changed of a "
                           "sensor"));
  }
  engine.enable_sensor(call.parameter("id"), enabled.bool_or(false), [call](const Result<Value>& document) {
    if (!document) return call.fail(document.error());
    call.reply(200, shown_sensor(*document));
  });
}

}  // namespace

void add_sensor_routes(Router& router, engine::Engine& engine) {
  router.add("GET", "/sensortypes", RouteAccess::needs(Permission::kSensorTypeList),
             RouteDoc("List sensors").page().filters(kSensorKind.filters), [&engine](const Call& call) {
               reply_list(call, engine.catalog().all(kSensorKind.collection), sensor_spec());
             });
  router.add("GET", "/sensortypes/{id}",
             RouteAccess::needs(Permission::kSensorTypeView, named_content(engine, kSensorKind)), "One of the sensors",
             [&engine](const Call& call) {
               const Value* found = find_or_fail(engine, kSensorKind, call, call.parameter("id"));
               if (found != nullptr) call.reply(200, shown_sensor(*found));
             });
  router.add("PUT", "/sensortypes/{id}",
             RouteAccess::needs(Permission::kSensorTypeModify, named_content(engine, kSensorKind)),
             RouteDoc("Switch a sensor on or off").body(model_of("enabled: {type: boolean}", true)),
             [&engine](const Call& call) { change_sensor(engine, call); });
  router.add("GET", "/squall/sensors", RouteAccess::needs(Permission::kSensorTypeList),
             RouteDoc("List sensors with what they do").page().filters(kSensorKind.filters),
             [&engine](const Call& call) {
               std::vector<Value> documents = engine.catalog().all(kSensorKind.collection);
               const Value statuses = engine.sensor_status();
               for (Value& document : documents) document = with_status(std::move(document), statuses);
               reply_list(call, std::move(documents), sensor_spec());
             });
  router.add("GET", "/squall/sensors/{id}",
             RouteAccess::needs(Permission::kSensorTypeView, named_content(engine, kSensorKind)),
             "One sensor with what it does", [&engine](const Call& call) {
               const Value* found = find_or_fail(engine, kSensorKind, call, call.parameter("id"));
               if (found != nullptr) call.reply(200, shown_sensor(with_status(*found, engine.sensor_status())));
             });
}

}  // namespace squall::api
