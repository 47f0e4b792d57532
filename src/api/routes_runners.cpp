// Runner types: what can run an action. They are part of the program; switching one off is all that can be changed.
#include "api/api.hpp"
#include "api/content_kinds.hpp"
#include "api/request_body.hpp"
#include "api/resources.hpp"

namespace squall::api {
namespace {

using auth::Permission;

constexpr std::string_view kModel = R"yaml(
id: {type: string, default: null}
uid: {type: string}
name: {type: string, required: true}
description: {type: string}
enabled: {type: boolean, default: true}
runner_package: {type: string, required: false}
runner_module: {type: string, required: true}
runner_parameters: {type: object}
output_key: {type: string, required: false}
output_schema: {type: object, default: {}}
)yaml";

void change_runner(engine::Engine& engine, const Call& call) {
  static const Value model = model_of(kModel);
  const auto body = checked_body(call, model);
  if (!body) return call.fail(body.error());
  const Value* found = find_or_fail(engine, kRunnerTypeKind, call, call.parameter("id"));
  if (found == nullptr) return;
  Value document = *found;
  document.set("enabled", (*body)["enabled"]);
  store_content(engine, kRunnerTypeKind, call, std::move(document), 200);
}

}  // namespace

void add_runner_routes(Router& router, engine::Engine& engine) {
  add_content_views(router, engine, kRunnerTypeKind);
  router.add("PUT", "/runnertypes/{id}",
             RouteAccess::needs(Permission::kRunnerTypeModify, named_content(engine, kRunnerTypeKind)),
             RouteDoc("Switch a runner type on or off").body(model_of(kModel)),
             [&engine](const Call& call) { change_runner(engine, call); });
}

}  // namespace squall::api
