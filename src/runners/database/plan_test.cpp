#include "runners/database/plan.hpp"

#include <gmock/gmock.h>

#include "runners/database/names.hpp"
#include "value/json.hpp"

namespace squall::runners::database {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

Value json(std::string_view text) { return parse_json(text).value(); }

Value object(std::string_view spec, std::string_view status = "{}") {
  Value made = json(R"({"apiVersion": "squall.dev/v1alpha1", "kind": "Database",
      "metadata": {"namespace": "shop", "name": "orders", "uid": "u-1", "generation": 3}})");
  made.set("spec", json(spec));
  made.set("status", json(status));
  return made;
}
const Value kConfig = Value::dict({{"cluster", "prod"}, {"sizes", Value::dict({{"small", "db.t4g.small"}})}});

Value plan(const Value& made) {
  const auto planned = plan_database(made, kConfig);
  EXPECT_TRUE(planned) << (planned ? "" : planned.error().message());
  return planned ? *planned : Value();
}
std::string refusal(const Value& made) {
  const auto planned = plan_database(made, kConfig);
  EXPECT_FALSE(planned);
  return planned ? std::string() : planned.error().message();
}

TEST(DatabasePlan, NamesEverythingFromTheResource) {
  const Value made = plan(object(R"({"engine": "postgres"})"));
  EXPECT_THAT(made["identifier"].string(), MatchesRegex("shop-orders-[0-9a-f]{6}"));
  EXPECT_EQ(made["vault"]["path"], Value("databases/prod/shop/orders"));
  EXPECT_EQ(made["vault"]["mount"], Value("secret"));
  EXPECT_EQ(made["consul"]["prefix"], Value("databases/prod/shop/orders"));
  EXPECT_EQ(made["consul"]["service"], Value("orders-shop"));
  EXPECT_EQ(made["tags"]["squall.dev/uid"], Value("u-1"));
  EXPECT_EQ(made["generation"], Value(3));
  EXPECT_EQ(made["doing"], Value("Creating"));
  EXPECT_TRUE(made["secret"].is_null());
}

TEST(DatabasePlan, IdentifiersFitWhatRdsTakes) {
  EXPECT_THAT(make_identifier("Shop_1", "orders..db", "u"), MatchesRegex("shop-1-orders-db-[0-9a-f]{6}"));
  EXPECT_THAT(make_identifier("1st", "x", "u"), MatchesRegex("db-1st-x-[0-9a-f]{6}"));
  const std::string longest = make_identifier(std::string(60, 'a'), std::string(60, 'b'), "u");
  EXPECT_EQ(longest.size(), 63u);
  EXPECT_NE(make_identifier("a", "b", "u1"), make_identifier("a", "b", "u2"));
}

TEST(DatabasePlan, AnIdentifierNeverChangesOnceItIsOnRecord) {
  const Value made = plan(object(R"({"engine": "postgres", "adopt": {"identifier": "Elder", "policy": "Force"}})",
                                 R"({"identifier": "first"})"));
  EXPECT_EQ(made["identifier"], Value("first"));
  EXPECT_EQ(
      plan(object(R"({"engine": "postgres", "adopt": {"identifier": "Elder", "policy": "Force"}})"))["identifier"],
      Value("elder"));
}

TEST(DatabasePlan, TheAnnotationOutlivesAStatusThatWasLost) {
  Value made = object(R"({"engine": "postgres"})");
  made.mut_dict()["metadata"].set("annotations", json(R"({"squall.dev/identifier": "shop-orders-abc123"})"));
  EXPECT_EQ(plan(made)["identifier"], Value("shop-orders-abc123"));
}

TEST(DatabasePlan, LongNamesFitEverywhere) {
  Value made = object(R"({"engine": "postgres", "credentials": {"mode": "VaultStatic"}})");
  const std::string name = "a" + std::string(198, 'x') + ".1";
  made.mut_dict()["metadata"].set("name", name);
  const Value first = plan(made);
  EXPECT_LE(first["identifier"].string().size(), 63u);
  EXPECT_LE(first["database_name"].string().size(), 63u);
  EXPECT_THAT(first["database_name"].string(), MatchesRegex("[a-z0-9_]+"));
  EXPECT_LE(first["consul"]["service"].string().size(), 63u);
  EXPECT_THAT(first["consul"]["service"].string(), MatchesRegex("[a-z0-9-]+"));
  EXPECT_LE(first["logins"]["username"].string().size(), 32u);
  made.mut_dict()["metadata"].set("name", "a" + std::string(198, 'x') + ".2");
  const Value second = plan(made);
  EXPECT_NE(first["consul"]["service"], second["consul"]["service"]) << "two long names stay two";
  EXPECT_NE(first["logins"]["username"], second["logins"]["username"]);
}

