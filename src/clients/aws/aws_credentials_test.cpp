#include "clients/aws/aws_credentials.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "crypto/hash.hpp"
#include "net/test_server.hpp"
#include "value/json.hpp"

namespace squall::clients {
namespace {

using namespace std::chrono_literals;
using net::ServerRequest;
using net::ServerResponse;
using ::testing::HasSubstr;

// Plays STS, the container's agent and the instance's metadata service.
class AwsCredentialsTest : public ::testing::Test {
 protected:
  AwsCredentialsTest() {
    char folder[] = "/tmp/squall-aws-XXXXXX";
    home_ = mkdtemp(folder);
    std::filesystem::create_directory(home_ + "/.aws");
    variables_ = {{"HOME", home_},
                  {"AWS_REGION", "eu-west-1"},
                  {"AWS_EC2_METADATA_DISABLED", "true"},
                  {"AWS_ENDPOINT_URL_STS", server_.url("/sts")}};
  }
  ~AwsCredentialsTest() override { std::filesystem::remove_all(home_); }
  void write(const std::string& name, std::string_view text) {
    ASSERT_TRUE(write_file_atomically(home_ + "/" + name, text));
  }
  std::string variable(const std::string& name) const {
    const auto found = variables_.find(name);
    return found == variables_.end() ? std::string() : found->second;
  }
  Result<AwsCredentials> get(const Value& config = {}) {
    const Environment environment = [this](const std::string& name) { return variable(name); };
    auto settings = AwsSettings::read(config, "", environment);
    if (!settings) return fail(settings.error());
    return chain_.get(*settings, environment, {});
  }
  std::string expiry() const { return format_timestamp(clock_.now() + 1h); }
  std::string agent_answer() const {
    return to_json(Value::dict({{"AccessKeyId", "agent"},
                                {"SecretAccessKey", "agent-secret"},
                                {"Token", "agent-token"},
                                {"Expiration", expiry()}}));
  }

  ServerResponse answer(const ServerRequest& request) {
    requests_.push_back(request);
    if (request.path == "/sts/" || request.path == "/sts") {
      const bool web = request.body.find("Action=AssumeRoleWithWebIdentity") != std::string::npos;
      const std::string name = web ? "AssumeRoleWithWebIdentity" : "AssumeRole";
      return {.content_type = "text/xml",
              .body = "<" + name + "Response><" + name + "Result><Credentials><AccessKeyId>" + name +
                      "</AccessKeyId><SecretAccessKey>sts-secret</SecretAccessKey><SessionToken>sts-token</"
                      "SessionToken><Expiration>" +
                      expiry() + "</Expiration></Credentials></" + name + "Result></" + name + "Response>"};
    }
    if (request.path == "/sso/federation/credentials") {
      const auto ends = std::chrono::duration_cast<std::chrono::milliseconds>((clock_.now() + 1h).time_since_epoch());
      return {.body = to_json(Value::dict({{"roleCredentials", Value::dict({{"accessKeyId", "sso-key"},
                                                                            {"secretAccessKey", "sso-secret"},
                                                                            {"sessionToken", "sso-session"},
                                                                            {"expiration", ends.count()}})}}))};
    }
    if (request.path == "/latest/meta-data/placement/region")
      return {.content_type = "text/plain", .body = "ap-south-1"};
    if (request.path == "/agent") {
      if (request.headers.get("Authorization") != "agent-auth") return {.status = 401};
      return {.body = agent_answer()};
    }
    if (request.path == "/latest/api/token") return {.content_type = "text/plain", .body = "imds-token"};
    if (request.headers.get("X-aws-ec2-metadata-token") != "imds-token") return {.status = 401};
    if (request.path == "/latest/meta-data/iam/security-credentials/")
      return {.content_type = "text/plain", .body = "my-role\n"};
    if (request.path == "/latest/meta-data/iam/security-credentials/my-role") return {.body = agent_answer()};
    return {.status = 404};
  }

