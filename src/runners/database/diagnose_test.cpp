#include "runners/database/diagnose.hpp"

#include <gmock/gmock.h>

#include "value/json.hpp"

namespace squall::runners::database {
namespace {

using ::testing::HasSubstr;

Value json(std::string_view text) { return parse_json(text).value(); }

Failure failure(std::string_view results, std::string_view object = R"({"metadata": {"generation": 1}})") {
  Failure made;
  made.results = json(results);
  made.plan = json(
      R"({"identifier": "shop-orders-1", "vault": {"path": "p"}, "keep": {"path": "p"}, "consul": {"prefix": "q"}, "doing": "Creating"})");
  made.object = json(object);
  made.retry = json(R"({"first": 5, "longest": 300, "quota_first": 300, "quota_longest": 1800, "denied": 300})");
  made.now = parse_timestamp("2026-01-31T12:00:00Z").value();
  return made;
}

TEST(DatabaseDiagnosis, TheFailureTable) {
  EXPECT_EQ(reason_of("plan", "InvalidSpec", ""), "InvalidSpec");
  EXPECT_EQ(reason_of("instance", "InvalidParameterValue", ""), "InvalidSpec");
  EXPECT_EQ(reason_of("instance", "InstanceQuotaExceeded", ""), "QuotaExceeded");
  EXPECT_EQ(reason_of("instance", "StorageQuotaExceededFault", ""), "QuotaExceeded");
  EXPECT_EQ(reason_of("modify", "Throttling", ""), "Throttled");
  EXPECT_EQ(reason_of("instance", "AccessDenied", ""), "AccessDenied");
  EXPECT_EQ(reason_of("instance", "NameTaken", ""), "NameTaken");
  EXPECT_EQ(reason_of("instance", "DBSubnetGroupNotFoundFault", ""), "ReferenceNotFound");
  EXPECT_EQ(reason_of("available", "TimedOut", ""), "TimedOut");
  EXPECT_EQ(reason_of("available", "DBInstanceFailed", ""), "InstanceFailed");
  EXPECT_EQ(reason_of("password", "VaultUnavailable", "Vault is sealed"), "VaultSealed");
  EXPECT_EQ(reason_of("credentials", "permission_denied", ""), "VaultDenied");
  EXPECT_EQ(reason_of("credentials", "VaultUnavailable", "refused"), "VaultUnavailable");
  EXPECT_EQ(reason_of("endpoint", "ConsulUnavailable", ""), "ConsulUnavailable");
  EXPECT_EQ(reason_of("logins", "VaultCannotConnect", "verifying connection"), "VaultCannotConnect");
  EXPECT_EQ(reason_of("logins", "VaultError", "unknown plugin"), "VaultRefused");
  EXPECT_EQ(reason_of("password", "VaultNotConfigured", ""), "VaultNotConfigured");
  EXPECT_EQ(reason_of("adopt", "SignatureDoesNotMatch", ""), "AccessDenied");
  EXPECT_EQ(reason_of("adopt", "NoRegion", ""), "AwsNotConfigured");
  EXPECT_EQ(reason_of("instance", "DBSnapshotNotFound", ""), "ReferenceNotFound");
  EXPECT_EQ(reason_of("password", "ReferenceNotFound", "there is no Secret"), "ReferenceNotFound");
  EXPECT_EQ(reason_of("password", "PasswordUnusable", "too short"), "PasswordUnusable");
}

TEST(DatabaseDiagnosis, DelaysGrowToAnEnd) {
  const Value retry = failure("{}").retry;
  EXPECT_EQ(retry_delay("ConsulUnavailable", 0, retry), 5);
  EXPECT_EQ(retry_delay("ConsulUnavailable", 3, retry), 40);
  EXPECT_EQ(retry_delay("ConsulUnavailable", 1000000, retry), 300);
  EXPECT_EQ(retry_delay("QuotaExceeded", 0, retry), 300);
  EXPECT_EQ(retry_delay("QuotaExceeded", 9, retry), 1800);
  EXPECT_EQ(retry_delay("AccessDenied", 9, retry), 300);
}

TEST(DatabaseDiagnosis, SaysWhichStepWhyAndWhatIsLeft) {
  const Value told = diagnose(failure(R"({"finalizer": {"changed": true}, "password": {"reference": "x"},
      "instance": {"error": "too many", "code": "InstanceQuotaExceeded"}})"));
  EXPECT_EQ(told["reason"], Value("QuotaExceeded"));
  EXPECT_THAT(told["message"].string(), HasSubstr("Step 'instance' failed: too many"));
  EXPECT_EQ(told["left_behind"], json(R"(["the finalizer on the Database resource", "the password in Vault at p"])"));
  EXPECT_EQ(told["status"]["nextTry"], Value("2026-01-31T12:05:00Z"));
  EXPECT_EQ(told["status"]["phase"], Value("QuotaExceeded"));
  EXPECT_EQ(told["terminal"], Value(false));
  EXPECT_EQ(told["conditions"][0]["type"], Value("Ready"));
  EXPECT_EQ(told["conditions"][2]["type"], Value("Provisioned"));
}

TEST(DatabaseDiagnosis, WhatOnlyTheSpecCanCureIsNotTriedAgain) {
  const Value told = diagnose(failure(R"({"plan": {"error": "spec.size: no", "code": "InvalidSpec"}})"));
  EXPECT_EQ(told["terminal"], Value(true));
  EXPECT_TRUE(told["status"]["nextTry"].is_null());
  EXPECT_THAT(told["message"].string(), HasSubstr("when the spec changes"));
}

TEST(DatabaseDiagnosis, ADatabaseThatServesStaysReadyWhileARepairFails) {
  Failure repairing = failure(R"({"endpoint": {"error": "refused", "code": "ConsulUnavailable"}})",
                              R"({"metadata": {"generation": 2}, "status": {"observedGeneration": 2,
                                  "conditions": [{"type": "Ready", "status": "True"}]}})");
  repairing.plan.set("doing", "Repairing");
  const Value told = diagnose(repairing);
  EXPECT_EQ(told["conditions"][0]["type"], Value("Synced"));
  EXPECT_FALSE(told["status"].contains("phase"));
  // A new generation that failed is not what the application asked for.
  repairing.object.mut_dict()["metadata"].set("generation", 3);
  EXPECT_EQ(diagnose(repairing)["conditions"][0]["type"], Value("Ready"));
}