TEST(DatabasePlan, WhoKeepsTheCredentials) {
  const Value kv = plan(object(R"({"engine": "postgres"})"));
  EXPECT_EQ(kv["keep"], kv["vault"]);
  EXPECT_TRUE(kv["logins"].is_null());
  const Value by_vault = plan(object(R"({"engine": "postgres", "credentials": {"mode": "VaultStatic",
      "rotation": {"every": "30d"}}})"));
  EXPECT_EQ(by_vault["keep"]["path"], Value("databases/prod/shop/orders/master"));
  EXPECT_EQ(by_vault["vault"]["path"], Value("databases/prod/shop/orders"));
  EXPECT_EQ(by_vault["logins"]["period"], Value("2592000s"));
  EXPECT_EQ(by_vault["logins"]["username"], Value("orders_app"));
  EXPECT_EQ(by_vault["logins"]["path"], Value("database/static-creds/" + by_vault["identifier"].string() + "-app"));
  EXPECT_EQ(by_vault["credentials"]["rotate_every"], Value(0)) << "Vault keeps the calendar";
  const Value dynamic = plan(object(R"({"engine": "mysql", "credentials": {"mode": "VaultDynamic", "ttl": "2h"}})"));
  EXPECT_EQ(dynamic["logins"]["ttl"], Value("7200s"));
  EXPECT_EQ(dynamic["logins"]["max_ttl"], Value("86400s"));
  const Value secret = plan(object(R"({"engine": "postgres", "credentials": {"mode": "SecretOnly"}})"));
  EXPECT_TRUE(secret["keep"].is_null());
  EXPECT_EQ(secret["secret"]["name"], Value("orders-db"));
  EXPECT_EQ(secret["secret"]["password"], Value(true));
}

TEST(DatabasePlan, ModesThatDoNotGoTogetherAreRefused) {
  EXPECT_THAT(refusal(object(
                  R"({"engine": "postgres", "credentials": {"mode": "VaultDynamic", "ttl": "2h", "maxTTL": "1h"}})")),
              HasSubstr("spec.credentials.maxTTL: is shorter"));
  EXPECT_THAT(refusal(object(R"({"engine": "postgres", "credentials": {"mode": "VaultStatic",
      "passwordFrom": {"secretKeyRef": {"name": "x"}}}})")),
              HasSubstr("Vault makes the passwords"));
  EXPECT_THAT(refusal(object(R"({"engine": "postgres", "credentials": {"mode": "VaultStatic"},
      "publish": {"secret": {"name": "x", "includePassword": true}}})")),
              HasSubstr("a dead one"));
}

TEST(DatabasePlan, RawParametersDoNotSayWhatSquallSays) {
  EXPECT_THAT(refusal(object(R"({"engine": "postgres", "parameters": {"Tags": []}})")),
              HasSubstr("spec.parameters.Tags: see spec.tags"));
  EXPECT_THAT(refusal(object(R"({"engine": "postgres", "parameters": {"MasterUserPassword": "x"}})")),
              HasSubstr("credentials.passwordFrom"));
}

TEST(DatabasePlan, NoConsulIsAskedThatNobodyWants) {
  const char* off = R"({"engine": "postgres", "publish": {"consul": {"kv": false, "service": false}}})";
  EXPECT_EQ(plan(object(off))["consul"]["asked"], Value(false));
  EXPECT_EQ(plan(object(off, R"({"consul": {"kvPrefix": "p"}})"))["consul"]["asked"], Value(true)) << "to clean up";
  EXPECT_EQ(plan(object(R"({"engine": "postgres"})"))["consul"]["asked"], Value(true));
}

TEST(DatabasePlan, ProvidersAndWhereItComesFrom) {
  Value made = object(R"({"engine": "postgres", "providerRef": {"name": "west"}, "restoreFrom": {"snapshot": "s-1"}})");
  EXPECT_THAT(refusal(made), HasSubstr("'west' is not one of the providers of this platform (none are set)"));
  Value config = kConfig;
  config.set("providers", json(R"({"west": {"region": "us-west-2"}})"));
  const Value planned = plan_database(made, config).value();
  EXPECT_EQ(planned["provider"], Value("west"));
  EXPECT_EQ(planned["restore"], json(R"({"snapshot": "s-1"})"));
}

