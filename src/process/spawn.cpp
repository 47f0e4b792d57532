#include "process/spawn.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/assert.hpp"
#include "process/environment.hpp"

namespace squall::process {
namespace {

// What went wrong between fork and exec, as the child tells it through a pipe.
enum class Step : int { kParentGone, kDescriptors, kDirectory, kExec };
struct ChildFailure {
  Step step;
  int error;
};

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

// Everything the child needs, made before the fork: between vfork and exec nothing may be allocated or locked.
struct ChildPlan {
  const char* program = nullptr;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::vector<std::string> environment_texts;
  const char* directory = nullptr;
  std::array<int, 3> standard{};  // descriptors that become 0, 1 and 2; all above 2
  int status = -1;                // where a failure is told; close-on-exec
  pid_t parent = 0;
  // What the process leaves behind becomes its own child again as long as it lives, so that the whole tree is found
  // when it has to be ended: also what has a session of its own.
  bool adopts_orphans = false;
};

std::string errno_text(int error) { return std::strerror(error); }

// A pipe whose ends are above 2, so that moving them to 0, 1 and 2 never overwrites one of them. (squall may have been
// started with its own standard descriptors closed.)
Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(ErrorCode::kIo, "pipe: " + errno_text(errno));
  Pipe result{UniqueFd(ends[0]), UniqueFd(ends[1])};
  for (UniqueFd* end : {&result.read, &result.write}) {
    if (end->get() > STDERR_FILENO) continue;
    const int higher = ::fcntl(end->get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (higher < 0) return fail(ErrorCode::kIo, "fcntl: " + errno_text(errno));
    *end = UniqueFd(higher);
  }
  return result;
}

void make_non_blocking(const UniqueFd& fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  SQ_ASSERT(flags >= 0 && ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) == 0);
}

[[noreturn]] void give_up(const ChildPlan& plan, Step step) {
  const ChildFailure failure{step, errno};
  // One write below PIPE_BUF is whole or nothing; if it fails, the parent sees an end without a program, which it
  // tells.
  [[maybe_unused]] const ssize_t written = ::write(plan.status, &failure, sizeof failure);
  ::_exit(127);
}

// Runs in the child, in the parent's memory. Only system calls.
[[noreturn]] __attribute__((noinline)) void become_program(const ChildPlan& plan) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (plan.adopts_orphans) ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (::getppid() != plan.parent) give_up(plan, Step::kParentGone);  // it died before the line above
  for (int target = 0; target < 3; ++target)
    if (::dup2(plan.standard[static_cast<size_t>(target)], target) < 0) give_up(plan, Step::kDescriptors);
  // All of ours are close-on-exec from birth; this is for descriptors of libraries. Older kernels lack it.
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  if (plan.directory != nullptr && ::chdir(plan.directory) != 0) give_up(plan, Step::kDirectory);

  struct sigaction fresh {};
  fresh.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &fresh, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);

  ::execve(plan.program, plan.arguments.data(), plan.environment.data());
  give_up(plan, Step::kExec);
}

// vfork: the child borrows our memory and this thread stands still until it execs or exits. Signals are held back
// meanwhile, because a handler would run in the child too.
pid_t fork_child(const ChildPlan& plan) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::vfork();
  if (pid == 0) become_program(plan);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

std::string name_of(const ProcessSpec& spec) { return spec.arguments.empty() ? "" : spec.arguments.front(); }

