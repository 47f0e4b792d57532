#include "runners/fork_server.hpp"

#include <signal.h>

#include "base/strings.hpp"
#include "runners/python.hpp"
#include "runners/test_support.hpp"

namespace squall::runners {
namespace {

using namespace std::chrono_literals;

constexpr const char* kRuntime = SQUALL_SOURCE_DIR "/python/squall_runner";
constexpr const char* kPython = "/usr/bin/python3";

class ForkServerTest : public RunnerTest {
 protected:
  ForkServerOptions options() const {
    return {.directory = directory_.path() + "/run", .runtime_directory = kRuntime, .environment = {{"PATH", kPath}}};
  }
  std::string socket_of(ForkServers& servers, const std::string& python = kPython) {
    std::promise<std::string> promise;
    executor_.post([&] {
      servers.ensure({python, ""}, [&](std::string socket) { promise.set_value(std::move(socket)); });
    });
    return promise.get_future().get();
  }
  // Runs run() with this body, or with that of the call before when it is empty; forked where it is possible.
  ActionOutcome run_body(ForkServers& servers, const std::string& body, StopToken stop = {}) {
    return start_body(servers, body, stop).get();
  }
  std::future<ActionOutcome> start_body(ForkServers& servers, const std::string& body, StopToken stop = {}) {
    if (!body.empty())
      directory_.write("actions/act.py",
                       "import os, sys, time\nfrom st2common.runners.base_action import Action\n\n\n"
                       "class Demo(Action):\n    def run(self):\n        " +
                           body + "\n");
    runner_ = make_python_runner(executor_, processes_, virtualenvs_,
                                 {.runtime_directory = kRuntime, .environment = {{"PATH", kPath}}}, &servers);
    ActionRequest request;
    request.pack = "demo";
    request.pack_path = directory_.path();
    request.entry_point = "act.py";
    request.runner_parameters = json(R"({"timeout": 30})");
    return start(*runner_, request, stop);
  }
  static bool gone(int64_t pid) {
    for (int i = 0; i < 1000 && ::kill(static_cast<pid_t>(pid), 0) == 0; ++i) std::this_thread::sleep_for(5ms);
    return ::kill(static_cast<pid_t>(pid), 0) != 0;
  }

