#include "runners/database/rds_fields.hpp"

#include <gmock/gmock.h>

#include "value/json.hpp"

namespace squall::runners::database {
namespace {

Value json(std::string_view text) { return parse_json(text).value(); }

const Value kRecord = json(R"({"Engine": "postgres", "DBInstanceClass": "db.t4g.small", "EngineVersion": "16.8",
    "AllocatedStorage": 20, "StorageType": "gp3", "MultiAZ": false, "BackupRetentionPeriod": 7,
    "PreferredMaintenanceWindow": "sun:04:00-sun:05:00", "StorageEncrypted": true, "DeletionProtection": false,
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-2", "Status": "active"}, {"VpcSecurityGroupId": "sg-1"}],
    "DBParameterGroups": [{"DBParameterGroupName": "default.postgres16"}]})");

Value changes(std::string_view owned, const Value& record = kRecord) {
  return rds_changes(json(owned), record).parameters;
}

TEST(RdsChanges, OnlyWhatDiffersIsSent) {
  EXPECT_EQ(changes(R"({"DBInstanceClass": "db.t4g.small", "AllocatedStorage": 20, "MultiAZ": false})"), json("{}"));
  EXPECT_EQ(changes(R"({"DBInstanceClass": "db.m7g.large", "AllocatedStorage": 50, "BackupRetentionPeriod": 7})"),
            json(R"({"DBInstanceClass": "db.m7g.large", "AllocatedStorage": 50})"));
  const RdsChanges told = rds_changes(json(R"({"AllocatedStorage": 50})"), kRecord);
  EXPECT_EQ(told.fields, json(R"([{"field": "AllocatedStorage", "want": 50, "have": 20}])"));
}

TEST(RdsChanges, StorageOnlyGrows) {
  EXPECT_EQ(changes(R"({"AllocatedStorage": 10})"), json("{}"));
  EXPECT_EQ(changes(R"({"AllocatedStorage": 21})"), json(R"({"AllocatedStorage": 21})"));
}

TEST(RdsChanges, VersionsMatchByPrefixAndNeverGoDown) {
  EXPECT_EQ(changes(R"({"EngineVersion": "16"})"), json("{}"));
  EXPECT_EQ(changes(R"({"EngineVersion": "16.4"})"), json("{}"));
  EXPECT_EQ(changes(R"({"EngineVersion": "15"})"), json("{}"));
  EXPECT_EQ(changes(R"({"EngineVersion": "16.10"})"), json(R"({"EngineVersion": "16.10"})"));
  EXPECT_EQ(changes(R"({"EngineVersion": "17"})"),
            json(R"({"EngineVersion": "17", "AllowMajorVersionUpgrade": true})"));
  const Value mysql = json(R"({"Engine": "mysql", "EngineVersion": "8.0.41"})");
  EXPECT_EQ(changes(R"({"EngineVersion": "8.4"})", mysql),
            json(R"({"EngineVersion": "8.4", "AllowMajorVersionUpgrade": true})"));
  EXPECT_EQ(changes(R"({"EngineVersion": "8.0.42"})", mysql), json(R"({"EngineVersion": "8.0.42"})"));
}

TEST(RdsChanges, WhatIsPendingCountsAsWhatThereIs) {
  Value record = kRecord;
  record.set("PendingModifiedValues", json(R"({"AllocatedStorage": 50})"));
  EXPECT_EQ(changes(R"({"AllocatedStorage": 50})", record), json("{}"));
  EXPECT_EQ(changes(R"({"AllocatedStorage": 60})", record), json(R"({"AllocatedStorage": 60})"));
  EXPECT_TRUE(has_pending(json(R"({"AllocatedStorage": 50})"), record));
  EXPECT_FALSE(has_pending(json(R"({"MultiAZ": true})"), record));
}

TEST(RdsChanges, GroupsAndNamesAreFoundWhereTheRecordShowsThem) {
  EXPECT_EQ(changes(R"({"VpcSecurityGroupIds": ["sg-1", "sg-2"]})"), json("{}"));
  EXPECT_EQ(changes(R"({"VpcSecurityGroupIds": ["sg-3"]})"), json(R"({"VpcSecurityGroupIds": ["sg-3"]})"));
  EXPECT_EQ(changes(R"({"DBParameterGroupName": "default.postgres16"})"), json("{}"));
  EXPECT_EQ(changes(R"({"DBParameterGroupName": "mine"})"), json(R"({"DBParameterGroupName": "mine"})"));
  EXPECT_EQ(changes(R"({"PreferredMaintenanceWindow": "Sun:04:00-Sun:05:00"})"), json("{}"));
}

TEST(RdsChanges, WhatCannotBeChangedIsToldAndNotSent) {
  const RdsChanges told = rds_changes(json(R"({"StorageEncrypted": false, "Unknown": 1})"), kRecord);
  EXPECT_TRUE(told.parameters.empty());
  EXPECT_EQ(told.unchangeable, json(R"([{"field": "StorageEncrypted", "want": false, "have": true}])"));
}

TEST(RdsChanges, Tags) {
  const Value tags = tags_of_record(json(R"({"TagList": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]})"));
  EXPECT_EQ(missing_tags(json(R"({"a": "1", "b": "3", "c": "4"})"), tags), json(R"({"b": "3", "c": "4"})"));
}

}  // namespace
}  // namespace squall::runners::database
