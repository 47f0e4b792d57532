#include "process/process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <future>

#include "base/limits.hpp"
#include "base/strings.hpp"
#include "process/environment.hpp"
#include "process/test_executor.hpp"

namespace squall::process {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr const char* kPath = "/usr/local/bin:/usr/bin:/bin";

size_t count_entries(const std::string& directory) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory)) ++count;
  return count;
}

// Children of this program that are not reaped, by /proc.
size_t count_zombies() {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream stat(entry.path() / "stat");
    std::string line;
    if (!std::getline(stat, line)) continue;
    const std::string_view rest = std::string_view(line).substr(line.rfind(')') + 2);
    const auto fields = split(rest, ' ');
    if (fields[0] == "Z" && fields[1] == std::to_string(::getpid())) ++count;
  }
  return count;
}

// A zombie is not: when the orphan of an action is reaped is up to the machine's first process.
bool is_alive(int pid) {
  const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) return false;
  const size_t name_end = stat->rfind(')');
  return name_end + 2 < stat->size() && (*stat)[name_end + 2] != 'Z' && (*stat)[name_end + 2] != 'X';
}

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds limit = 5s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

class ProcessTest : public testing::Test {
 protected:
  static ProcessSpec shell(const std::string& command) {
    return {.arguments = {"sh", "-c", command}, .environment = {{"PATH", kPath}}};
  }

  struct Running {
    std::shared_ptr<Process> process;
    std::future<ProcessResult> result;
  };
  Running start(ProcessSpec spec, ProcessHandlers handlers = {}) {
    auto promise = std::make_shared<std::promise<ProcessResult>>();
    Running running{nullptr, promise->get_future()};
    handlers.on_exit = [promise](ProcessResult result) { promise->set_value(std::move(result)); };
    auto started = host_->start(std::move(spec), std::move(handlers));
    EXPECT_TRUE(started) << started.error().to_string();
    if (started) running.process = *started;
    return running;
  }
  ProcessResult run(ProcessSpec spec, ProcessHandlers handlers = {}) {
    return start(std::move(spec), std::move(handlers)).result.get();
  }

  TestExecutor executor_;
  std::unique_ptr<ProcessHost> host_ = std::make_unique<ProcessHost>(executor_);
};

TEST_F(ProcessTest, GivesOutputAndExitCode) {
  const ProcessResult result = run(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.standard_output, "out\n");
  EXPECT_EQ(result.standard_error, "err\n");
  EXPECT_FALSE(result.timed_out);
  EXPECT_FALSE(result.killed);
  EXPECT_FALSE(result.output_truncated);
}

TEST_F(ProcessTest, SignalIsNegativeExitCode) {
  EXPECT_EQ(run(shell("kill -9 $$")).exit_code, -9);
  EXPECT_EQ(run(shell("kill -15 $$")).exit_code, -15);
}

TEST_F(ProcessTest, NothingIsInherited) {
  ::setenv("SQUALL_TEST_LEAK", "leak", 1);
  const ProcessResult result = run({.arguments = {"/usr/bin/env"}, .environment = {{"A", "b c"}, {"EMPTY", ""}}});
  ::unsetenv("SQUALL_TEST_LEAK");
  EXPECT_EQ(result.standard_output, "A=b c\nEMPTY=\n");
  // A descriptor without close-on-exec, as a library might open it.
  const int leaked = ::open("/dev/null", O_RDONLY);
  const ProcessResult descriptors = run(shell("ls /proc/self/fd | tr '\\n' ' '"));
  ::close(leaked);
  EXPECT_EQ(descriptors.standard_output, "0 1 2 3 ");  // 3 is ls reading the directory
  // Signals: neither blocked nor ignored, although we ignore one and the host's thread blocks all.
  ::signal(SIGHUP, SIG_IGN);
  const ProcessResult signals = run(shell("grep -E 'Sig(Blk|Ign)' /proc/self/status | tr -d '\\n'"));
  ::signal(SIGHUP, SIG_DFL);
  // Signals 32 and 33 belong to the C library, which lets nobody change them; whoever started us may ignore them.
  EXPECT_THAT(signals.standard_output, testing::MatchesRegex("SigBlk:\t0+SigIgn:\t0*[0-3]?[08]?0*"));
}

