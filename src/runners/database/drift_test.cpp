#include "runners/database/drift.hpp"

#include <gmock/gmock.h>

#include "base/strings.hpp"
#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"
#include "runners/database/plan.hpp"
#include "runners/database/status.hpp"
#include "value/json.hpp"

namespace squall::runners::database {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPassword = "canaryPassw0rd123456789abcd";

Value json(std::string_view text) { return parse_json(text).value(); }

struct DriftTest : testing::Test {
  DriftTest() {
    object = json(R"({"apiVersion": "squall.dev/v1alpha1", "kind": "Database",
        "metadata": {"namespace": "shop", "name": "orders", "uid": "u-1", "generation": 2},
        "spec": {"engine": "postgres", "size": "small", "publish": {"secret": {"name": "app", "includePassword": true}}},
        "status": {"identifier": "x", "observedGeneration": 2, "endpoint": {"host": "x.example"},
                   "credentials": {"lastRotated": "2026-01-31T12:00:00Z"},
                   "conditions": [{"type": "Ready", "status": "True"}, {"type": "NoDrift", "status": "True"},
                                  {"type": "Synced", "status": "True", "observedGeneration": 2}]}})");
    plan = plan_database(object, json(R"({"sizes": {"small": "db.t4g.small"}})")).value();
    Value tags = Value::empty_list();
    for (const auto& [key, value] : plan["tags"].as_dict())
      tags.push_back(Value::dict({{"Key", key}, {"Value", value}}));
    tags.push_back(Value::dict({{"Key", kPasswordTag}, {"Value", fingerprint("u-1", kPassword)}}));
    Value instance =
        json(R"({"DBInstanceIdentifier": "x", "DBInstanceStatus": "available", "DBInstanceClass": "db.t4g.small",
        "Engine": "postgres", "MasterUsername": "dbadmin", "Endpoint": {"Address": "x.example", "Port": 5432}})");
    instance.set("TagList", tags);
    const Value endpoint = json(R"({"address": "x.example", "port": 5432})");
    facts.instance = instance;
    facts.secret = credentials_of(plan, "dbadmin", endpoint, kPassword);
    facts.keys = consul_keys(plan, endpoint);
    Value services = Value::empty_dict();
    services.set("orders-shop", consul_registration(plan, endpoint)["Service"]);
    facts.node = Value::dict({{"Node", json(R"({"Address": "x.example"})")}, {"Services", services}});
    Value data = Value::empty_dict();
    const Value members = secret_members(plan, *facts.secret);
    for (const auto& [key, value] : members.as_dict()) data.set(key, base64_encode(value.string()));
    facts.app_secret = Value::dict({{"data", data}});
  }

  std::string drift() const { return describe_differences(find_drift(object, plan, facts)); }
  std::string need(const Value& drift_found, std::string_view now = "2026-01-31T12:00:01Z") const {
    const auto found = need_of_facts(object, plan, drift_found, parse_timestamp(now).value());
    return found ? found->action : "";
  }

  Value object, plan;
  Facts facts;
};

TEST_F(DriftTest, NothingDiffers) {
  EXPECT_EQ(drift(), "");
  EXPECT_EQ(need(Value::empty_list()), "");
}

TEST_F(DriftTest, EachPartIsCompared) {
  facts.instance->set("DBInstanceClass", "db.m7g.large");
  EXPECT_EQ(drift(), "DBInstanceClass db.m7g.large -> db.t4g.small");
  facts.instance = Value();
  EXPECT_EQ(drift(), "DB instance nothing -> x");
}

TEST_F(DriftTest, WhatCouldNotBeAskedForIsNotCompared) {
  facts = Facts{};
  EXPECT_EQ(drift(), "");
}

TEST_F(DriftTest, AnInstanceAtWorkIsLeftAlone) {
  facts.instance->set("DBInstanceStatus", "modifying");
  facts.instance->set("DBInstanceClass", "db.m7g.large");
  EXPECT_EQ(drift(), "");
}

TEST_F(DriftTest, SecretsAreComparedAndNotShown) {
  facts.secret->set("password", "anotherPassw0rd123456789abc");
  const std::string told = drift();
  EXPECT_THAT(told, HasSubstr("password"));
  EXPECT_THAT(told, Not(HasSubstr("anotherPassw0rd")));
  facts.secret->set("password", kPassword);
  facts.secret->set("uri", "postgresql://elsewhere");
  EXPECT_EQ(drift(), "Vault secret uri something else -> as published, Secret app uri something else -> as published");
  facts.secret = Value();
  EXPECT_THAT(drift(), HasSubstr("Vault secret nothing -> secret/databases/default/shop/orders"));
}