TEST(DatabaseDiagnosis, ABrokenInstanceIsNotReadyWhateverWentBefore) {
  Failure broken = failure(R"({"available": {"error": "it is storage-full", "code": "DBInstanceFailed"}})",
                           R"({"metadata": {"generation": 2}, "status": {"observedGeneration": 2,
                               "conditions": [{"type": "Ready", "status": "True"}]}})");
  broken.plan.set("doing", "Repairing");
  const Value told = diagnose(broken);
  EXPECT_EQ(told["conditions"][0]["type"], Value("Ready"));
  EXPECT_EQ(told["conditions"][0]["reason"], Value("InstanceFailed"));
}

TEST(DatabaseDiagnosis, WhatRdsRefusedIsRemembered) {
  const Value told = diagnose(failure(R"({"modify": {"error": "no", "code": "InvalidParameterCombination"}})"));
  EXPECT_TRUE(told["status"]["refused"].is_string());
  EXPECT_FALSE(diagnose(failure(R"({"plan": {"error": "no", "code": "InvalidSpec"}})"))["status"]["refused"].truthy());
}

TEST(DatabaseDiagnosis, WithSecretOnlyItIsTheSecretThatFails) {
  Failure made = failure(R"({"password": {"error": "forbidden", "code": "permission_denied"}})");
  made.plan.set("credentials", json(R"({"mode": "SecretOnly"})"));
  EXPECT_EQ(diagnose(made)["reason"], Value("SecretDenied"));
}

TEST(DatabaseDiagnosis, AMomentOfThrottlingIsNotTold) {
  Failure throttled = failure(R"({"modify": {"error": "slow down", "code": "Throttling"}})");
  EXPECT_TRUE(diagnose(throttled)["conditions"].empty());
  EXPECT_TRUE(diagnose(throttled)["event"].is_null());
  throttled.attempt = 9;
  EXPECT_FALSE(diagnose(throttled)["conditions"].empty());
}

}  // namespace
}  // namespace squall::runners::database