  int last_file_ = 0;
  TemporaryDirectory directory_;
  Virtualenvs virtualenvs_{
      executor_,
      processes_,
      {.directory = directory_.path() + "/virtualenvs", .python = kPython, .environment = {{"PATH", kPath}}}};
  std::unique_ptr<Runner> runner_;
};

TEST_F(ForkServerTest, ActionsShareOneServer) {
  ForkServers servers(executor_, processes_, options());
  const Value first =
      run_body(servers, "return [os.getppid(), os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()]")
          .result["result"];
  const Value second =
      run_body(servers, "return [os.getppid(), sys.argv[0][-13:], sorted(os.listdir('/proc/self/fd'))]")
          .result["result"];
  EXPECT_EQ(first[0], second[0]);
  EXPECT_NE(first[0].int_or(0), ::getpid());
  EXPECT_TRUE(first[1].bool_or(false) && first[2].bool_or(false));
  EXPECT_EQ(second[1].string(), "run_action.py");
  EXPECT_EQ(second[2], json(R"(["0", "1", "2", "3"])"));  // 3 is the directory being listed
}

TEST_F(ForkServerTest, ServerWithoutAnAnswerIsReplacedByAColdStart) {
  // It listens and says so, and then does nothing.
  directory_.write("runtime/zygote.py",
                   "import socket, sys, time\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\n"
                   "s.listen(1)\nprint('ready', flush=True)\nc, _ = s.accept()\nc.close()\nsys.stdin.read()\n");
  ForkServerOptions broken = options();
  broken.runtime_directory = directory_.path() + "/runtime";
  ForkServers servers(executor_, processes_, broken);
  const Value parent = run_body(servers, "return os.getppid()").result["result"];
  EXPECT_EQ(parent.int_or(0), ::getpid());
  EXPECT_EQ(socket_of(servers), "");  // and it is not tried again for a while
}

TEST_F(ForkServerTest, ServerThatCannotStart) {
  ManualClock clock{Timestamp()};
  ForkServerOptions broken = options();
  broken.runtime_directory = directory_.path() + "/nothing";
  ForkServers servers(executor_, processes_, broken, clock);
  EXPECT_EQ(socket_of(servers), "");
  EXPECT_EQ(socket_of(servers, "/no/such/python"), "");
  broken.directory = directory_.path() + std::string(120, 'x');
  ForkServers too_long(executor_, processes_, broken);
  EXPECT_EQ(socket_of(too_long), "");
  EXPECT_EQ(run_body(too_long, "return 1").status, "succeeded");
}

TEST_F(ForkServerTest, DeathOfTheServerEndsItsActions) {
  ForkServers servers(executor_, processes_, options());
  auto outcome = start_body(servers, "print(os.getppid(), flush=True); time.sleep(30)");
  while (seen_output().empty()) std::this_thread::sleep_for(5ms);
  const auto server = static_cast<pid_t>(*parse_int(trim(seen_output())));
  ::kill(server, SIGKILL);
  EXPECT_EQ(outcome.get().status, "timeout");  // -9, which upstream calls a timeout
  EXPECT_TRUE(gone(output_.pid));
  // Once its end is known, actions go on without it.
  for (int i = 0; i < 200 && !socket_of(servers).empty(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(run_body(servers, "return 1").status, "succeeded");
}

TEST_F(ForkServerTest, StopEndsTheWholeGroup) {
  ForkServers servers(executor_, processes_, options());
  StopSource source;
  auto outcome = start_body(
      servers, "import subprocess; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()",
      source.token());
  while (seen_output().empty()) std::this_thread::sleep_for(5ms);
  source.stop();
  EXPECT_EQ(outcome.get().status, "canceled");
  EXPECT_TRUE(gone(*parse_int(trim(seen_output()))));
  EXPECT_TRUE(gone(output_.pid));
}

TEST_F(ForkServerTest, ExitCodesAndSignalsComeThrough) {
  ForkServers servers(executor_, processes_, options());
  EXPECT_EQ(run_body(servers, "os._exit(7)").result["exit_code"].int_or(0), 7);
  EXPECT_EQ(run_body(servers, "os.kill(os.getpid(), 15)").result["exit_code"].int_or(0), -15);
  EXPECT_EQ(run_body(servers, "import atexit; atexit.register(print, 'bye'); sys.exit(5)").result["stdout"].string(),
            "bye\n");
}

TEST_F(ForkServerTest, ManyAtOnce) {
  ForkServers servers(executor_, processes_, options());
  std::vector<std::future<ActionOutcome>> all;
  std::vector<std::unique_ptr<Runner>> runners;  // start_body() makes one each time
  for (int i = 0; i < 60; ++i) {
    all.push_back(start_body(servers, i > 0 ? "" : "print('x' * 100000); time.sleep(0.05); return os.getpid()"));
    runners.push_back(std::move(runner_));
  }
  std::set<int64_t> pids;
  for (auto& outcome : all) {
    const ActionOutcome ended = outcome.get();
    EXPECT_EQ(ended.status, "succeeded") << to_json(ended.result);
    EXPECT_EQ(ended.result["stdout"].size(), 100001u);
    pids.insert(ended.result["result"].int_or(0));
  }
  EXPECT_EQ(pids.size(), 60u);
  for (const int64_t pid : pids) EXPECT_TRUE(gone(pid)) << pid;  // reaped by the server
}

TEST_F(ForkServerTest, RetiredServerFinishesItsWork) {
  ForkServerOptions one = options();
  one.count_max = 1;
  ForkServers servers(executor_, processes_, one);
  auto outcome = start_body(servers, "print(os.getppid(), flush=True); time.sleep(0.5); return 'done'");
  while (seen_output().empty()) std::this_thread::sleep_for(5ms);
  const std::string other = directory_.path() + "/python-by-another-name";
  std::filesystem::create_symlink(kPython, other);
  EXPECT_NE(socket_of(servers, other), "");
  EXPECT_EQ(outcome.get().result["result"].string(), "done");
  EXPECT_TRUE(gone(*parse_int(trim(seen_output()))));
}

}  // namespace
}  // namespace squall::runners
