#include "runners/database/actions.hpp"

#include "runners/database/actions_impl.hpp"
#include "runners/database/diagnose.hpp"
#include "runners/database/plan.hpp"
#include "runners/database/status.hpp"

namespace squall::runners {
namespace {

Result<NativeAnswer> run_plan(const NativeCall& call) {
  const Value& object = call.parameters["object"];
  SQ_TRY(Value plan, database::plan_database(object, call.request.config));
  const Value announced =
      database::announcement(object, plan, call.parameters["drift"], call.parameters["attempt"].int_or(0));
  plan.set("announce", announced);
  return NativeAnswer::succeeded(std::move(plan));
}

Result<NativeAnswer> run_diagnose(const NativeCall& call) {
  database::Failure failure;
  failure.results = call.parameters["results"];
  failure.plan = call.parameters["plan"];
  failure.object = call.parameters["object"];
  failure.attempt = call.parameters["attempt"].int_or(0);
  failure.retry = call.request.config["retry"];
  failure.now = call.services.clock.now();
  return NativeAnswer::succeeded(database::diagnose(failure));
}

Result<NativeAnswer> run_fail(const NativeCall& call) {
  return NativeAnswer::failure(Value::dict({{"error", call.parameters["message"]},
                                            {"reason", call.parameters["reason"]},
                                            {"left_behind", call.parameters["left_behind"]}}));
}

Result<NativeAnswer> run_summary(const NativeCall& call) {
  const Value& given = call.parameters;
  database::Outcome outcome;
  outcome.object = given["object"];
  outcome.plan = given["plan"];
  outcome.instance = given["instance"];
  outcome.modified = given["modified"];
  outcome.credentials = given["credentials"];
  outcome.secret = given["secret"];
  outcome.logins = given["logins"];
  outcome.drift = given["drift"];
  outcome.rotation = given["rotation"].string();
  outcome.now = call.services.clock.now();
  return NativeAnswer::succeeded(database::summary(outcome));
}

}  // namespace

void add_database_actions(NativeRegistry& registry, kubernetes::KubernetesClients& clusters) {
  const auto pure = [&](const char* name, Result<NativeAnswer> (*run)(const NativeCall&)) {
    registry.add({.name = name, .idempotent = true, .runs_inline = true, .run = run});
  };
  pure("database.plan", run_plan);
  pure("database.diagnose", run_diagnose);
  pure("database.fail", run_fail);
  pure("database.summary", run_summary);
  pure("database.observation", [](const NativeCall& call) -> Result<NativeAnswer> {
    const Value& given = call.parameters;
    return NativeAnswer::succeeded(database::observation(given["plan"], given["instance"]));
  });
  pure("database.drift_report", [](const NativeCall& call) -> Result<NativeAnswer> {
    return NativeAnswer::succeeded(
        database::drift_report(call.parameters["object"], call.parameters["drift"], call.services.clock.now()));
  });
  pure("database.check_confirmed", database::check_confirmed);

  const auto services = std::make_shared<database::Services>(clusters);
  const auto add = [&](const char* name, std::vector<std::string> configs,
                       Result<NativeAnswer> (*run)(const NativeCall&, database::Services&)) {
    registry.add({.name = name,
                  .idempotent = true,
                  .runs_inline = false,
                  .run = [services, run](const NativeCall& call) { return run(call, *services); },
                  .configs = std::move(configs)});
  };
  add("database.look", {"kubernetes"}, database::look);
  add("database.look_at_all", {"aws", "consul", "kubernetes"}, database::look_at_all);
  add("database.tell", {"kubernetes"}, database::tell);
  add("database.claim", {"kubernetes"}, database::claim);
  add("database.adopt_instance", {"aws", "kubernetes"}, database::adopt_instance);
  add("database.release_instance", {"aws"}, database::release_instance);
  add("database.create_instance", {"aws", "kubernetes"}, database::create_instance);
  add("database.wait_instance", {"aws", "kubernetes"}, database::wait_instance);
  add("database.delete_instance", {"aws"}, database::delete_instance);
  add("database.find_instance", {"aws"}, database::find_instance);
  add("database.modify_instance", {"aws"}, database::modify_instance);
  add("database.set_password", {"aws", "kubernetes"}, database::set_password);
  add("database.stage_password", {"kubernetes"}, database::stage_password);
  add("database.publish_credentials", {"kubernetes"}, database::publish_credentials);
  add("database.forget_credentials", {"kubernetes"}, database::forget_credentials);
  add("database.publish_logins", {"kubernetes"}, database::publish_logins);
  add("database.forget_logins", {}, database::forget_logins);
  add("database.publish_endpoint", {"consul"}, database::publish_endpoint);
  add("database.unpublish_endpoint", {"consul"}, database::unpublish_endpoint);
  add("database.publish_secret", {"kubernetes"}, database::publish_secret);
  add("database.forget_secret", {"kubernetes"}, database::forget_secret);
}

}  // namespace squall::runners
