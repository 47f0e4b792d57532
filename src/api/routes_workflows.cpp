// Workflows: inspection of a document without running it.
#include "api/api.hpp"
#include "engine/workflow_loader.hpp"

namespace squall::api {

void add_workflow_routes(Router& router, engine::Engine& engine) {
  router.add("POST", "/workflows/inspect", RouteAccess::any_user(),
             RouteDoc("What is wrong with an Orquesta document").body_of("text/plain"), [&engine](const Call& call) {
               auto problems = engine::inspect_workflow(call.request.body, engine.catalog());
               if (!problems) return call.fail(problems.error());
               call.reply(200, Value(std::move(*problems)));
             });
}

}  // namespace squall::api