TEST_F(ProcessTest, HasItsOwnSession) {
  // Fields after the name: state ppid pgrp session.
  auto running = start(shell("cut -d ' ' -f 5,6 /proc/$$/stat"));
  const std::string pid = std::to_string(running.process->pid());
  EXPECT_EQ(running.result.get().standard_output, pid + " " + pid + "\n");
}

#if !defined(__SANITIZE_THREAD__)  // it does not allow threads after a fork
TEST_F(ProcessTest, DiesWithUs) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t middle = ::fork();
  if (middle == 0) {
    TestExecutor executor;
    ProcessHost host(executor);
    const auto started = host.start(shell("sleep 60"), {});
    const int pid = started ? (*started)->pid() : 0;
    [[maybe_unused]] const ssize_t written = ::write(ends[1], &pid, sizeof pid);
    ::_exit(0);  // no destructor: as if it had crashed
  }
  int pid = 0;
  ASSERT_EQ(::read(ends[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  ::waitpid(middle, nullptr, 0);
  for (const int end : ends) ::close(end);
  ASSERT_GT(pid, 0);
  EXPECT_TRUE(wait_until([&] { return !is_alive(pid); }));
}
#endif

TEST_F(ProcessTest, WorkingDirectory) {
  ProcessSpec spec = shell("pwd");
  spec.working_directory = "/usr";
  EXPECT_EQ(run(spec).standard_output, "/usr\n");
  spec.working_directory = "/nosuchdir";
  const auto failed = host_->start(spec, {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(failed.error().message(), HasSubstr("working directory /nosuchdir: No such file or directory"));
}

TEST_F(ProcessTest, StartErrorsNameTheProgram) {
  const auto error_of = [this](std::vector<std::string> arguments) {
    const auto failed = host_->start({.arguments = std::move(arguments), .environment = {{"PATH", kPath}}}, {});
    return failed ? Error(ErrorCode::kInternal, "started") : failed.error();
  };
  EXPECT_EQ(error_of({"nosuchprogram"}).code(), ErrorCode::kNotFound);
  EXPECT_THAT(error_of({"nosuchprogram"}).message(), HasSubstr("no such program: nosuchprogram (looked in /usr/local"));
  EXPECT_EQ(error_of({"/bin/nosuch"}).message(), "no such program: /bin/nosuch");
  EXPECT_EQ(error_of({"/etc/passwd"}).code(), ErrorCode::kIo);
  EXPECT_EQ(error_of({"/etc/passwd"}).message(), "cannot start /etc/passwd: Permission denied");
  EXPECT_EQ(error_of({}).code(), ErrorCode::kInvalid);
  EXPECT_EQ(error_of({"sh", std::string("a\0b", 3)}).message(), "cannot start sh: an argument holds a null byte");

  const std::string script = testing::TempDir() + "/bad_interpreter.sh";
  std::ofstream(script) << "#!/no/such/interpreter\n";
  ::chmod(script.c_str(), 0755);
  EXPECT_THAT(error_of({script}).message(), HasSubstr("interpreter that its first line names does not exist"));
}

TEST_F(ProcessTest, BadEnvironmentIsRefused) {
  const auto failed = host_->start({.arguments = {"/bin/true"}, .environment = {{"A=B", "x"}}}, {});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message(), HasSubstr("\"A=B\" is no name of an environment variable"));
}

TEST_F(ProcessTest, InputBiggerThanAPipe) {
  ProcessSpec spec = shell("sleep 0.05; cat");
  spec.input = std::string(3'000'000, 'i') + "end";
  const ProcessResult result = run(spec);
  EXPECT_EQ(result.standard_output, spec.input);
}

TEST_F(ProcessTest, InputThatNobodyReadsDoesNoHarm) {
  ProcessSpec spec = shell("exec <&-; echo done");
  spec.input = std::string(1'000'000, 'i');
  const ProcessResult result = run(spec);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.standard_output, "done\n");
}

TEST_F(ProcessTest, InputStaysOpenOnRequest) {
  std::promise<void> answered;
  std::string seen;
  auto running = start({.arguments = {"cat"}, .environment = {{"PATH", kPath}}, .input = "one\n"},
                       {.on_output =
                            [&](OutputStream, std::string_view chunk) {
                              seen += chunk;
                              if (seen == "one\ntwo\n") answered.set_value();
                            },
                        .keep_input_open = true});
  running.process->write_input("two\n");
  answered.get_future().wait();
  EXPECT_EQ(running.result.wait_for(50ms), std::future_status::timeout);
  running.process->write_input("three\n");
  running.process->close_input();
  EXPECT_EQ(running.result.get().standard_output, "one\ntwo\nthree\n");
}

TEST_F(ProcessTest, OutputPastTheLimitIsCutAndTold) {
  const size_t limit = limits::kProcessOutputBytesMax;
  const ProcessResult result = run(shell("head -c " + std::to_string(limit + 5'000'000) + " /dev/zero; echo e >&2"));
  EXPECT_EQ(result.standard_output.size(), limit);
  EXPECT_TRUE(result.output_truncated);
  EXPECT_EQ(result.standard_error, "e\n");
  EXPECT_EQ(result.exit_code, 0);  // it was read to its end all the same
}

TEST_F(ProcessTest, SlowReaderPausesTheChildAndLosesNothing) {
  constexpr size_t kTotal = 8u << 20;
  size_t seen = 0;
  bool slept = false;
  const ProcessResult result = run(shell("head -c " + std::to_string(kTotal) + " /dev/zero"),
                                   {.on_output =
                                        [&](OutputStream, std::string_view chunk) {
                                          if (!slept)
                                            std::this_thread::sleep_for(1200ms);  // longer than kDrainAfterExit
                                          slept = true;
                                          seen += chunk.size();
                                        },
                                    .collect_output = false});
  EXPECT_EQ(seen, kTotal);
  EXPECT_TRUE(result.standard_output.empty());
}

TEST_F(ProcessTest, TimeoutEndsTheWholeGroup) {
  ProcessSpec spec = shell("sh -c 'echo $$; sleep 60' & echo $$; sleep 60");
  spec.timeout = 300ms;
  const auto before = std::chrono::steady_clock::now();
  const ProcessResult result = run(spec);
  EXPECT_TRUE(result.timed_out);
  EXPECT_FALSE(result.killed);
  EXPECT_EQ(result.exit_code, -SIGTERM);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1500ms);
  for (const std::string& pid : split(trim(result.standard_output), '\n'))
    EXPECT_TRUE(wait_until([&] { return !is_alive(static_cast<int>(*parse_int(pid))); })) << pid;
}

TEST_F(ProcessTest, TimeoutKillsWhoIgnoresTheSignal) {
  ProcessSpec spec = shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
  spec.timeout = 200ms;
  const auto before = std::chrono::steady_clock::now();
  const ProcessResult result = run(spec);
  const auto took = std::chrono::steady_clock::now() - before;
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_code, -SIGKILL);
  EXPECT_GE(took, 200ms + kTimeoutGrace);
  EXPECT_LT(took, 200ms + kTimeoutGrace + 1s);
}