  std::vector<ServerRequest> requests_;
  ManualClock clock_{parse_timestamp("2026-11-22T12:00:00Z").value()};
  net::testing::TestServer server_{[this](const ServerRequest& request) { return answer(request); }};
  std::string home_;
  std::map<std::string, std::string> variables_;
  net::HttpClient http_;
  AwsCredentialChain chain_{http_, clock_, Random::system()};
};

TEST_F(AwsCredentialsTest, NothingAnywhereSaysWhereItLooked) {
  const auto none = get();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().type(), "NoCredentials");
  EXPECT_THAT(none.error().message(), HasSubstr("AWS_ACCESS_KEY_ID"));
}

TEST_F(AwsCredentialsTest, StaticSourcesInTheirOrder) {
  write(".aws/credentials",
        "[default]\naws_access_key_id = file\naws_secret_access_key = file-secret\n[two]\naws_access_key_id = two\n"
        "aws_secret_access_key = two-secret\naws_session_token = two-token\n");
  EXPECT_EQ(get()->keys.access_key, "file");
  variables_["AWS_PROFILE"] = "two";
  EXPECT_EQ(get()->keys.session_token, "two-token");
  variables_["AWS_ACCESS_KEY_ID"] = "env";
  EXPECT_EQ(get().error().type(), "PartialCredentials");
  variables_["AWS_SECRET_ACCESS_KEY"] = "env-secret";
  EXPECT_EQ(get()->keys.access_key, "env");
  EXPECT_EQ(get(Value::dict({{"profile", "two"}}))->keys.access_key, "two")
      << "a profile named in the config beats the environment";
  EXPECT_EQ(get(Value::dict({{"access_key_id", "pack"}, {"secret_access_key", "pack-secret"}}))->keys.access_key,
            "pack");
  EXPECT_EQ(mask_secrets("env-secret two-secret two-token"), "******** ******** ********");
  EXPECT_TRUE(requests_.empty());
}

TEST_F(AwsCredentialsTest, HalfAProfileAndUnsupportedOnesAreNamed) {
  write(".aws/credentials", "[default]\naws_access_key_id = file\n");
  EXPECT_EQ(get().error().type(), "PartialCredentials");
  write(".aws/credentials", "[default]\ncredential_process = /bin/x\n");
  EXPECT_EQ(get().error().type(), "UnsupportedProfile");
  EXPECT_THAT(get().error().message(), HasSubstr("credential_process"));
  write(".aws/credentials", "[default]\nsso_session = x\n");
  EXPECT_EQ(get().error().type(), "InvalidProfile");
  write(".aws/credentials", "[default]\nrole_arn = arn:r\nmfa_serial = arn:m\nsource_profile = b\n");
  EXPECT_EQ(get().error().type(), "UnsupportedProfile");
}

TEST_F(AwsCredentialsTest, SingleSignOnTakesTheLoginOfAwssOwnTool) {
  variables_["AWS_ENDPOINT_URL_SSO"] = server_.url("/sso");
  write(".aws/config",
        "[default]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n"
        "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start\n");
  EXPECT_EQ(get().error().type(), "SsoLoginNeeded");
  EXPECT_THAT(get().error().message(), HasSubstr("aws sso login --profile default"));
  std::filesystem::create_directories(home_ + "/.aws/sso/cache");
  const std::string file = ".aws/sso/cache/" + crypto::sha1_hex("corp") + ".json";
  write(file, R"({"accessToken": "sso-bearer", "expiresAt": "2026-11-22T11:00:00Z"})");
  EXPECT_THAT(get().error().message(), HasSubstr("its login has ended"));
  write(file, R"({"accessToken": "sso-bearer", "expiresAt": "2026-11-22T20:00:00Z"})");
  const auto found = get();
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->keys.access_key, "sso-key");
  EXPECT_EQ(found->expires, clock_.now() + 1h);
  const net::QueryParameters expected = {{"role_name", "dev"}, {"account_id", "123456789012"}};
  EXPECT_EQ(requests_.back().query, expected);
  EXPECT_EQ(requests_.back().headers.get("x-amz-sso_bearer_token"), "sso-bearer");
}

TEST_F(AwsCredentialsTest, AProgramMayPrintThem) {
  write(".aws/config", "[default]\ncredential_process = /bin/get --as 'the team'\n");
  std::vector<std::vector<std::string>> commands;
  AwsCredentialChain chain(http_, clock_, Random::system(),
                           [&](const std::vector<std::string>& command, const StopToken&) -> Result<std::string> {
                             commands.push_back(command);
                             return R"({"Version": 1, "AccessKeyId": "printed", "SecretAccessKey": "printed-secret",
                                       "Expiration": ")" +
                                    expiry() + "\"}";
                           });
  const Environment environment = [this](const std::string& name) { return variable(name); };
  const auto settings = AwsSettings::read({}, "", environment);
  for (int i = 0; i < 2; ++i) {
    const auto found = chain.get(*settings, environment, {});
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(found->keys.access_key, "printed");
  }
  ASSERT_EQ(commands.size(), 1u) << "kept while they are good";
  EXPECT_EQ(commands[0], (std::vector<std::string>{"/bin/get", "--as", "the team"}));
}

