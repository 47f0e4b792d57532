// Configs of packs and their schemas (stackstorm-features.md section N).
#include "api/api.hpp"
#include "api/listing.hpp"
#include "api/resources.hpp"
#include "value/schema.hpp"

namespace squall::api {
namespace {

using auth::Permission;
using store::Collection;

constexpr std::string_view kAlways[] = {"id", "pack"};
constexpr std::string_view kConfigAttributes[] = {"id", "pack", "values"};
constexpr std::string_view kSchemaAttributes[] = {"id", "pack", "attributes"};
constexpr ContentFilter kFilters[] = {{"pack", "pack"}};

ListSpec spec_of(std::span<const std::string_view> attributes) {
  ListSpec spec;
  spec.attributes = attributes;
  spec.always = kAlways;
  spec.filters = kFilters;
  return spec;
}

// Secrets are shown to nobody here; who needs one reads the file.
Value shown_config(engine::Engine& engine, const Value& config) {
  Value shown = Value::dict({{"pack", config["pack"]}, {"values", config["values"]}, {"id", config["id"]}});
  const Value* schema = engine.catalog().find(Collection::kConfigSchemas, config["pack"].string_or(""));
  if (schema != nullptr) shown.set("values", schema::mask(config["values"], (*schema)["attributes"]));
  return shown;
}

Error unknown(const std::string& pack) {
  return Error(ErrorCode::kNotFound, "Unable to identify resource with pack_ref \"" + pack + "\".");
}

void put_config(engine::Engine& engine, const Call& call) {
  const auto body = call.body();
  if (!body) return call.fail(body.error());
  if (!body->is_dict())
    return call.fail(Error(ErrorCode::kInvalid, "The config of a pack has to be an object: its values by name"));
  engine.put_config(call.parameter("pack"), *body, [&engine, call](const Result<Value>& stored) {
    if (!stored) return call.fail(stored.error());
    call.reply(200, shown_config(engine, *stored));
  });
}

}  // namespace

void add_config_routes(Router& router, engine::Engine& engine) {
  router.add("GET", "/configs", RouteAccess::needs(Permission::kPackList),
             RouteDoc("List the configs of packs").page().filters(kFilters), [&engine](const Call& call) {
               ListSpec spec = spec_of(kConfigAttributes);
               spec.view = [&engine](const Value& config) { return shown_config(engine, config); };
               reply_list(call, engine.catalog().all(Collection::kConfigs), spec);
             });
  router.add("GET", "/configs/{pack}", RouteAccess::needs(Permission::kPackView, named_pack("pack")),
             "The config of a pack", [&engine](const Call& call) {
               const Value* found = engine.catalog().find(Collection::kConfigs, call.parameter("pack"));
               if (found == nullptr) return call.fail(unknown(call.parameter("pack")));
               call.reply(200, shown_config(engine, *found));
             });
  router.add("PUT", "/configs/{pack}", RouteAccess::needs(Permission::kPackConfig),
             RouteDoc("Set the config of a pack").body(Value::dict({{"type", "object"}})),
             [&engine](const Call& call) { put_config(engine, call); });
  router.add("GET", "/config_schemas", RouteAccess::needs(Permission::kPackList),
             RouteDoc("List the schemas of configs").page().filters(kFilters), [&engine](const Call& call) {
               reply_list(call, engine.catalog().all(Collection::kConfigSchemas), spec_of(kSchemaAttributes));
             });
  router.add("GET", "/config_schemas/{pack}", RouteAccess::needs(Permission::kPackView, named_pack("pack")),
             "The schema of a pack's config", [&engine](const Call& call) {
               const Value* found = engine.catalog().find(Collection::kConfigSchemas, call.parameter("pack"));
               if (found == nullptr) return call.fail(unknown(call.parameter("pack")));
               call.reply(200, *found);
             });
}

}  // namespace squall::api
