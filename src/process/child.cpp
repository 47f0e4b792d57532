#include "process/child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "base/limits.hpp"
#include "base/log.hpp"

namespace squall::process {
namespace {

constexpr size_t kChunkBytes = 64u << 10;
constexpr size_t kDropBytes = 1u << 20;
constexpr int kUnknownExitCode = -1;

}  // namespace

std::optional<SteadyTime> Child::Deadlines::next() const {
  std::optional<SteadyTime> soonest;
  for (const auto& time : {timeout, kill, give_up, drain, fork, look})
    if (time && (!soonest || *time < *soonest)) soonest = time;
  return soonest;
}

Child::Child(uint64_t id, SpawnedChild spawned, const ProcessSpec& spec, ProcessHandlers handlers_of_child)
    : handlers(std::make_shared<const ProcessHandlers>(std::move(handlers_of_child))),
      id_(id),
      pid_(spawned.pid),
      pidfd_(std::move(spawned.pidfd)),
      control_(std::move(spawned.control)),
      input_(std::move(spawned.input)),
      output_(std::move(spawned.output)),
      error_(std::move(spawned.error)),
      timeout_(spec.timeout),
      input_queue_(spec.input),
      keep_input_open_(handlers->keep_input_open) {
  collects_output = handlers->collect_output;
  kill_with_sudo = spec.kill_with_sudo;
  processes_max = spec.processes_max;
  if (const auto path = spec.environment.find("PATH"); path != spec.environment.end()) search_path = path->second;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (is_forked())
    deadlines.fork = now + kForkTimeout;
  else if (timeout_ > Duration::zero())
    deadlines.timeout = now + timeout_;
  if (!is_forked() && processes_max > 0) deadlines.look = now + kCountEvery;
}

void Child::set_forked(pid_t pid) {
  pid_ = pid;
  deadlines.fork.reset();
  if (processes_max > 0) deadlines.look = std::chrono::steady_clock::now() + kCountEvery;
  if (timeout_ > Duration::zero()) deadlines.timeout = std::chrono::steady_clock::now() + timeout_;
}

bool Child::queue_input(std::string bytes) {
  if (!input_.valid()) return true;
  if (input_queue_.size() - input_offset_ + bytes.size() > kInputQueueBytesMax) return false;
  input_queue_.erase(0, input_offset_);
  input_offset_ = 0;
  input_queue_ += bytes;
  return true;
}

void Child::write_input() {
  if (!input_.valid() || pid_ == 0) return;
  while (input_offset_ < input_queue_.size()) {
    const ssize_t written =
        ::write(input_.get(), input_queue_.data() + input_offset_, input_queue_.size() - input_offset_);
    if (written >= 0) {
      input_offset_ += static_cast<size_t>(written);
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {  // EPIPE: the child does not want the rest, which is its own business
      keep_input_open_ = false;
      break;
    }
  }
  std::string().swap(input_queue_);
  input_offset_ = 0;
  if (!keep_input_open_) input_.reset();
}

PipeState Child::read_output(OutputStream stream, std::string& chunk) {
  UniqueFd& fd = pipe(stream);
  if (!fd.valid()) return PipeState::kClosed;
  chunk.resize(kChunkBytes);
  ssize_t got = 0;
  while ((got = ::read(fd.get(), chunk.data(), chunk.size())) < 0 && errno == EINTR) {
  }
  if (got < 0 && errno == EAGAIN) return PipeState::kBlocked;
  if (got <= 0) {
    fd.reset();
    return PipeState::kClosed;
  }
  chunk.resize(static_cast<size_t>(got));
  return PipeState::kOpen;
}

bool Child::is_full(OutputStream stream) const {
  const std::string& text = stream == OutputStream::kStandardOutput ? result.standard_output : result.standard_error;
  return collects_output && text.size() == limits::kProcessOutputBytesMax;
}

PipeState Child::drop_output(OutputStream stream) {
  static const UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  UniqueFd& fd = pipe(stream);
  if (!fd.valid()) return PipeState::kClosed;
  ssize_t got = 0;
  while ((got = ::splice(fd.get(), nullptr, nowhere.get(), nullptr, kDropBytes, SPLICE_F_NONBLOCK)) < 0 &&
         errno == EINTR) {
  }
  if (got < 0 && errno == EAGAIN) return PipeState::kBlocked;
  if (got <= 0) {
    fd.reset();
    return PipeState::kClosed;
  }
  result.output_truncated = true;
  return PipeState::kOpen;
}

void Child::close_output() {
  output_.reset();
  error_.reset();
}

std::string_view Child::collect(OutputStream stream, std::string_view chunk) {
  if (!collects_output) return chunk;
  std::string& text = stream == OutputStream::kStandardOutput ? result.standard_output : result.standard_error;
  const size_t fitting = std::min(chunk.size(), limits::kProcessOutputBytesMax - text.size());
  if (fitting < chunk.size()) result.output_truncated = true;
  text.append(chunk.substr(0, fitting));
  return chunk.substr(0, fitting);
}

bool Child::signal_group(int number) {
  SQ_ASSERT(!reaped_);
  if (is_forked()) {
    // Lost only when the server is gone, and the child with it.
    const char byte = static_cast<char>(number);
    [[maybe_unused]] const ssize_t sent = ::send(control_.get(), &byte, 1, MSG_NOSIGNAL);
    return true;
  }
  return ::kill(-pid_, number) == 0 || errno != EPERM;
}

void Child::reap_forked(int exit_code) {
  SQ_CRASH_POINT("process.reap");
  reaped_ = true;
  control_.reset();
  input_.reset();
  result.exit_code = exit_code;
}

void Child::reap() {
  SQ_CRASH_POINT("process.reap");
  siginfo_t info{};
  int status = 0;
  while ((status = ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED)) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  pidfd_.reset();
  input_.reset();
  if (status != 0) {
    // Only when somebody in this program waits for children that are not his.
    log_error("exit status of a process was lost", {{"pid", std::to_string(pid_)}, {"reason", std::strerror(errno)}});
    result.exit_code = kUnknownExitCode;
    return;
  }
  result.exit_code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

}  // namespace squall::process
