#include "runners/database/drift.hpp"

#include <gmock/gmock.h>

#include "base/strings.hpp"
#include "runners/database/actions_impl.hpp"
#include "runners/database/login_statements.hpp"
#include "runners/database/names.hpp"
#include "runners/database/plan.hpp"
#include "runners/database/rds_fields.hpp"
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
    seen = instance_of_record(instance);
    facts.instance = instance;
    facts.secret = credentials_of(plan, seen, kPassword);
    facts.metadata =
        json(R"({"uid": "u-1", "identifier": "x", "managed-by": "squall", "state": "current", "mine": "1"})");
    facts.keys = consul_keys(plan, seen);
    Value services = Value::empty_dict();
    services.set("orders-shop", consul_registration(plan, seen)["Service"]);
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

  Value object, plan, seen;
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

TEST_F(DriftTest, WhatVaultKnowsBesideTheSecretIsCompared) {
  facts.metadata->set("uid", "u-2");
  facts.metadata->set("state", Value());
  EXPECT_EQ(drift(), "Vault metadata uid u-2 -> u-1, Vault metadata state nothing -> current");
  facts.metadata = Value();
  EXPECT_THAT(drift(), HasSubstr("Vault metadata managed-by nothing -> squall"));
}

TEST_F(DriftTest, AnotherAddressIsAnotherEverywhere) {
  facts.instance->set("Endpoint", json(R"({"Address": "y.example", "Port": 5432})"));
  const std::string told = drift();
  for (const char* part : {"endpoint x.example -> y.example", "Vault secret host x.example -> y.example",
                           "Consul key host x.example -> y.example", "Consul service address x.example -> y.example"})
    EXPECT_THAT(told, HasSubstr(part));
}

TEST_F(DriftTest, AnInstanceThatServesNobodyIsAnOutage) {
  for (const char* status : {"failed", "incompatible-parameters", "storage-full", "stopped"}) {
    facts.instance->set("DBInstanceStatus", status);
    const Value found = find_drift(object, plan, facts);
    EXPECT_EQ(describe_differences(found), "DB instance status " + std::string(status) + " -> available");
    EXPECT_TRUE(is_outage(found));
    plan.set("doing", "Repairing");
    const Value told = announcement(object, plan, found, 0);
    EXPECT_EQ(told["conditions"][2]["type"], Value("Ready"));
    EXPECT_EQ(told["conditions"][2]["reason"], Value("InstanceUnavailable"));
  }
  facts.instance->set("DBInstanceStatus", "modifying");
  EXPECT_FALSE(is_outage(find_drift(object, plan, facts)));
}

TEST_F(DriftTest, AnInstanceThatAnotherResourceHasIsNotFoughtOver) {
  Value tags = Value::empty_list();
  tags.push_back(Value::dict({{"Key", kUidTag}, {"Value", "u-9"}}));
  facts.instance->set("TagList", tags);
  facts.secret.reset();
  EXPECT_EQ(drift(), "owner of the DB instance u-9 -> u-1");
}

TEST_F(DriftTest, APasswordOfOnesOwnIsFollowed) {
  facts.secret->set("salt", "s1");
  facts.given = fingerprint("u-1", kPassword, "s1");
  EXPECT_THAT(drift(), HasSubstr("password another one -> the one that is kept")) << "RDS has the unsalted one";
  facts.given = fingerprint("u-1", "anotherPassw0rd", "s1");
  EXPECT_THAT(drift(), HasSubstr("password another one -> the one of spec.credentials.passwordFrom"));
  EXPECT_THAT(drift(), Not(HasSubstr("anotherPassw0rd")));
}

TEST_F(DriftTest, LoginsOfVaultsEngine) {
  object.mut_dict()["spec"].set("credentials", json(R"({"mode": "VaultStatic"})"));
  object.mut_dict()["spec"].mut_dict()["publish"].mut_dict()["secret"].set("includePassword", false);
  plan = plan_database(object, json(R"({"sizes": {"small": "db.t4g.small"}})")).value();
  Facts only;
  only.instance = facts.instance;
  Value connection = connection_of(plan, seen);
  const Value url =
      Value::dict({{"connection_url", login_config(plan["logins"], "postgres", connection)["connection_url"]}});
  only.logins = Value::dict({{"config", Value::dict({{"connection_details", url}})},
                             {"role", Value::dict({{"username", "orders_app"}})},
                             {"connection", connection}});
  EXPECT_EQ(describe_differences(find_drift(object, plan, only)), "");
  only.logins->set("role", Value());
  only.logins->set("config", Value());
  EXPECT_EQ(describe_differences(find_drift(object, plan, only)),
            "Vault database config nothing -> database/x, Vault database role nothing -> database/x-app");
}

TEST_F(DriftTest, ASecretThatAwsKeeps) {
  object.mut_dict()["spec"].set("credentials", json(R"({"mode": "AWSManaged"})"));
  object.mut_dict()["spec"].mut_dict()["publish"].mut_dict()["secret"].set("includePassword", false);
  plan = plan_database(object, json(R"({"sizes": {"small": "db.t4g.small"}})")).value();
  Facts only;
  only.instance = facts.instance;
  EXPECT_EQ(describe_differences(find_drift(object, plan, only)), "master user secret nothing -> managed by AWS");
  only.instance->set("MasterUserSecret", json(R"({"SecretArn": "arn:1", "SecretStatus": "active"})"));
  EXPECT_EQ(describe_differences(find_drift(object, plan, only)), "");
  const Value members = secret_members(plan, managed_credentials(plan, instance_of_record(*only.instance)));
  EXPECT_EQ(members["secret_arn"], Value("arn:1"));
  EXPECT_FALSE(members.contains("password"));
  EXPECT_EQ(consul_keys(plan, instance_of_record(*only.instance))["secret_arn"], Value("arn:1"));
}

TEST_F(DriftTest, ConsulAndSecret) {
  facts.keys = Value::empty_dict();
  EXPECT_THAT(drift(), HasSubstr("Consul key host nothing -> x.example"));
  facts.keys = consul_keys(plan, seen);
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

std::string need_of(const Value& object, const std::string& plan_error = "", const std::string& wish = "") {
  const auto found = need_of_resource(object, plan_error, wish);
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
  refused.mut_dict()["status"].set("refused", wish_of(plan));
  EXPECT_EQ(need_of(refused, "", wish_of(plan)), "") << "RDS would refuse the same again";
  EXPECT_EQ(need_of(refused, "", "another class"), "database.repair") << "the platform's size is another class now";
  refused.mut_dict()["status"].set("refused", Value());
  EXPECT_EQ(need_of(refused, "", wish_of(plan)), "database.repair") << "the size is known by now";
  EXPECT_EQ(need_of(refused, "spec.size: no"), "");
}

}  // namespace
}  // namespace squall::runners::database