TEST_F(AwsCredentialsTest, RolesMayStandOnRolesButNotInACircle) {
  write(".aws/config",
        "[profile base]\naws_access_key_id = base\naws_secret_access_key = base-secret\n"
        "[profile middle]\nrole_arn = arn:middle\nsource_profile = base\n"
        "[profile top]\nrole_arn = arn:top\nsource_profile = middle\nduration_seconds = 900\n"
        "[profile self]\nrole_arn = arn:self\nsource_profile = self\naws_access_key_id = own\n"
        "aws_secret_access_key = own-secret\n"
        "[profile a]\nrole_arn = arn:a\nsource_profile = b\n[profile b]\nrole_arn = arn:b\nsource_profile = a\n");
  ASSERT_TRUE(get(Value::dict({{"profile", "top"}})));
  ASSERT_EQ(requests_.size(), 2u);
  EXPECT_THAT(requests_[0].body, HasSubstr("RoleArn=arn%3Amiddle"));
  EXPECT_THAT(requests_[1].body, HasSubstr("DurationSeconds=900"));
  EXPECT_THAT(std::string(requests_[1].headers.get("Authorization")), HasSubstr("Credential=AssumeRole/"));
  ASSERT_TRUE(get(Value::dict({{"profile", "self"}})));
  EXPECT_THAT(std::string(requests_[2].headers.get("Authorization")), HasSubstr("Credential=own/"));
  EXPECT_EQ(get(Value::dict({{"profile", "a"}})).error().type(), "InvalidProfile");
}

TEST_F(AwsCredentialsTest, InstanceIsAskedOnlyForWhatHasAged) {
  variables_.erase("AWS_EC2_METADATA_DISABLED");
  variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server_.url("/");
  ASSERT_TRUE(get());
  const size_t first = requests_.size();
  EXPECT_EQ(first, 3u);
  ASSERT_TRUE(get());
  EXPECT_EQ(requests_.size(), first);
  EXPECT_EQ(chain_.region_of_instance([this](const std::string& name) { return variable(name); }, {}), "ap-south-1");
}

TEST_F(AwsCredentialsTest, WebIdentityIsUnsignedKeptAndRenewed) {
  write("token", "the-web-token-1\n");
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = home_ + "/token";
  variables_["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/x";
  const auto first = get();
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(first->keys.access_key, "AssumeRoleWithWebIdentity");
  EXPECT_EQ(first->keys.session_token, "sts-token");
  EXPECT_FALSE(requests_.at(0).headers.has("Authorization"));
  EXPECT_THAT(requests_[0].body, HasSubstr("WebIdentityToken=the-web-token-1"));
  EXPECT_THAT(requests_[0].body, HasSubstr("Version=2011-06-15"));
  ASSERT_TRUE(get());
  EXPECT_EQ(requests_.size(), 1u) << "kept while they are good";
  write("token", "the-web-token-2");
  clock_.advance(51min);
  ASSERT_TRUE(get());
  ASSERT_EQ(requests_.size(), 2u);
  EXPECT_THAT(requests_[1].body, HasSubstr("WebIdentityToken=the-web-token-2"));
  EXPECT_EQ(mask_secrets("sts-secret the-web-token-2"), "******** ********");
}

TEST_F(AwsCredentialsTest, ProfileMayAssumeARole) {
  write(".aws/config",
        "[profile base]\naws_access_key_id = base\naws_secret_access_key = base-secret\n"
        "[profile role]\nrole_arn = arn:r\nsource_profile = base\nexternal_id = ext\n"
        "[profile lost]\nrole_arn = arn:r\nsource_profile = nobody\n");
  const auto role = get(Value::dict({{"profile", "role"}}));
  ASSERT_TRUE(role) << role.error().message();
  EXPECT_EQ(role->keys.access_key, "AssumeRole");
  EXPECT_THAT(std::string(requests_.at(0).headers.get("Authorization")),
              HasSubstr("Credential=base/20261122/eu-west-1/sts/aws4_request"));
  EXPECT_THAT(requests_[0].body, HasSubstr("ExternalId=ext"));
  EXPECT_EQ(get(Value::dict({{"profile", "lost"}})).error().type(), "NoCredentials");
}

TEST_F(AwsCredentialsTest, ContainerAgent) {
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server_.url("/agent");
  EXPECT_EQ(get().error().http_status(), 401);
  write("agent-token-file", "agent-auth\n");
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = home_ + "/agent-token-file";
  const auto found = get();
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->keys.access_key, "agent");
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://evil.example/agent";
  EXPECT_THAT(get().error().message(), HasSubstr("must be https"));
}

TEST_F(AwsCredentialsTest, InstanceMetadata) {
  variables_.erase("AWS_EC2_METADATA_DISABLED");
  variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server_.url("/");
  const auto found = get();
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->keys.session_token, "agent-token");
  variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1";
  EXPECT_EQ(get().error().type(), "NoCredentials");
}

}  // namespace
}  // namespace squall::clients
