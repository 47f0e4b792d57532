#include "clients/aws/profiles.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "base/strings.hpp"

namespace squall::clients {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(AwsFile, ReadsSectionsNestedSettingsAndComments) {
  const auto sections = parse_aws_file(
      "# comment\r\n"
      "[default]\r\n"
      "Region = eu-west-1 ; a comment\r\n"
      "aws_secret_access_key=a#b;c=d\r\n"
      "\r\n"
      "[ profile x ]\n"
      "s3 =\n"
      "  max_concurrent_requests = 20\n"
      "\tother=1\n"
      "output = json\n"
      "[default]\n"
      "output = text\n",
      "f");
  ASSERT_TRUE(sections) << sections.error().to_string();
  EXPECT_EQ(sections->at("default"),
            (AwsProfile{{"region", "eu-west-1"}, {"aws_secret_access_key", "a#b;c=d"}, {"output", "text"}}));
  EXPECT_EQ(sections->at("profile x"),
            (AwsProfile{{"s3", ""}, {"s3.max_concurrent_requests", "20"}, {"s3.other", "1"}, {"output", "json"}}));
}

TEST(AwsFile, MistakesHaveAPlaceButAreNotQuoted) {
  for (const std::string& text : std::vector<std::string>{"[default\ncanary=1", "canary = 1\n[default]",
                                                          "[default]\ncanary", "[default]\n= canary"}) {
    const auto sections = parse_aws_file(text, "file");
    ASSERT_FALSE(sections) << text;
    EXPECT_EQ(sections.error().type(), "ProfileMalformed");
    EXPECT_THAT(sections.error().to_string(), HasSubstr("file:"));
    EXPECT_THAT(sections.error().to_string(), Not(HasSubstr("canary")));
  }
}

TEST(AwsProfiles, CredentialsFileWinsAndMissingFilesAreEmpty) {
  char folder[] = "/tmp/squall-aws-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string home = folder;
  const Environment environment = [&](const std::string& name) { return name == "HOME" ? home : std::string(); };
  const auto none = AwsProfiles::load(environment);
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->profiles.empty());
  std::filesystem::create_directory(home + "/.aws");
  ASSERT_TRUE(write_file_atomically(
      home + "/.aws/config",
      "[default]\nregion = us-east-1\naws_access_key_id = from-config\n[profile two]\nregion = r2\n"
      "[ignored]\nregion = r3\n[services local]\nrds =\n  endpoint_url = http://h\n"));
  ASSERT_TRUE(write_file_atomically(home + "/.aws/credentials", "[default]\naws_access_key_id = from-credentials\n"));
  const auto both = AwsProfiles::load(environment);
  ASSERT_TRUE(both);
  EXPECT_EQ(*both->find("default"), (AwsProfile{{"region", "us-east-1"}, {"aws_access_key_id", "from-credentials"}}));
  EXPECT_EQ(*both->find("two"), (AwsProfile{{"region", "r2"}}));
  EXPECT_EQ(both->find("ignored"), nullptr);
  EXPECT_EQ(both->services.at("local").at("rds.endpoint_url"), "http://h");
  std::filesystem::remove_all(home);
}

}  // namespace
}  // namespace squall::clients