TEST_F(DriftTest, ConsulAndSecret) {
  facts.keys = Value::empty_dict();
  EXPECT_THAT(drift(), HasSubstr("Consul key host nothing -> x.example"));
  facts.keys = consul_keys(plan, json(R"({"address": "x.example", "port": 5432})"));
  facts.node = Value();
  EXPECT_EQ(drift(), "Consul service nothing -> orders-shop");
  facts.node.reset();
  facts.app_secret = Value();
  EXPECT_EQ(drift(), "Secret nothing -> app");
}

TEST_F(DriftTest, CorrectsReportsAndStopsWhenItComesBack) {
  const Value found = json(R"([{"field": "DBInstanceClass", "want": "a", "have": "b"}])");
  EXPECT_EQ(need(found), "database.repair");
  object.mut_dict()["status"].set(
      "corrections",
      json(
          R"([{"field": "DBInstanceClass", "times": ["2026-01-31T11:30:00Z", "2026-01-31T11:40:00Z", "2026-01-31T11:50:00Z"]}])"));
  EXPECT_EQ(need(found), "database.report_drift");
  EXPECT_EQ(need(found, "2026-01-31T12:30:01Z"), "database.repair") << "one of them is an hour ago";
  object.mut_dict()["status"].set("corrections", Value::empty_list());
  plan.set("drift_policy", "Report");
  EXPECT_EQ(need(found), "database.report_drift");
}

TEST_F(DriftTest, RotationByRequestAndByDate) {
  object.mut_dict()["metadata"].set("annotations", json(R"({"squall.dev/rotate": "now"})"));
  EXPECT_EQ(need(Value::empty_list()), "database.rotate");
  object.mut_dict()["status"].mut_dict()["credentials"].set("rotationRequest", "now");
  EXPECT_EQ(need(Value::empty_list()), "");
  plan.mut_dict()["credentials"].set("rotate_every", 3600);
  EXPECT_EQ(need(Value::empty_list(), "2026-01-31T12:59:59Z"), "");
  EXPECT_EQ(need(Value::empty_list(), "2026-01-31T13:00:00Z"), "database.rotate");
}

std::string need_of(const Value& object, const std::string& plan_error = "") {
  const auto found = need_of_resource(object, plan_error);
  return found ? found->action : "";
}

TEST_F(DriftTest, WhatTheResourceItselfNeeds) {
  EXPECT_EQ(need_of(object), "");
  Value changed = object;
  changed.mut_dict()["metadata"].set("generation", 3);
  EXPECT_EQ(need_of(changed), "database.repair") << "a change that was missed";
  Value fresh = changed;
  fresh.set("status", Value::empty_dict());
  EXPECT_EQ(need_of(fresh), "database.create");
  Value dying = object;
  dying.mut_dict()["metadata"].set("deletionTimestamp", "2026-01-31T12:00:00Z");
  EXPECT_EQ(need_of(dying), "") << "it does not wait for squall";
  dying.mut_dict()["metadata"].set("finalizers", json(R"(["squall.dev/database"])"));
  EXPECT_EQ(need_of(dying), "database.delete");
  dying.mut_dict()["spec"].set("deletionPolicy", "Retain");
  EXPECT_EQ(need_of(dying), "database.retain");
  Value refused = object;
  refused.mut_dict()["status"].set("conditions", json(R"([{"type": "Synced", "status": "False", "reason": "InvalidSpec",
      "observedGeneration": 2, "message": "Step 'instance' failed: no"}])"));
  EXPECT_EQ(need_of(refused), "") << "only a change of the spec helps";
  refused.mut_dict()["status"].set("conditions", json(R"([{"type": "Synced", "status": "False", "reason": "InvalidSpec",
      "observedGeneration": 2, "message": "Step 'plan' failed: no"}])"));
  EXPECT_EQ(need_of(refused), "database.repair") << "the size is known by now";
  EXPECT_EQ(need_of(refused, "spec.size: no"), "");
}

}  // namespace
}  // namespace squall::runners::database
