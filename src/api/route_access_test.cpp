// The whole matrix of who may call what: every route, for every permission that a role can hold, granted on every kind
// of resource, and for users without a role and with each system role. What is expected is written here a second time,
// by hand: the table of routes says which permission each needs, the table of implications what is enough for it. A
// route that is missing here fails the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

#include "api/api.hpp"
#include "base/strings.hpp"
#include "clients/kubernetes/manual_executor.hpp"
#include "store/memory/memory_store.hpp"

namespace squall::api {
namespace {

using store::Collection;

// What a route needs: "everybody", "any user", "administrators", a permission anywhere, or one on a resource.
struct Sample {
  std::string method, pattern, needs;
  std::string uids;  // of the resource of the sample call: "action:t:act pack:t"; empty: not about one
  std::map<std::string, std::string> parameters;
  std::string body;
};

constexpr const char* kExecution = "5f0000000000000000000001";
constexpr const char* kQuestion = "5f0000000000000000000002";
constexpr const char* kInstance = "5f0000000000000000000003";
constexpr const char* kEnforcement = "5f0000000000000000000004";
constexpr const char* kTrace = "5f0000000000000000000005";
constexpr const char* kKey = "5f0000000000000000000006";

std::vector<Sample> samples() {
  std::vector<Sample> all = {
      {"GET", "/", "any user", "", {}, ""},
      {"GET", "/squall/health", "everybody", "", {}, ""},
      {"GET", "/squall/openapi.json", "everybody", "", {}, ""},
      {"GET", "/squall/ready", "everybody", "", {}, ""},
      {"GET", "/squall/metrics", "any user", "", {}, ""},
      {"GET", "/service_registry/groups", "administrators", "", {}, ""},
      {"GET", "/service_registry/groups/{id}/members", "administrators", "", {}, ""},
      {"GET", "/user", "any user", "", {}, ""},
      {"GET", "/apikeys", "api_key_list", "", {}, ""},
      {"POST", "/apikeys", "api_key_create", "", {}, ""},
      {"GET", "/apikeys/{id}", "api_key_view", "api_key:hash", {{"id", kKey}}, ""},
      {"PUT", "/apikeys/{id}", "api_key_modify", "api_key:hash", {{"id", kKey}}, ""},
      {"DELETE", "/apikeys/{id}", "api_key_delete", "api_key:hash", {{"id", kKey}}, ""},
      {"GET", "/rbac/roles", "administrators", "", {}, ""},
      {"GET", "/rbac/roles/{id}", "administrators", "", {}, ""},
      {"GET", "/rbac/role_assignments", "administrators", "", {}, ""},
      {"GET", "/rbac/role_assignments/{id}", "administrators", "", {}, ""},
      {"GET", "/rbac/permission_types", "administrators", "", {}, ""},
      {"GET", "/rbac/permission_types/{type}", "administrators", "", {}, ""},
      {"GET", "/squall/rbac/mappings", "administrators", "", {}, ""},
      {"POST", "/squall/rbac/apply", "administrators", "", {}, ""},
      {"GET", "/actions", "action_list", "", {}, ""},
      {"POST", "/actions", "action_create", "action:t:new pack:t", {}, R"({"pack": "t", "name": "new"})"},
      {"GET", "/actions/{id}", "action_view", "action:t:act pack:t", {{"id", "t.act"}}, ""},
      {"PUT", "/actions/{id}", "action_modify", "action:t:act pack:t", {{"id", "t.act"}}, ""},
      {"DELETE", "/actions/{id}", "action_delete", "action:t:act pack:t", {{"id", "t.act"}}, ""},
      {"POST",
       "/actions/{ref}/clone",
       "action_create",
       "action:t:new pack:t",
       {{"ref", "t.act"}},
       R"({"dest_pack": "t", "dest_action": "new"})"},
      {"GET", "/actions/views/overview", "action_list", "", {}, ""},
      {"GET", "/actions/views/overview/{ref}", "action_view", "action:t:act pack:t", {{"ref", "t.act"}}, ""},
      {"GET", "/actions/views/parameters/{ref}", "action_view", "action:t:act pack:t", {{"ref", "t.act"}}, ""},
      {"GET", "/actions/views/entry_point/{ref}", "action_view", "action:t:act pack:t", {{"ref", "t.act"}}, ""},
      {"GET", "/packs", "pack_list", "", {}, ""},
      {"GET", "/packs/{id}", "pack_view", "pack:t", {{"id", "t"}}, ""},
      {"GET", "/packs/index", "pack_list", "", {}, ""},
      {"POST", "/packs/index/search", "pack_search", "", {}, ""},
      {"GET", "/packs/index/health", "pack_views_index_health", "", {}, ""},
      {"POST", "/squall/pack_manifest", "pack_list", "", {}, ""},
      {"GET", "/squall/pack_directories", "pack_list", "", {}, ""},
      {"POST", "/packs/register", "pack_register", "", {}, ""},
      {"POST", "/packs/install", "pack_install", "", {}, ""},
      {"POST", "/packs/uninstall", "pack_uninstall", "", {}, ""},
      {"GET", "/packs/views/files/{ref}", "pack_view", "pack:t", {{"ref", "t"}}, ""},
      {"GET", "/packs/views/file/{ref}/{path*}", "pack_view", "pack:t", {{"ref", "t"}, {"path", "pack.yaml"}}, ""},
      {"GET", "/configs", "pack_list", "", {}, ""},
      {"GET", "/configs/{pack}", "pack_view", "pack:t", {{"pack", "t"}}, ""},
      {"PUT", "/configs/{pack}", "pack_config", "", {{"pack", "t"}}, ""},
      {"GET", "/config_schemas", "pack_list", "", {}, ""},
      {"GET", "/config_schemas/{pack}", "pack_view", "pack:t", {{"pack", "t"}}, ""},
      {"GET", "/policies", "policy_list", "", {}, ""},
      {"POST", "/policies", "policy_create", "policy:t:new pack:t", {}, R"({"pack": "t", "name": "new"})"},
      {"GET", "/policies/{id}", "policy_view", "policy:t:pol pack:t", {{"id", "t.pol"}}, ""},
      {"PUT", "/policies/{id}", "policy_modify", "policy:t:pol pack:t", {{"id", "t.pol"}}, ""},
      {"DELETE", "/policies/{id}", "policy_delete", "policy:t:pol pack:t", {{"id", "t.pol"}}, ""},
      {"GET", "/policytypes", "policy_type_list", "", {}, ""},
      {"GET",
       "/policytypes/{id}",
       "policy_type_view",
       "policy_type:action:concurrency",
       {{"id", "action.concurrency"}},
       ""},
      {"GET", "/runnertypes", "runner_type_list", "", {}, ""},
      {"GET", "/runnertypes/{id}", "runner_type_view", "runner_type:noop", {{"id", "noop"}}, ""},
      {"PUT", "/runnertypes/{id}", "runner_type_modify", "runner_type:noop", {{"id", "noop"}}, ""},
      {"GET", "/sensortypes", "sensor_type_list", "", {}, ""},
      {"GET", "/sensortypes/{id}", "sensor_type_view", "sensor_type:t:Sen pack:t", {{"id", "t.Sen"}}, ""},
      {"PUT", "/sensortypes/{id}", "sensor_type_modify", "sensor_type:t:Sen pack:t", {{"id", "t.Sen"}}, ""},
      {"GET", "/squall/sensors", "sensor_type_list", "", {}, ""},
      {"GET", "/squall/sensors/{id}", "sensor_type_view", "sensor_type:t:Sen pack:t", {{"id", "t.Sen"}}, ""},
      {"GET", "/triggertypes", "trigger_list", "", {}, ""},
      {"POST", "/triggertypes", "trigger_all", "trigger:t:new", {}, R"({"pack": "t", "name": "new"})"},
      {"GET", "/triggertypes/{id}", "trigger_view", "trigger:t:type", {{"id", "t.type"}}, ""},
      {"PUT", "/triggertypes/{id}", "trigger_all", "trigger:t:type", {{"id", "t.type"}}, ""},
      {"DELETE", "/triggertypes/{id}", "trigger_all", "trigger:t:type", {{"id", "t.type"}}, ""},
      {"GET", "/triggers", "trigger_list", "", {}, ""},
      {"POST", "/triggers", "trigger_all", "trigger:t:type", {}, R"({"type": "t.type"})"},
      {"GET", "/triggers/{id}", "trigger_view", "trigger:t:type", {{"id", "t.type"}}, ""},
      {"DELETE", "/triggers/{id}", "trigger_all", "trigger:t:type", {{"id", "t.type"}}, ""},
      {"GET", "/triggerinstances", "trigger_list", "", {}, ""},
      {"GET", "/triggerinstances/{id}", "trigger_view", "trigger:t:type", {{"id", kInstance}}, ""},
      {"GET", "/triggerinstances/{id}/explain", "trigger_view", "trigger:t:type", {{"id", kInstance}}, ""},
      {"POST", "/triggerinstances/{id}/re_emit", "trigger_all", "trigger:t:type", {{"id", kInstance}}, ""},
      {"GET", "/timers", "timer_list", "", {}, ""},
      {"GET", "/timers/{ref}", "timer_view", "timer:t:type", {{"ref", "t.type"}}, ""},
      {"GET", "/traces", "trace_list", "", {}, ""},
      {"GET", "/traces/{id}", "trace_view", "trace:tag", {{"id", kTrace}}, ""},
      {"GET", "/ruletypes", "any user", "", {}, ""},
      {"GET", "/ruletypes/{id}", "any user", "", {}, ""},
      {"GET", "/rules", "rule_list", "", {}, ""},
      {"GET", "/rules/views", "rule_list", "", {}, ""},
      {"POST", "/rules", "rule_create", "rule:t:new pack:t", {}, R"({"pack": "t", "name": "new"})"},
      {"GET", "/rules/{id}", "rule_view", "rule:t:rul pack:t", {{"id", "t.rul"}}, ""},
      {"GET", "/rules/views/{id}", "rule_view", "rule:t:rul pack:t", {{"id", "t.rul"}}, ""},
      {"PUT", "/rules/{id}", "rule_modify", "rule:t:rul pack:t", {{"id", "t.rul"}}, ""},
      {"DELETE", "/rules/{id}", "rule_delete", "rule:t:rul pack:t", {{"id", "t.rul"}}, ""},
      {"GET", "/ruleenforcements", "rule_enforcement_list", "", {}, ""},
      {"GET", "/ruleenforcements/views", "rule_enforcement_list", "", {}, ""},
      {"GET", "/ruleenforcements/{id}", "rule_enforcement_view", "rule:t:rul pack:t", {{"id", kEnforcement}}, ""},
      {"GET", "/ruleenforcements/views/{id}", "rule_enforcement_view", "rule:t:rul pack:t", {{"id", kEnforcement}}, ""},
      {"GET", "/actionalias", "action_alias_list", "", {}, ""},
      {"POST",
       "/actionalias",
       "action_alias_create",
       "action_alias:t:new pack:t",
       {},
       R"({"pack": "t", "name": "new"})"},
      {"GET", "/actionalias/{id}", "action_alias_view", "action_alias:t:ali pack:t", {{"id", "t.ali"}}, ""},
      {"PUT", "/actionalias/{id}", "action_alias_modify", "action_alias:t:ali pack:t", {{"id", "t.ali"}}, ""},
      {"DELETE", "/actionalias/{id}", "action_alias_delete", "action_alias:t:ali pack:t", {{"id", "t.ali"}}, ""},
      {"POST", "/actionalias/match", "action_alias_match", "", {}, ""},
      {"GET", "/actionalias/help", "action_alias_help", "", {}, ""},
      {"POST", "/aliasexecution", "action_execute", "action:t:act pack:t", {}, R"({"name": "ali"})"},
      {"POST",
       "/aliasexecution/match_and_execute",
       "action_execute",
       "action:t:act pack:t",
       {},
       R"({"command": "do it"})"},
      {"GET", "/inquiries", "inquiry_list", "", {}, ""},
      {"GET", "/inquiries/{id}", "inquiry_view", "action:t:act pack:t", {{"id", kQuestion}}, ""},
      {"PUT", "/inquiries/{id}", "inquiry_respond", "action:t:act pack:t", {{"id", kQuestion}}, ""},
      {"POST", "/workflows/inspect", "any user", "", {}, ""},
      {"GET", "/webhooks", "webhook_list", "", {}, ""},
      {"GET", "/webhooks/{url*}", "webhook_view", "webhook:a/b", {{"url", "a/b"}}, ""},
      {"POST", "/webhooks/{url*}", "webhook_send", "webhook:a/b", {{"url", "a/b"}}, ""},
      {"POST", "/webhooks/st2", "webhook_send", "webhook:st2", {}, ""},
      {"GET", "/keys", "any user", "", {}, ""},
      {"GET", "/keys/{name}", "key_value_pair_view", "key_value_pair:st2kv.system:k", {{"name", "k"}}, ""},
      {"PUT", "/keys/{name}", "key_value_pair_set", "key_value_pair:st2kv.system:k", {{"name", "k"}}, "{}"},
      {"DELETE", "/keys/{name}", "key_value_pair_delete", "key_value_pair:st2kv.system:k", {{"name", "k"}}, ""},
  };
  for (const std::string& prefix : std::vector<std::string>{"", "/auth/v1", "/auth"}) {
    all.push_back({"POST", prefix + "/tokens", "everybody", "", {}, ""});
    all.push_back({"POST", prefix + "/tokens/validate", "any user", "", {}, ""});
    all.push_back({"GET", prefix + "/sso", "everybody", "", {}, ""});
  }
  for (const std::string& prefix : std::vector<std::string>{"", "/stream/v1", "/stream"})
    all.push_back({"GET", prefix + "/stream", "stream_view", "", {}, ""});
  for (const std::string& prefix : std::vector<std::string>{"/stream/v1", "/stream"}) {
    all.push_back(
        {"GET", prefix + "/executions/{id}/output", "execution_view", "action:t:act pack:t", {{"id", kExecution}}, ""});
  }
  for (const std::string& base : std::vector<std::string>{"/executions", "/actionexecutions"}) {
    const std::string uids = "action:t:act pack:t";
    const std::map<std::string, std::string> id = {{"id", kExecution}};
    all.push_back({"GET", base, "execution_list", "", {}, ""});
    all.push_back({"POST", base, "action_execute", uids, {}, R"({"action": "t.act"})"});
    all.push_back({"GET", base + "/views/filters", "execution_views_filters_list", "", {}, ""});
    all.push_back({"GET", base + "/{id}", "execution_view", uids, id, ""});
    all.push_back({"PUT", base + "/{id}", "execution_stop", uids, id, ""});
    all.push_back({"DELETE", base + "/{id}", "execution_stop", uids, id, ""});
    all.push_back({"POST", base + "/{id}/re_run", "execution_rerun", uids, id, ""});
    for (const char* part : {"children", "output", "result", "attribute/{name}"})
      all.push_back({"GET", base + "/{id}/" + part, "execution_view", uids, id, ""});
  }
  return all;
}

// What is enough, on the resource or its pack, for a permission besides itself and its type's "_all".
const std::map<std::string, std::set<std::string>>& implied() {
  static const std::map<std::string, std::set<std::string>> table = {
      {"action_view", {"action_create", "action_modify", "action_delete", "action_execute"}},
      {"action_alias_view", {"action_alias_create", "action_alias_modify", "action_alias_delete"}},
      {"rule_view", {"rule_create", "rule_modify", "rule_delete"}},
      {"policy_view", {"policy_create", "policy_modify", "policy_delete"}},
      {"pack_view", {"pack_create", "pack_modify", "pack_delete"}},
      {"sensor_type_view", {"sensor_type_modify"}},
      {"runner_type_view", {"runner_type_modify"}},
      {"webhook_view", {"webhook_create", "webhook_delete"}},
      {"api_key_view", {"api_key_create", "api_key_modify", "api_key_delete"}},
      {"key_value_pair_view", {"key_value_pair_list", "key_value_pair_set", "key_value_pair_delete"}},
      {"rule_enforcement_view", {"rule_view", "rule_create", "rule_modify", "rule_delete", "rule_all"}},
      {"execution_view", {"action_view", "action_all"}},
      {"execution_rerun", {"action_execute", "action_all"}},
      {"execution_stop", {"action_execute", "action_all"}},
      {"inquiry_view", {"action_execute", "action_all"}},
      {"inquiry_respond", {"action_execute", "action_all"}},
  };
  return table;
}

std::string all_of_type(const std::string& permission) { return permission.substr(0, permission.rfind('_')) + "_all"; }

bool is_enough(const std::string& needs, const std::string& held) {
  if (held == needs || held == all_of_type(needs)) return true;
  const auto found = implied().find(needs);
  return found != implied().end() && found->second.contains(held);
}

// The same for a permission that is granted somewhere, whatever the resource.
bool is_enough_anywhere(const std::string& needs, const std::string& held) {
  if (needs == "rule_enforcement_list") return held == needs || held == "rule_list";
  if (needs == "inquiry_view" || needs == "inquiry_respond")
    return held == "inquiry_view" || held == "inquiry_respond" || held == "inquiry_all";
  return held == needs;
}

class Matrix : public ::testing::Test {
 protected:
  Matrix() {
    char pattern[] = "/tmp/squall-matrix-XXXXXX";
    root = ::mkdtemp(pattern);
    write("pack.yaml", "ref: t\nname: t\ndescription: d\nversion: 0.1.0\nauthor: a\nemail: a@example.com\n");
    write("actions/act.yaml", "name: act\nrunner_type: noop\n");
    write("rules/rul.yaml", "name: rul\ntrigger: {type: t.type}\naction: {ref: t.act}\n");
    write("aliases/ali.yaml", "name: ali\naction_ref: t.act\nformats: ['do it']\n");
    write("policies/pol.yaml",
          "name: pol\nresource_ref: t.act\npolicy_type: action.concurrency\nparameters: {threshold: 1}\n");
    write("triggers/type.yaml", "name: type\npayload_schema: {type: object}\n");
    write("sensors/sen.yaml", "class_name: Sen\nentry_point: sen.py\ntrigger_types: []\n");
    write("sensors/sen.py", "class Sen: pass\n");
    store_documents();
    engine::EngineOptions options;
    options.pack_directories = {root};
    options.configs_directory = root + "/configs";
    engine = std::make_unique<engine::Engine>(
        engine::Engine::Dependencies{executor, executor.clock, store, runners, sealer, [](const Error&) {}, nullptr},
        options);
    auto started = engine->start();
    EXPECT_TRUE(started) << started.error().to_string();
    settle();
    for (const auto& problem : engine->load_problems()) ADD_FAILURE() << problem.error.to_string();
    access = std::make_unique<auth::Access>(executor, executor.clock, store, Random::system());
    ApiOptions api_options;
    api_options.version = "0";
    api_options.url = "http://localhost";
    api_options.access = access.get();
    api_options.pack_index = &pack_index;
    api = std::make_unique<Api>(*engine, std::move(api_options));
  }
  ~Matrix() override {
    engine->stop();
    settle();
    std::filesystem::remove_all(root);
  }
  void settle() {
    do executor.run();
    while (store.drain() > 0);
    executor.run();
  }

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root + "/t/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  void store_documents() {
    const Value action = Value::dict({{"pack", "t"}, {"name", "act"}, {"ref", "t.act"}});
    const Value execution = Value::dict({{"id", kExecution},
                                         {"action", action},
                                         {"status", "succeeded"},
                                         {"runner", Value::dict({{"name", "noop"}})},
                                         {"context", Value::dict({{"user", "somebody else"}})}});
    Value question = execution;
    question.set("id", kQuestion);
    question.set("parent", kExecution);
    question.set("runner", Value::dict({{"name", "inquirer"}}));
    question.set("action", Value::dict({{"pack", "core"}, {"name", "ask"}, {"ref", "core.ask"}}));
    store.write(
        [&](store::WriteTx& tx) -> Status {
          SQ_CHECK(tx.put(Collection::kExecutions, kExecution, execution));
          SQ_CHECK(tx.put(Collection::kExecutions, kQuestion, question));
          SQ_CHECK(tx.put(Collection::kTriggerInstances, kInstance,
                          Value::dict({{"id", kInstance}, {"trigger", "t.type"}})));
          SQ_CHECK(tx.put(Collection::kEnforcements, kEnforcement,
                          Value::dict({{"id", kEnforcement}, {"rule", Value::dict({{"ref", "t.rul"}})}})));
          SQ_CHECK(tx.put(Collection::kTraces, kTrace, Value::dict({{"id", kTrace}, {"trace_tag", "tag"}})));
          return tx.put(Collection::kApiKeys, kKey,
                        Value::dict({{"id", kKey}, {"key_hash", "hash"}, {"user", "somebody else"}}));
        },
        [](const Status& status) { EXPECT_TRUE(status); });
    store.drain();
  }