Error explain(const ChildFailure& failure, const ProcessSpec& spec, const std::string& program) {
  const std::string reason = errno_text(failure.error);
  switch (failure.step) {
    case Step::kParentGone:
    case Step::kDescriptors: break;
    case Step::kDirectory:
      return Error(
          failure.error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
          fmt::format("cannot start {}: working directory {}: {}", name_of(spec), spec.working_directory, reason));
    case Step::kExec:
      if (failure.error != ENOENT) return Error(ErrorCode::kIo, fmt::format("cannot start {}: {}", program, reason));
      if (::access(program.c_str(), F_OK) == 0)
        return Error(ErrorCode::kNotFound,
                     fmt::format("cannot start {}: the interpreter that its first line names does not exist", program));
      return Error(ErrorCode::kNotFound, fmt::format("no such program: {}", program));
  }
  return Error(ErrorCode::kIo, fmt::format("cannot start {}: {}", program, reason));
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Status check_texts(const ProcessSpec& spec) {
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (spec.arguments.empty()) return fail(ErrorCode::kInvalid, "no program to start: the list of arguments is empty");
  for (const std::string& argument : spec.arguments)
    if (has_nul(argument))
      return fail(ErrorCode::kInvalid, "cannot start " + name_of(spec) + ": an argument holds a null byte");
  for (const auto& [name, value] : spec.environment) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name))
      return fail(ErrorCode::kInvalid, fmt::format("cannot start {}: \"{}\" is no name of an environment variable",
                                                   name_of(spec), name.substr(0, name.find('\0'))));
    if (has_nul(value))
      return fail(ErrorCode::kInvalid,
                  fmt::format("cannot start {}: environment variable {} holds a null byte", name_of(spec), name));
  }
  return {};
}

ChildPlan make_plan(const ProcessSpec& spec, const std::string& program) {
  ChildPlan plan;
  plan.program = program.c_str();
  // execve takes char* for historical reasons and changes nothing.
  for (const std::string& argument : spec.arguments) plan.arguments.push_back(const_cast<char*>(argument.c_str()));
  plan.arguments.push_back(nullptr);
  plan.environment_texts.reserve(spec.environment.size());
  for (const auto& [name, value] : spec.environment) plan.environment_texts.push_back(name + "=" + value);
  for (std::string& text : plan.environment_texts) plan.environment.push_back(text.data());
  plan.environment.push_back(nullptr);
  if (!spec.working_directory.empty()) plan.directory = spec.working_directory.c_str();
  plan.parent = ::getpid();
  plan.adopts_orphans = spec.processes_max > 0;
  return plan;
}

}  // namespace

Status make_pipes(SpawnedChild& child, std::array<UniqueFd, 3>& theirs) {
  SQ_TRY(Pipe input, make_pipe());
  SQ_TRY(Pipe output, make_pipe());
  SQ_TRY(Pipe error, make_pipe());
  theirs[0] = std::move(input.read);
  theirs[1] = std::move(output.write);
  theirs[2] = std::move(error.write);
  child.input = std::move(input.write);
  child.output = std::move(output.read);
  child.error = std::move(error.read);
  for (const UniqueFd* end : {&child.input, &child.output, &child.error}) make_non_blocking(*end);
  return {};
}

Result<SpawnedChild> spawn(const ProcessSpec& spec) {
  SQ_CHECK(check_texts(spec));
  const auto path = spec.environment.find("PATH");
  SQ_TRY(const std::string program,
         find_program(spec.arguments.front(), path == spec.environment.end() ? "" : path->second));
  SpawnedChild child;
  std::array<UniqueFd, 3> theirs;
  SQ_CHECK(make_pipes(child, theirs));
  SQ_TRY(Pipe status, make_pipe());

  ChildPlan plan = make_plan(spec, program);
  plan.standard = {theirs[0].get(), theirs[1].get(), theirs[2].get()};
  plan.status = status.write.get();
  child.pid = fork_child(plan);
  if (child.pid < 0) return fail(ErrorCode::kIo, fmt::format("cannot start {}: fork: {}", program, errno_text(errno)));

  // The write end closes when the child execs. A failure is one small write before that.
  status.write.reset();
  ChildFailure failure{};
  ssize_t got = 0;
  while ((got = ::read(status.read.get(), &failure, sizeof failure)) < 0 && errno == EINTR) {
  }
  if (got != 0) {
    reap(child.pid);
    if (got != sizeof failure)
      return fail(ErrorCode::kInternal, "cannot start " + program + ": the child told nothing");
    return fail(explain(failure, spec, program));
  }

  // By number: the C library's header for it cannot be used from C++ before glibc 2.37.
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0));
  if (pidfd < 0) {
    const int reason = errno;
    ::kill(-child.pid, SIGKILL);
    reap(child.pid);
    return fail(ErrorCode::kIo, fmt::format("cannot watch {}: pidfd_open: {}", program, errno_text(reason)));
  }
  child.pidfd = UniqueFd(pidfd);
  return child;
}

}  // namespace squall::process
