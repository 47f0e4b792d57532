// Api: StackStorm's REST API over the engine (stackstorm-api.md). Lives on the event loop; handlers do not block beyond
// short reads of the store.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/router.hpp"
#include "engine/engine.hpp"
#include "net/http_server.hpp"

namespace squall::api {

struct ApiOptions {
  std::string version;
};

class Api {
 public:
  Api(engine::Engine& engine, ApiOptions options);
  // Answers one request. Paths work with and without "/v1" or "/api/v1" and with a trailing slash (U-10).
  void handle(net::ServerRequest request, std::shared_ptr<net::Responder> responder);
  // All routes, for the documentation and the tests.
  const std::vector<Route>& routes() const { return router_.routes(); }

 private:
  Router router_;
  engine::Engine& engine_;
  ApiOptions options_;
};

// Each adds the routes of one group.
void add_content_routes(Router& router, engine::Engine& engine);
void add_rule_routes(Router& router, engine::Engine& engine);
void add_execution_routes(Router& router, engine::Engine& engine);
void add_event_routes(Router& router, engine::Engine& engine);
void add_key_routes(Router& router, engine::Engine& engine);

}  // namespace squall::api
