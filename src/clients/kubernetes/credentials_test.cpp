#include "clients/kubernetes/credentials.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/strings.hpp"
#include "value/json.hpp"

namespace squall::kubernetes {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kVersion = "client.authentication.k8s.io/v1";

std::string exec_answer(const std::string& status) {
  return std::string(R"({"apiVersion":")") + kVersion + R"(","kind":"ExecCredential","status":)" + status + "}";
}

class CredentialsTest : public ::testing::Test {
 protected:
  std::shared_ptr<Credentials> make() {
    return std::make_shared<Credentials>(
        configuration_,
        [this](const ExecPlugin&, std::function<void(Result<std::string>)> done) {
          ++runs_;
          if (hold_) {
            held_.push_back(std::move(done));
          } else {
            done(output_);
          }
        },
        clock_);
  }
  static Result<Authorization> get(const std::shared_ptr<Credentials>& credentials) {
    Result<Authorization> answer = fail(ErrorCode::kInternal, "not called");
    credentials->get([&](Result<Authorization> got) { answer = std::move(got); });
    return answer;
  }
  void use_plugin() {
    configuration_.exec.emplace();
    configuration_.exec->command = "login";
    configuration_.exec->api_version = kVersion;
  }

  ManualClock clock_{*parse_timestamp("2026-11-22T10:00:00Z")};
  Configuration configuration_;
  Result<std::string> output_ = exec_answer(R"({"token":"t1"})");
  std::vector<std::function<void(Result<std::string>)>> held_;
  bool hold_ = false;
  int runs_ = 0;
};

TEST_F(CredentialsTest, StaticOnesNeverChange) {
  configuration_.token = "fixed";
  const auto credentials = make();
  const auto first = get(credentials);
  EXPECT_EQ(first->token, "fixed");
  credentials->reject(first->generation);
  EXPECT_EQ(get(credentials)->generation, first->generation);
}

TEST_F(CredentialsTest, GoIntoTheRequest) {
  net::HttpRequest request;
  Authorization{1, "tok", "me", "pw", "cert", "key"}.apply_to(request);
  EXPECT_EQ(request.headers.get("Authorization"), "Bearer tok");
  EXPECT_EQ(request.username, "me");
  EXPECT_EQ(request.password, "pw");
  EXPECT_EQ(request.tls.certificate_pem, "cert");
  EXPECT_EQ(request.tls.key_pem, "key");
}

class TokenFile : public CredentialsTest {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/squall-token-XXXXXX";
    directory_ = mkdtemp(pattern);
    configuration_.token_file = directory_ + "/token";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& token) { ASSERT_TRUE(write_file_atomically(configuration_.token_file, token + "\n")); }
  std::string directory_;
};

TEST_F(TokenFile, IsReadAgainEveryMinute) {
  write("one");
  const auto credentials = make();
  EXPECT_EQ(get(credentials)->token, "one");
  write("two");
  clock_.advance(seconds(59));
  EXPECT_EQ(get(credentials)->token, "one");
  clock_.advance(seconds(1));
  EXPECT_EQ(get(credentials)->token, "two");
}

TEST_F(TokenFile, IsReadAtOnceAfterARefusal) {
  write("one");
  const auto credentials = make();
  const auto first = get(credentials);
  credentials->reject(first->generation);
  EXPECT_EQ(get(credentials)->generation, first->generation) << "the file has not changed";
  write("two");
  credentials->reject(first->generation);
  EXPECT_EQ(get(credentials)->token, "two");
  EXPECT_NE(get(credentials)->generation, first->generation);
}

TEST_F(TokenFile, LastGoodTokenIsKeptWhenTheFileIsGone) {
  const auto credentials = make();
  EXPECT_EQ(get(credentials).error().code(), ErrorCode::kNotFound);
  write("");
  EXPECT_NE(get(credentials).error().message().find("is empty"), std::string::npos);
  write("one");
  EXPECT_EQ(get(credentials)->token, "one");
  std::filesystem::remove(configuration_.token_file);
  clock_.advance(minutes(5));
  EXPECT_EQ(get(credentials)->token, "one");
}

TEST_F(CredentialsTest, PluginRunsOnceUntilItsAnswerExpires) {
  use_plugin();
  output_ = exec_answer(R"({"token":"t1","expirationTimestamp":"2026-11-22T10:01:00Z"})");
  const auto credentials = make();
  EXPECT_EQ(get(credentials)->token, "t1");
  clock_.advance(seconds(59));
  EXPECT_EQ(get(credentials)->token, "t1");
  EXPECT_EQ(runs_, 1);
  output_ = exec_answer(R"({"clientCertificateData":"CERT","clientKeyData":"KEY"})");
  clock_.advance(seconds(1));
  EXPECT_EQ(get(credentials)->certificate_pem, "CERT");
  EXPECT_EQ(get(credentials)->token, "");
  clock_.advance(minutes(600));
  get(credentials);
  EXPECT_EQ(runs_, 2) << "without a time it holds until it is refused";
}

TEST_F(CredentialsTest, PluginRunsAgainAfterARefusalOnce) {
  use_plugin();
  const auto credentials = make();
  const auto first = get(credentials);
  credentials->reject(first->generation);
  credentials->reject(first->generation);
  EXPECT_NE(get(credentials)->generation, first->generation);
  credentials->reject(first->generation);  // a late answer to the old ones
  get(credentials);
  EXPECT_EQ(runs_, 2);
}

TEST_F(CredentialsTest, AllWhoWaitShareOneRun) {
  use_plugin();
  hold_ = true;
  const auto credentials = make();
  int answers = 0;
  for (int i = 0; i < 5; ++i) {
    credentials->get([&](Result<Authorization> got) { answers += got && got->token == "t1" ? 1 : 0; });
  }
  EXPECT_EQ(runs_, 1);
  held_[0](output_);
  EXPECT_EQ(answers, 5);
}

TEST_F(CredentialsTest, PluginFailuresReachTheCallerAndAreNotKept) {
  use_plugin();
  output_ = fail(ErrorCode::kUnauthorized, "exec plugin login: exit code 1: no session");
  const auto credentials = make();
  EXPECT_NE(get(credentials).error().message().find("no session"), std::string::npos);
  output_ = exec_answer(R"({"token":"t2"})");
  EXPECT_EQ(get(credentials)->token, "t2");
}

TEST(ExecPluginAnswer, MustBeWholeAndOfTheRightVersion) {
  ExecPlugin plugin;
  plugin.command = "login";
  plugin.api_version = kVersion;
  const auto refusal = [&](const std::string& output) {
    const auto parsed = parse_exec_credential(output, plugin);
    return parsed ? "accepted" : parsed.error().message();
  };
  EXPECT_EQ(refusal("hello"), "exec plugin login: did not print JSON");
  EXPECT_EQ(refusal("{}"), "exec plugin login: did not print an ExecCredential");
  EXPECT_EQ(refusal(R"({"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"x"}})"),
            "exec plugin login: printed apiVersion 'client.authentication.k8s.io/v1beta1' instead of "
            "'client.authentication.k8s.io/v1'");
  EXPECT_EQ(refusal(exec_answer("null")), "exec plugin login: printed no status");
  EXPECT_EQ(refusal(exec_answer("{}")), "exec plugin login: printed neither a token nor a client certificate");
  EXPECT_EQ(refusal(exec_answer(R"({"token":"x","clientKeyData":"k"})")),
            "exec plugin login: printed only one of clientCertificateData and clientKeyData");
  EXPECT_EQ(refusal(exec_answer(R"({"token":"x","expirationTimestamp":"soon"})")),
            "exec plugin login: printed an expirationTimestamp that is no time");
  EXPECT_EQ(refusal(exec_answer(R"({"token":"x","expirationTimestamp":null})")), "accepted");
}

TEST(ExecPluginInput, TellsVersionAndCluster) {
  ExecPlugin plugin;
  plugin.api_version = kVersion;
  EXPECT_EQ(parse_json(exec_info(plugin)).value(),
            parse_json(R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}})")
                .value());
  plugin.cluster_info = Value::dict({{"server", "https://k"}});
  EXPECT_EQ(parse_json(exec_info(plugin)).value()["spec"]["cluster"]["server"].string(), "https://k");
}

}  // namespace
}  // namespace squall::kubernetes
