#include "runners/local.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runners/test_support.hpp"

namespace squall::runners {
namespace {

using namespace std::chrono_literals;

class LocalRunnerTest : public RunnerTest {
 protected:
  static ActionRequest command(const std::string& cmd, const Value& more = {}) {
    ActionRequest request;
    request.execution_id = "64a000000000000000000001";
    request.pack = "demo";
    request.action_ref = "demo.shell";
    request.api_url = "http://127.0.0.1:9101/v1";
    request.runner_parameters = Value::dict({{"cmd", cmd}, {"timeout", 60}});
    if (more.is_dict())
      for (const auto& [name, value] : more.as_dict()) request.runner_parameters.set(name, value);
    return request;
  }

  std::unique_ptr<Runner> shell_ =
      make_local_shell_runner(executor_, processes_, {.environment = {{"PATH", kPath}}, .system_user = ""});
};

// Results as StackStorm 3.10dev gave them (conformance, api/transcripts.json, group exec_shell).
TEST_F(LocalRunnerTest, ResultsAreThoseOfStackStorm) {
  const struct {
    const char* cmd;
    const char* status;
    const char* result;
  } kCases[] = {
      {"echo \"hello 3\"", "succeeded",
       R"({"failed": false, "succeeded": true, "return_code": 0, "stdout": "hello 3", "stderr": ""})"},
      {"exit 3", "failed", R"({"failed": true, "succeeded": false, "return_code": 3, "stdout": "", "stderr": ""})"},
      {"echo out; echo err >&2; exit 1", "failed",
       R"({"failed": true, "succeeded": false, "return_code": 1, "stdout": "out", "stderr": "err"})"},
      {"echo '{\"a\": [1, 2]}'", "succeeded",
       R"({"failed": false, "succeeded": true, "return_code": 0, "stdout": {"a": [1, 2]}, "stderr": ""})"},
      {"echo 12", "succeeded", R"({"failed": false, "succeeded": true, "return_code": 0, "stdout": 12, "stderr": ""})"},
      {"printf 'a\\n\\n'", "succeeded",
       R"({"failed": false, "succeeded": true, "return_code": 0, "stdout": "a\n", "stderr": ""})"},
      {"true", "succeeded", R"({"failed": false, "succeeded": true, "return_code": 0, "stdout": "", "stderr": ""})"},
      {"kill -9 $$", "timeout",
       R"({"failed": true, "succeeded": false, "return_code": -9, "stdout": "", "stderr": "",
           "error": "Action failed to complete in 60 seconds"})"},
      {"kill -15 $$", "abandoned",
       R"({"failed": true, "succeeded": false, "return_code": -15, "stdout": "", "stderr": ""})"},
      {"printf 'h\\303\\251'", "succeeded",
       R"({"failed": false, "succeeded": true, "return_code": 0, "stdout": "hé", "stderr": ""})"},
      {"echo []", "succeeded", R"({"failed": false, "succeeded": true, "return_code": 0, "stdout": [], "stderr": ""})"},
  };
  for (const auto& expected : kCases) {
    const ActionOutcome outcome = run(*shell_, command(expected.cmd));
    EXPECT_EQ(outcome.status, expected.status) << expected.cmd;
    EXPECT_EQ(outcome.result, json(expected.result)) << expected.cmd << ": " << to_json(outcome.result);
  }
}

TEST_F(LocalRunnerTest, EnvironmentAndDirectory) {
  const Value env = Value::dict({{"env", Value::dict({{"A", "b c"}, {"N", 7}, {"T", true}})}, {"cwd", "/"}});
  EXPECT_EQ(run(*shell_, command("echo \"[$A] $N $T\"; pwd", env)).result["stdout"].string(), "[b c] 7 True\n/");
  ActionRequest request = command("env | grep ^ST2 | sort");
  request.auth_token = "abc";
  EXPECT_EQ(run(*shell_, request).result["stdout"].string(),
            "ST2_ACTION_API_URL=http://127.0.0.1:9101/v1\nST2_ACTION_AUTH_TOKEN=abc\nST2_ACTION_DEBUG=False\n"
            "ST2_ACTION_EXECUTION_ID=64a000000000000000000001\nST2_ACTION_PACK_NAME=demo");
}

TEST_F(LocalRunnerTest, DirectoryThatIsNotThere) {
  const ActionOutcome outcome = run(*shell_, command("pwd", Value::dict({{"cwd", "/no/such"}})));
  EXPECT_EQ(outcome.status, "failed");
  EXPECT_EQ(outcome.result["error"].string(),
            "cannot start /bin/sh: working directory /no/such: No such file or directory");
  EXPECT_TRUE(outcome.result.contains("traceback"));
}

TEST_F(LocalRunnerTest, StandardInputIsEmpty) {
  EXPECT_EQ(run(*shell_, command("cat; echo end")).result["stdout"].string(), "end");
}

TEST_F(LocalRunnerTest, TimeoutEndsTheCommand) {
  const auto before = std::chrono::steady_clock::now();
  const ActionOutcome outcome = run(*shell_, command("echo started; sleep 30", Value::dict({{"timeout", 1}})));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 4s);
  EXPECT_EQ(outcome.status, "timeout");
  EXPECT_EQ(outcome.result, json(R"({"failed": true, "succeeded": false, "return_code": -9, "stdout": "started",
                                     "stderr": "", "error": "Action failed to complete in 1 seconds"})"));
}

TEST_F(LocalRunnerTest, StopCancels) {
  StopSource source;
  auto outcome = start(*shell_, command("echo started; sleep 30"), source.token());
  while (seen_output().empty()) std::this_thread::sleep_for(5ms);
  EXPECT_GT(output_.pid, 0);
  source.stop();
  const ActionOutcome ended = outcome.get();
  EXPECT_EQ(ended.status, "canceled");
  EXPECT_EQ(ended.result["stdout"].string(), "started");
}