TEST_F(ProcessTest, GrandchildIgnoringTheSignalIsKilledWhenItsLeaderHasGone) {
  ProcessSpec spec = shell("sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.05; done' & sleep 60");
  std::promise<int> grandchild;
  auto running = start(spec, {.on_output = [&](OutputStream, std::string_view chunk) {
                         grandchild.set_value(static_cast<int>(*parse_int(trim(chunk))));
                       }});
  const int pid = grandchild.get_future().get();
  running.process->kill(300ms);
  const ProcessResult result = running.result.get();
  EXPECT_TRUE(result.killed);
  EXPECT_EQ(result.exit_code, -SIGTERM);
  EXPECT_TRUE(wait_until([&] { return !is_alive(pid); }));
}

// Orphans, in sessions of their own and without the pipes, of a process that is gone on the first signal.
TEST_F(ProcessTest, TheWholeTreeEndsWithATimeout) {
  ProcessSpec spec = shell(
      "(setsid sh -c \"trap '' TERM; echo \\$\\$; exec >&- 2>&-; while :; do sleep 0.1; done\" &); setsid sleep 600 "
      ">/dev/null 2>&1 & "
      "echo $!; exec sleep 600");
  spec.timeout = 2s;  // all of them are there by then, also on a busy machine
  spec.processes_max = 100;
  const ProcessResult result = start(spec).result.get();
  EXPECT_TRUE(result.timed_out);
  std::vector<int> pids;
  for (const std::string& line : split(trim(result.standard_output), '\n')) pids.push_back(std::stoi(line));
  ASSERT_EQ(pids.size(), 2u) << result.standard_output;
  for (const int pid : pids) EXPECT_TRUE(wait_until([&] { return !is_alive(pid); }, 1s)) << pid;
}

