#include "clients/aws/rds_shapes.hpp"

#include <gtest/gtest.h>

#include "value/json.hpp"

namespace squall::clients {
namespace {

Value json(std::string_view text) { return parse_json(text).value(); }

// Names as botocore's serializer writes them for the same parameters.
TEST(RdsForm, FlattensAsTheQueryProtocolWants) {
  const FormParameters form = rds_form(json(R"({
    "DBInstanceIdentifier": "db-1", "AllocatedStorage": 20, "MultiAZ": true, "StorageEncrypted": false,
    "DBName": null, "DBSecurityGroups": [], "PendingModifiedValues": {},
    "Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": ""}],
    "VpcSecurityGroupIds": ["sg-1", "sg-2"],
    "EnableCloudwatchLogsExports": ["error"],
    "ProcessorFeatures": [{"Name": "coreCount", "Value": "4"}],
    "Filters": [{"Name": "engine", "Values": ["postgres", "mysql"]}],
    "CloudwatchLogsExportConfiguration": {"EnableLogTypes": ["x"], "DisableLogTypes": ["y"]}})"));
  const FormParameters expected = {{"DBInstanceIdentifier", "db-1"},
                                   {"AllocatedStorage", "20"},
                                   {"MultiAZ", "true"},
                                   {"StorageEncrypted", "false"},
                                   {"Tags.Tag.1.Key", "a"},
                                   {"Tags.Tag.1.Value", "b"},
                                   {"Tags.Tag.2.Key", "c"},
                                   {"Tags.Tag.2.Value", ""},
                                   {"VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-1"},
                                   {"VpcSecurityGroupIds.VpcSecurityGroupId.2", "sg-2"},
                                   {"EnableCloudwatchLogsExports.member.1", "error"},
                                   {"ProcessorFeatures.ProcessorFeature.1.Name", "coreCount"},
                                   {"ProcessorFeatures.ProcessorFeature.1.Value", "4"},
                                   {"Filters.Filter.1.Name", "engine"},
                                   {"Filters.Filter.1.Values.Value.1", "postgres"},
                                   {"Filters.Filter.1.Values.Value.2", "mysql"},
                                   {"CloudwatchLogsExportConfiguration.EnableLogTypes.member.1", "x"},
                                   {"CloudwatchLogsExportConfiguration.DisableLogTypes.member.1", "y"}};
  EXPECT_EQ(form, expected);
}

TEST(RdsValue, HasTheTypesOfTheModel) {
  const auto element = parse_xml(R"(<DescribeDBInstancesResult><DBInstances><DBInstance>
    <DBInstanceIdentifier>0123</DBInstanceIdentifier><AllocatedStorage>20</AllocatedStorage><MultiAZ>false</MultiAZ>
    <Endpoint><Address>h</Address><Port>5432</Port></Endpoint><PendingModifiedValues/><TagList/>
    <VpcSecurityGroups><VpcSecurityGroupMembership><Status>active</Status></VpcSecurityGroupMembership></VpcSecurityGroups>
    <EnabledCloudwatchLogsExports><member>a</member></EnabledCloudwatchLogsExports>
    <Iops></Iops><EngineVersion>16</EngineVersion></DBInstance></DBInstances><Marker>m</Marker></DescribeDBInstancesResult>)");
  ASSERT_TRUE(element) << element.error().message();
  EXPECT_EQ(rds_value(*element), json(R"({"DBInstances": [{
    "DBInstanceIdentifier": "0123", "AllocatedStorage": 20, "MultiAZ": false, "Endpoint": {"Address": "h", "Port": 5432},
    "PendingModifiedValues": {}, "TagList": [], "VpcSecurityGroups": [{"Status": "active"}],
    "EnabledCloudwatchLogsExports": ["a"], "Iops": "", "EngineVersion": "16"}], "Marker": "m"})"));
}

}  // namespace
}  // namespace squall::clients
