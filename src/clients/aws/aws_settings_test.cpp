#include "clients/aws/aws_settings.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "base/log.hpp"
#include "base/strings.hpp"

namespace squall::clients {
namespace {

class AwsSettingsTest : public ::testing::Test {
 protected:
  AwsSettingsTest() {
    char folder[] = "/tmp/squall-aws-XXXXXX";
    home_ = mkdtemp(folder);
    variables_["HOME"] = home_;
    std::filesystem::create_directory(home_ + "/.aws");
  }
  ~AwsSettingsTest() override { std::filesystem::remove_all(home_); }
  void write_config(std::string_view text) { ASSERT_TRUE(write_file_atomically(home_ + "/.aws/config", text)); }
  Result<AwsSettings> read(const Value& config = {}, std::string_view region = {}) {
    return AwsSettings::read(config, region, [this](const std::string& name) {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::string() : found->second;
    });
  }
  std::string home_;
  std::map<std::string, std::string> variables_;
};

TEST_F(AwsSettingsTest, RegionComesFromTheNearestPlace) {
  const auto none = read();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().type(), "NoRegion");
  write_config("[default]\nregion = from-profile\n");
  EXPECT_EQ(read()->region, "from-profile");
  variables_["AWS_DEFAULT_REGION"] = "from-default-variable";
  EXPECT_EQ(read()->region, "from-default-variable");
  variables_["AWS_REGION"] = "from-variable";
  EXPECT_EQ(read()->region, "from-variable");
  const Value config = Value::dict({{"region", "from-pack"}});
  EXPECT_EQ(read(config)->region, "from-pack");
  EXPECT_EQ(read(config, "from-call")->region, "from-call");
  EXPECT_EQ(read(config, "eu-west-1")->endpoint_url, "https://rds.eu-west-1.amazonaws.com");
  EXPECT_EQ(read(config, "cn-north-1")->endpoint_url, "https://rds.cn-north-1.amazonaws.com.cn");
}

TEST_F(AwsSettingsTest, EndpointOverridesHaveAnOrder) {
  variables_["AWS_REGION"] = "r";
  write_config("[default]\nendpoint_url = http://profile\n");
  EXPECT_EQ(read()->endpoint_url, "http://profile");
  write_config(
      "[default]\nendpoint_url = http://profile\nservices = local\n[services local]\nrds =\n  endpoint_url = "
      "http://services\n");
  EXPECT_EQ(read()->endpoint_url, "http://services");
  variables_["AWS_ENDPOINT_URL"] = "http://all";
  EXPECT_EQ(read()->endpoint_url, "http://all");
  variables_["AWS_ENDPOINT_URL_RDS"] = "http://rds";
  EXPECT_EQ(read()->endpoint_url, "http://rds");
  EXPECT_EQ(read(Value::dict({{"endpoint_url", "http://pack"}}))->endpoint_url, "http://pack");
  variables_["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_EQ(read()->endpoint_url, "https://rds.r.amazonaws.com");
  EXPECT_EQ(read(Value::dict({{"endpoint_url", "http://pack"}}))->endpoint_url, "http://pack");
}

TEST_F(AwsSettingsTest, ProfilesMustExistWhenNamed) {
  variables_["AWS_REGION"] = "r";
  EXPECT_EQ(read()->profile, "default");
  variables_["AWS_PROFILE"] = "missing";
  const auto missing = read();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().type(), "ProfileNotFound");
  write_config("[profile missing]\nregion = x\n[profile other]\nregion = y\n");
  EXPECT_EQ(read()->profile, "missing");
  EXPECT_FALSE(read()->profile_is_explicit);
  const auto explicitly = read(Value::dict({{"profile", "other"}}));
  EXPECT_EQ(explicitly->profile, "other");
  EXPECT_TRUE(explicitly->profile_is_explicit);
}

TEST_F(AwsSettingsTest, KeysOfThePackAreAPairAndMasked) {
  variables_["AWS_REGION"] = "r";
  EXPECT_EQ(read(Value::dict({{"access_key_id", "AK"}})).error().type(), "PartialCredentials");
  ASSERT_TRUE(read(Value::dict({{"access_key_id", "AK"}, {"secret_access_key", "canary-of-the-pack"}})));
  EXPECT_EQ(mask_secrets("x canary-of-the-pack y"), "x ******** y");
}

}  // namespace
}  // namespace squall::clients
