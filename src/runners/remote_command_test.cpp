#include "runners/remote_command.hpp"

#include "runners/test_support.hpp"

namespace squall::runners {
namespace {

std::string names(std::string_view hosts, int port = 0) {
  const auto found = remote_hosts(hosts, port);
  if (!found) return found.error().message();
  std::string text;
  for (const RemoteHost& host : *found) text += host.name + "=" + host.host + "/" + std::to_string(host.port) + ";";
  return text;
}

TEST(RemoteHosts, ListsWithAndWithoutPorts) {
  EXPECT_EQ(names("a"), "a=a/0;");
  EXPECT_EQ(names(" a , b:2222,,", 22), "a=a/22;b=b/2222;");
  EXPECT_EQ(names("[fe80::1]:2022,::1"), "fe80::1=fe80::1/2022;::1=::1/0;");
}

TEST(RemoteHosts, TheSameHost) {
  EXPECT_EQ(names("a,a"), "a=a/0;");
  EXPECT_EQ(names("a:1,a:2,b"), "a:1=a/1;a:2=a/2;b=b/0;");
}

TEST(RemoteHosts, BadOnes) {
  EXPECT_EQ(names(" , "), "No hosts specified to run action");
  EXPECT_EQ(names("a:ssh"), "hosts: \"a:ssh\": ssh is no port");
  EXPECT_EQ(names("a:70000"), "hosts: \"a:70000\": 70000 is no port");
  EXPECT_EQ(names(":22"), "hosts: \":22\" names no host");
}

TEST(RemoteScript, IsWhatStackStormRuns) {
  EXPECT_EQ(remote_script({{"A", "x y"}, {"B", "1"}}, "/tmp", "ls"), "export A='x y' B=1 && cd /tmp && ls");
  EXPECT_EQ(remote_script({}, "", "ls"), "ls");
}

TEST(RemoteLaunch, SecretsAreInTheInputOnly) {
  const RemoteLaunch launch = remote_launch("export P=secret && run", "id1", true, "pass");
  EXPECT_EQ(launch.command.find("secret"), std::string::npos);
  EXPECT_EQ(launch.command.find("pass"), std::string::npos);
  EXPECT_TRUE(launch.command.starts_with("sudo -S -E -- bash -c '"));
  EXPECT_EQ(launch.input, "pass\nsquall-begin-id1\nunset squall_s squall_l\nexport P=secret && run\nsquall-end-id1\n");
}

// The same through every shell that may be somebody's login shell here.
TEST_F(RunnerTest, LaunchesWorkInShells) {
  const std::string script = "printf '<%s>' 'two\nlines' \"back\\\\slash\" \"  blanks  \"; cat; exit 3";
  for (const char* shell : {"/bin/sh", "/bin/bash"}) {
    const RemoteLaunch launch = remote_launch(script, "id1", false, "");
    process::ProcessSpec spec;
    spec.arguments = {shell, "-c", launch.command};
    spec.environment = {{"PATH", kPath}};
    spec.input = launch.input;
    std::promise<process::ProcessResult> ended;
    ASSERT_TRUE(processes_.start(
        spec, {.on_exit = [&](process::ProcessResult result) { ended.set_value(std::move(result)); }}));
    const process::ProcessResult result = ended.get_future().get();
    EXPECT_EQ(result.standard_output, "<two\nlines><back\\slash><  blanks  >") << shell;
    EXPECT_EQ(result.exit_code, 3) << shell << result.standard_error;
  }
}

}  // namespace
}  // namespace squall::runners
