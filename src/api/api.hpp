// Api: StackStorm's REST API over the engine (stackstorm-api.md). Lives on the event loop; handlers do not block beyond
// short reads of the store.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/audit_log.hpp"
#include "api/metrics.hpp"
#include "api/router.hpp"
#include "auth/access.hpp"
#include "auth/password_check.hpp"
#include "auth/webhook_hooks.hpp"
#include "engine/engine.hpp"
#include "net/http_server.hpp"
#include "packs/index.hpp"

namespace squall::api {

struct ApiOptions {
  std::string version;
  std::string url;                           // of the API, for clients
  auth::Access* access = nullptr;            // tokens and API keys; must be given
  auth::PasswordCheck* passwords = nullptr;  // null: authentication is off, and everybody is the system user
  packs::PackIndex* pack_index = nullptr;    // of packs to install; must be given
  std::string virtualenvs;                   // directory of the virtualenvs of packs
  // Reads the roles of users; null: there are none, and every user may everything.
  std::function<Result<std::shared_ptr<const auth::Rbac>>()> load_roles;
  auth::SignedWebhooks webhooks;        // that their senders sign
  std::string audit_file;               // changes and reads of secrets; empty: none is kept
  std::function<size_t()> connections;  // open ones, for the metrics
};

class Api {
 public:
  Api(engine::Engine& engine, ApiOptions options);
  // Reads the files of roles anew, all or nothing: with a mistake in one of them the roles stay as they are. To be
  // called before the first request, too.
  Status apply_roles();
  // Answers one request. Paths work with and without "/v1" or "/api/v1" and with a trailing slash (U-10).
  void handle(net::ServerRequest request, std::shared_ptr<net::Responder> responder);
  // The same for squall's own parts (sensors), which need no token.
  void handle_inside(net::ServerRequest request, std::shared_ptr<net::Responder> responder);
  // All routes, for the documentation and the tests.
  const std::vector<Route>& routes() const { return router_.routes(); }
  // Whether a call may be made: sets who makes it, and checks that against the route's access.
  Status admit(Call& call, const Route& route, bool trusted) const;

 private:
  void dispatch(Call call, bool trusted);
  // Counts the answer, and writes down what is to be kept of it.
  void on_answer(const AuditFacts& facts, const Route& route, Duration since, int status);

  Router router_;
  engine::Engine& engine_;
  ApiOptions options_;
  std::shared_ptr<const auth::Rbac> rbac_;
  Metrics metrics_;
  std::optional<AuditLog> audit_;
};

// Each adds the routes of one group.
void add_action_routes(Router& router, engine::Engine& engine);
void add_pack_routes(Router& router, engine::Engine& engine, const ApiOptions& options);
void add_config_routes(Router& router, engine::Engine& engine);
void add_alias_routes(Router& router, engine::Engine& engine);
void add_policy_routes(Router& router, engine::Engine& engine);
void add_runner_routes(Router& router, engine::Engine& engine);
void add_sensor_routes(Router& router, engine::Engine& engine);
void add_stream_routes(Router& router, engine::Engine& engine);
void add_trace_routes(Router& router, engine::Engine& engine);
void add_trigger_routes(Router& router, engine::Engine& engine);
void add_rule_routes(Router& router, engine::Engine& engine);
void add_execution_routes(Router& router, engine::Engine& engine);
void add_workflow_routes(Router& router, engine::Engine& engine);
void add_inquiry_routes(Router& router, engine::Engine& engine);
void add_event_routes(Router& router, engine::Engine& engine, const ApiOptions& options);
void add_key_routes(Router& router, engine::Engine& engine);
void add_service_routes(Router& router, engine::Engine& engine, const ApiOptions& options);
void add_status_routes(Router& router, engine::Engine& engine, const ApiOptions& options, const Metrics& metrics);
void add_role_routes(Router& router, std::function<Status()> apply);
void add_auth_routes(Router& router, engine::Engine& engine, const ApiOptions& options);

}  // namespace squall::api