TEST_F(LocalRunnerTest, StopBeforeTheStartCancelsToo) {
  StopSource source;
  source.stop();
  EXPECT_EQ(run(*shell_, command("sleep 30"), source.token()).status, "canceled");
}

TEST_F(LocalRunnerTest, InvalidUtf8IsReplaced) {
  EXPECT_EQ(run(*shell_, command("printf 'a\\377b'")).result["stdout"].string(), "a\xEF\xBF\xBD" "b");
}

// There is no sudo on a test machine, so one that shows how it was called stands in.
class SudoTest : public LocalRunnerTest {
 protected:
  void SetUp() override {
    const std::string file = directory_.write("sudo", R"(#!/bin/sh
printf '%s|' "$@"
for a in "$@"; do [ "$a" = -S ] && { read password; echo "password=$password"; }; done
[ "$password" = wrong ] && { printf '[sudo] password for bar: \nsudo: 2 incorrect password attempts' >&2; exit 1; }
exit 0
)");
    ::chmod(file.c_str(), 0755);
  }
  std::unique_ptr<Runner> make_runner(const std::string& system_user) {
    return make_local_shell_runner(
        executor_, processes_,
        {.environment = {{"PATH", directory_.path() + ":" + kPath}}, .system_user = system_user});
  }
  TemporaryDirectory directory_;
};

TEST_F(SudoTest, CommandLines) {
  const Value sudo = Value::dict({{"sudo", true}});
  EXPECT_EQ(run(*make_runner(""), command("echo 'a b'", sudo)).result["stdout"].string(), "-E|--|bash|-c|echo 'a b'|");
  EXPECT_EQ(run(*make_runner("nobody"), command("id")).result["stdout"].string(), "-E|-H|-u|nobody|--|bash|-c|id|");
  EXPECT_EQ(run(*make_runner("nobody"), command("id", sudo)).result["stdout"].string(), "-E|--|bash|-c|id|");
  const std::string self = ::getpwuid(::getuid())->pw_name;
  EXPECT_EQ(run(*make_runner(self), command("echo plain")).result["stdout"].string(), "plain");
}

TEST_F(SudoTest, PasswordGoesOverStandardInput) {
  const ActionOutcome good =
      run(*make_runner(""), command("id", Value::dict({{"sudo", true}, {"sudo_password", "s3cret"}})));
  EXPECT_EQ(good.result["stdout"].string(), "-S|-E|--|bash|-c|id|password=s3cret");
  const ActionOutcome bad =
      run(*make_runner(""), command("id", Value::dict({{"sudo", true}, {"sudo_password", "wrong"}})));
  EXPECT_EQ(bad.status, "failed");
  EXPECT_EQ(bad.result["return_code"].int_or(0), -1);
  EXPECT_EQ(bad.result["error"].string(),
            "Invalid sudo password provided or sudo is not configured for this user (bar)");
}

class ScriptRunnerTest : public LocalRunnerTest {
 protected:
  ActionRequest script(const std::string& entry_point) {
    ActionRequest request;
    request.action_ref = "demo.script";
    request.pack_path = directory_.path();
    request.entry_point = entry_point;
    request.runner_parameters = Value::dict({{"timeout", 60}, {"kwarg_op", "--"}});
    return request;
  }
  TemporaryDirectory directory_;
  std::unique_ptr<Runner> runner_ =
      make_local_script_runner(executor_, processes_, {.environment = {{"PATH", kPath}}, .system_user = ""});
};

TEST_F(ScriptRunnerTest, ArgumentsReachTheScript) {
  directory_.write("actions/it's a script.sh", "#!/bin/bash\necho \"count=$#\"\nfor a in \"$@\"; do echo \"[$a]\"; done\n");
  ActionRequest request = script("it's a script.sh");
  request.parameter_schema = json(R"({"p2": {"type": "object", "position": 1}, "p1": {"type": "string", "position": 0},
                                      "n": {"type": "string"}})");
  request.action_parameters = json(R"({"n": "it's $HOME", "p2": {"k": "v w"}, "p1": "a b", "flag": true, "off": false})");
  const ActionOutcome outcome = run(*runner_, request);
  EXPECT_EQ(outcome.status, "succeeded");
  EXPECT_EQ(outcome.result["stdout"].string(), "count=4\n[--n=it's $HOME]\n[--flag]\n[a b]\n[{\"k\":\"v w\"}]");
}

TEST_F(ScriptRunnerTest, RelativePackPathAndAnotherDirectory) {
  directory_.write("actions/s.sh", "#!/bin/sh\npwd\n");
  ActionRequest request = script("s.sh");
  request.pack_path = std::filesystem::relative(directory_.path()).string();
  request.runner_parameters.set("cwd", "/usr");
  EXPECT_EQ(run(*runner_, request).result["stdout"].string(), "/usr");
}

TEST_F(ScriptRunnerTest, BadEntryPoints) {
  EXPECT_EQ(run(*runner_, script("")).result["error"].string(), "Missing entry_point action metadata attribute");
  EXPECT_THAT(run(*runner_, script("../../outside.sh")).result["error"].string(), testing::HasSubstr("outside of its pack"));
  EXPECT_THAT(run(*runner_, script("/bin/true")).result["error"].string(), testing::HasSubstr("outside of its pack"));
  const ActionOutcome missing = run(*runner_, script("missing.sh"));
  EXPECT_EQ(missing.status, "failed");
  EXPECT_EQ(missing.result["return_code"].int_or(0), 127);
}

}  // namespace
}  // namespace squall::runners
