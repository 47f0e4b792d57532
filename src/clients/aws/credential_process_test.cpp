#include "clients/aws/credential_process.hpp"

#include <gmock/gmock.h>

#include "net/test_server.hpp"
#include "process/process.hpp"

namespace squall::clients {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(CredentialProcessTest, SplitsAsAShellDoes) {
  EXPECT_THAT(*split_command(R"(/opt/bin/get  --name "Mr. \"X\"" 'a b' c\ d "")"),
              ElementsAre("/opt/bin/get", "--name", "Mr. \"X\"", "a b", "c d", ""));
  EXPECT_THAT(*split_command(R"("C:\path\x" 'no \escape')"), ElementsAre("C:\\path\\x", "no \\escape"));
  EXPECT_FALSE(split_command("a 'b"));
  EXPECT_FALSE(split_command("   "));
}

TEST(CredentialProcessTest, ReadsWhatIsPrinted) {
  const auto made = read_process_credentials(
      R"({"Version": 1, "AccessKeyId": "k", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2026-11-22T12:00:00Z"})");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->keys.session_token, "t");
  EXPECT_EQ(made->expires, parse_timestamp("2026-11-22T12:00:00Z"));
  EXPECT_FALSE(read_process_credentials(R"({"Version": 1, "AccessKeyId": "k", "SecretAccessKey": "s"})")->expires);
  for (const char* bad : {"canary", R"({"Version": 2, "AccessKeyId": "canary", "SecretAccessKey": "s"})",
                          R"({"Version": 1, "AccessKeyId": "canary"})",
                          R"({"Version": 1, "AccessKeyId": "k", "SecretAccessKey": "s", "Expiration": "canary"})"}) {
    const auto answer = read_process_credentials(bad);
    ASSERT_FALSE(answer) << bad;
    EXPECT_THAT(answer.error().message(), Not(HasSubstr("canary")));
  }
}

TEST(CredentialProcessTest, RunsPrograms) {
  net::testing::LoopThread thread;
  process::ProcessHost host(thread.loop);
  const ProgramRunner run = make_program_runner(host);
  EXPECT_EQ(*run({"/bin/echo", "hello"}, {}), "hello\n");
  const auto failed = run({"/bin/sh", "-c", "echo canary; exit 3"}, {});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message(), HasSubstr("ended with 3"));
  EXPECT_THAT(failed.error().message(), Not(HasSubstr("canary")));
  EXPECT_FALSE(run({"/no/such/program"}, {}));
  StopSource stop;
  stop.stop();
  EXPECT_EQ(run({"/bin/sleep", "30"}, stop.token()).error().code(), ErrorCode::kCanceled);
}

}  // namespace
}  // namespace squall::clients