TEST(DatabasePlan, AnotherClassIsAnotherWish) {
  const Value made = plan(object(R"({"engine": "postgres"})"));
  Value config = kConfig;
  EXPECT_EQ(wish_of(made), wish_of(plan(object(R"({"engine": "postgres"})"))));
  config.set("sizes", json(R"({"small": "db.t4g.micro"})"));
  EXPECT_NE(wish_of(made), wish_of(plan_database(object(R"({"engine": "postgres"})"), config).value()));
}

TEST(DatabasePlan, OwnsOnlyWhatTheSpecSays) {
  const Value made = plan(object(R"({"engine": "postgres", "storage": {"sizeGiB": 50, "type": "gp3"},
      "backup": {"retentionDays": 3}, "parameters": {"AutoMinorVersionUpgrade": false}})"));
  EXPECT_EQ(made["owned"], json(R"({"DBInstanceClass": "db.t4g.small", "AllocatedStorage": 50, "StorageType": "gp3",
      "BackupRetentionPeriod": 3, "AutoMinorVersionUpgrade": false})"));
}

TEST(DatabasePlan, ASnapshotIsNamedOncePerDeletionAndTakenOnlyOfWhatWasAvailable) {
  Value deleting = object(R"({"engine": "postgres"})",
                          R"({"identifier": "x", "conditions": [{"type": "Provisioned", "status": "True"}]})");
  deleting.mut_dict()["metadata"].set("deletionTimestamp", "2026-01-31T12:00:00Z");
  EXPECT_EQ(plan(deleting)["deletion"]["final_snapshot"], Value("x-final-1769860800"));
  EXPECT_EQ(plan(deleting)["deletion"]["skip_final_snapshot"], Value(false));
  deleting.set("status", json(R"({"identifier": "x"})"));
  EXPECT_EQ(plan(deleting)["deletion"]["skip_final_snapshot"], Value(true));
}

TEST(DatabasePlan, SaysWhichFieldIsWrong) {
  EXPECT_THAT(refusal(object(R"({"engine": "oracle"})")), HasSubstr("spec.engine: 'oracle' is not one of"));
  EXPECT_THAT(refusal(object(R"({"engine": "postgres", "size": "huge"})")),
              HasSubstr("spec.size: 'huge' is not one of the sizes of this platform (small)"));
  EXPECT_THAT(refusal(object(R"({"engine": "postgres", "timeouts": {"create": "soon"}})")),
              HasSubstr("spec.timeouts.create: 'soon' is not a duration"));
  EXPECT_THAT(refusal(object(R"({"engine": "postgres", "credentials": {"rotation": {"every": "0h"}}})")),
              HasSubstr("spec.credentials.rotation.every"));
}

TEST(DatabaseNames, Durations) {
  EXPECT_EQ(seconds_of("90s", 0, "p").value(), 90);
  EXPECT_EQ(seconds_of("5m", 0, "p").value(), 300);
  EXPECT_EQ(seconds_of("2h", 0, "p").value(), 7200);
  EXPECT_EQ(seconds_of("30d", 0, "p").value(), 2592000);
  EXPECT_EQ(seconds_of(Value(), 7, "p").value(), 7);
  EXPECT_FALSE(seconds_of("99999999999999d", 0, "p"));
  EXPECT_FALSE(seconds_of("", 0, "p"));
}

TEST(DatabaseNames, ADatabaseIsNotCalledWhatAnEngineKeepsForItself) {
  EXPECT_EQ(database_name(Value::empty_dict(), "shop-orders"), "shop_orders");
  EXPECT_EQ(database_name(Value::empty_dict(), "postgres"), "db_postgres");
  EXPECT_EQ(database_name(Value::empty_dict(), "1st"), "db_1st");
  EXPECT_EQ(database_name(json(R"({"databaseName": "Given"})"), "x"), "Given");
}

TEST(DatabaseNames, ASaltMakesAnotherFingerprint) {
  EXPECT_NE(fingerprint("u", "p"), fingerprint("u", "p", "s"));
  EXPECT_NE(fingerprint("u", "p", "t"), fingerprint("u", "p", "s"));
}

TEST(DatabaseNames, AFingerprintTellsPasswordsApartAndHoldsNone) {
  const std::string one = fingerprint("u", "aaaaaaaaaaaaaaaaaaaaaaaaaaa");
  EXPECT_EQ(one.size(), 16u);
  EXPECT_NE(one, fingerprint("u", "aaaaaaaaaaaaaaaaaaaaaaaaaab"));
  EXPECT_NE(one, fingerprint("v", "aaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

}  // namespace
}  // namespace squall::runners::database