  const Route* route_of(const Sample& sample) const {
    for (const Route& route : api->routes()) {
      if (route.method == sample.method && route.pattern == sample.pattern) return &route;
    }
    return nullptr;
  }
  static Call call_of(const Sample& sample, const std::string& user, std::shared_ptr<const auth::Rbac> rbac) {
    Call call;
    call.request.method = sample.method;
    call.request.body = sample.body;
    call.parameters = {sample.parameters.begin(), sample.parameters.end()};
    call.user = user;
    call.rbac = std::move(rbac);
    return call;
  }

  store::MemoryStore store{{.own_thread = false}};
  kubernetes::testing::ManualExecutor executor;
  runners::RunnerRegistry runners;
  engine::SecretSealer sealer = engine::SecretSealer::ephemeral();
  std::string root;
  std::unique_ptr<engine::Engine> engine;
  net::HttpClient http;
  packs::PackIndex pack_index{http, executor, {}};
  std::unique_ptr<auth::Access> access;
  std::unique_ptr<Api> api;
};

// One user for each permission on each uid of the samples (of a type that it can be granted on), on a stranger of the
// same type, and, where it is global, on nothing.
struct Holder {
  std::string user, permission, uid;
};

std::vector<Holder> holders(const std::vector<Sample>& all, auth::Definitions& definitions) {
  std::set<std::string> uids;
  for (const Sample& sample : all) {
    for (const std::string& uid : split(sample.uids, ' ')) {
      if (uid.empty()) continue;
      uids.insert(uid);
      uids.insert(uid.substr(0, uid.find(':')) + ":stranger:stranger");
    }
  }
  uids.insert("");
  std::vector<Holder> found;
  for (size_t i = 0; i < auth::kPermissionCount; ++i) {
    const auto permission = static_cast<auth::Permission>(i);
    for (const std::string& uid : uids) {
      const std::string type = uid.substr(0, uid.find(':'));
      if (uid.empty() ? !auth::is_global(permission) : !auth::is_grantable_on(type, permission)) continue;
      const std::string name(auth::type_of(permission).name);
      Holder holder{name + "@" + uid, name, uid};
      definitions.roles.push_back({"", holder.user, "", false, {{"", uid, type, {permission}}}});
      definitions.assignments.push_back({"", holder.user, holder.user, "", ""});
      found.push_back(std::move(holder));
    }
  }
  return found;
}

bool is_expected(const Sample& sample, const Holder& holder) {
  if (sample.needs == "everybody" || sample.needs == "any user") return true;
  if (sample.needs == "administrators") return false;
  if (sample.uids.empty() || sample.needs.starts_with("inquiry_")) {
    if (is_enough_anywhere(sample.needs, holder.permission)) return true;
    if (sample.uids.empty()) return false;
  }
  const auto uids = split(sample.uids, ' ');
  return std::find(uids.begin(), uids.end(), holder.uid) != uids.end() && is_enough(sample.needs, holder.permission);
}

TEST_F(Matrix, EveryRoutePermissionAndUser) {
  const std::vector<Sample> all = samples();
  std::set<std::string> written;
  for (const Sample& sample : all) written.insert(sample.method + " " + sample.pattern);
  for (const Route& route : api->routes())
    EXPECT_TRUE(written.contains(route.method + " " + route.pattern))
        << route.method << " " << route.pattern << " is not in the table";

  auth::Definitions definitions = auth::system_definitions();
  const std::vector<Holder> users = holders(all, definitions);
  for (const std::string_view role : {auth::kSystemAdmin, auth::kAdmin, auth::kObserver})
    definitions.assignments.push_back({"", "the " + std::string(role), std::string(role), "", ""});
  const auto rbac = std::make_shared<const auth::Rbac>(definitions, auth::RbacOptions{"stanley", false});

  size_t cells = 0;
  for (const Sample& sample : all) {
    const Route* route = route_of(sample);
    ASSERT_NE(route, nullptr) << sample.method << " " << sample.pattern;
    const auto is_allowed = [&](const std::string& user) {
      ++cells;
      return static_cast<bool>(route->access.check(call_of(sample, user, rbac)));
    };
    const std::string where = sample.method + " " + sample.pattern;
    const bool is_free = sample.needs == "everybody" || sample.needs == "any user";
    const bool reads =
        sample.needs.ends_with("_view") || sample.needs.ends_with("_list") || sample.needs.ends_with("_search");
    EXPECT_EQ(route->access.is_open(), sample.needs == "everybody") << where;
    EXPECT_EQ(is_allowed("nobody"), is_free) << where;
    EXPECT_EQ(is_allowed("the observer"), is_free || reads) << where;
    EXPECT_TRUE(is_allowed("the admin")) << where;
    EXPECT_TRUE(is_allowed("the system_admin")) << where;
    for (const Holder& holder : users) {
      EXPECT_EQ(is_allowed(holder.user), is_expected(sample, holder)) << where << " by " << holder.user;
    }
  }
  std::printf("authorization matrix: %zu routes, %zu kinds of users, %zu cells\n", all.size(), users.size() + 4, cells);
  EXPECT_GT(cells, 30'000u);
}

TEST_F(Matrix, WithoutTokenNothingButTheOpenRoutes) {
  for (const Sample& sample : samples()) {
    Call call = call_of(sample, "", nullptr);
    const Status admitted = api->admit(call, *route_of(sample), /*trusted=*/false);
    EXPECT_EQ(admitted.has_value(), sample.needs == "everybody") << sample.method << " " << sample.pattern;
    EXPECT_TRUE(admitted || admitted.error().code() == ErrorCode::kUnauthorized);
  }
}

}  // namespace
}  // namespace squall::api