TEST_F(ProcessTest, TooManyProcessesAreKilledTogether) {
  ProcessSpec spec = shell("for i in $(seq 300); do sleep 600 & done; echo all; wait");
  spec.processes_max = 100;
  const ProcessResult result = start(spec).result.get();
  EXPECT_TRUE(result.too_many_processes);
  EXPECT_EQ(result.exit_code, -SIGKILL);
  EXPECT_FALSE(result.killed);
}

TEST_F(ProcessTest, KillAfterTheEndIsHarmless) {
  auto running = start(shell("true"));
  EXPECT_EQ(running.result.get().exit_code, 0);
  running.process->kill(0s);
  running.process->write_input("x");
  host_.reset();
  running.process->kill(0s);
}

TEST_F(ProcessTest, DaemonThatKeepsThePipeOpenDoesNotHoldUpTheResult) {
  const auto before = std::chrono::steady_clock::now();
  const ProcessResult result = run(shell("sleep 30 & echo $!"));
  const auto took = std::chrono::steady_clock::now() - before;
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_LT(took, kDrainAfterExit + 1s);
  const int daemon = static_cast<int>(*parse_int(trim(result.standard_output)));
  EXPECT_TRUE(is_alive(daemon));  // it was meant to stay
  ::kill(daemon, SIGKILL);
}

TEST_F(ProcessTest, ManyAtOnceLeaveNothingBehind) {
  run(shell("true"));  // whatever is opened once
  const size_t descriptors = count_entries("/proc/self/fd");
  std::vector<Running> all;
  for (int i = 0; i < 200; ++i) {
    ProcessSpec spec = shell("cat; echo $N; exit $((N % 7))");
    spec.environment["N"] = std::to_string(i);
    spec.input = "in ";
    all.push_back(start(std::move(spec)));
  }
  for (int i = 0; i < 200; ++i) {
    const ProcessResult result = all[static_cast<size_t>(i)].result.get();
    EXPECT_EQ(result.standard_output, "in " + std::to_string(i) + "\n");
    EXPECT_EQ(result.exit_code, i % 7);
  }
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(host_->start({.arguments = {"/etc/passwd"}}, {}));
  EXPECT_TRUE(wait_until([&] { return count_entries("/proc/self/fd") == descriptors; }))
      << count_entries("/proc/self/fd") << " descriptors, " << descriptors << " before";
  EXPECT_EQ(count_zombies(), 0u);
}

TEST_F(ProcessTest, HostKillsWhatRunsWhenItEnds) {
  auto running = start(shell("trap '' TERM; sleep 60 & sleep 60"));
  const int pid = running.process->pid();
  const auto before = std::chrono::steady_clock::now();
  host_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
  const ProcessResult result = running.result.get();
  EXPECT_TRUE(result.killed);
  EXPECT_EQ(result.exit_code, -SIGKILL);
  EXPECT_FALSE(is_alive(pid));
}

TEST_F(ProcessTest, HandlersRunOnTheExecutor) {
  std::promise<bool> on_executor;
  const auto started =
      host_->start(shell("true"), {.on_exit = [&](ProcessResult) { on_executor.set_value(executor_.is_current()); }});
  ASSERT_TRUE(started);
  EXPECT_TRUE(on_executor.get_future().get());
}

TEST(EnvironmentTest, LeavesOutOurOwnSettings) {
  ::setenv("SQUALL_SECRET_KEY", "x", 1);
  ::setenv("OTHER_NAME", "a=b", 1);
  const Environment environment = inherited_environment();
  EXPECT_FALSE(environment.contains("SQUALL_SECRET_KEY"));
  EXPECT_EQ(environment.at("OTHER_NAME"), "a=b");
  ::unsetenv("SQUALL_SECRET_KEY");
  ::unsetenv("OTHER_NAME");
}

TEST(EnvironmentTest, FindsPrograms) {
  const std::string directory = testing::TempDir() + "/find_program";
  std::filesystem::create_directories(directory + "/tool");  // a directory is no program
  std::ofstream(directory + "/plain") << "";
  EXPECT_EQ(find_program("sh", directory + ":/bin").value(), "/bin/sh");
  EXPECT_EQ(find_program("./x", "/bin").value(), "./x");
  EXPECT_FALSE(find_program("tool", directory));
  EXPECT_FALSE(find_program("plain", directory));
  EXPECT_FALSE(find_program("", "/bin"));
}

}  // namespace
}  // namespace squall::process
