#include "process/host.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>

#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "process/fork_client.hpp"

namespace squall::process {
namespace {

using Clock = std::chrono::steady_clock;


// The handle given to callers. Everything is done by the host's thread, so it holds nothing but the address.
class HostedProcess final : public Process {
 public:
  HostedProcess(std::function<void(Command)> send, uint64_t id, std::shared_ptr<const std::atomic<int>> pid)
      : send_(std::move(send)), id_(id), pid_(std::move(pid)) {}
  int pid() const override { return *pid_; }
  void kill(Duration grace) override { send_({.kind = Command::Kind::kKill, .id = id_, .grace = grace}); }
  void write_input(std::string bytes) override {
    send_({.kind = Command::Kind::kWrite, .id = id_, .bytes = std::move(bytes)});
  }
  void close_input() override { send_({.kind = Command::Kind::kCloseInput, .id = id_}); }

 private:
  std::function<void(Command)> send_;  // does nothing once the host is gone
  uint64_t id_;
  std::shared_ptr<const std::atomic<int>> pid_;
};

}  // namespace

ProcessHost::Impl::Impl(Executor& executor_of_handlers)
    : executor(executor_of_handlers), epoll(::epoll_create1(EPOLL_CLOEXEC)), wake_up(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  SQ_ASSERT(epoll.valid() && wake_up.valid());
  watch(wake_up.get(), kWakeUp, EPOLLIN);
  // Some supervisors start programs with SIGCHLD ignored, which makes the kernel throw exit statuses away.
  struct sigaction current {};
  if (::sigaction(SIGCHLD, nullptr, &current) == 0 && current.sa_handler == SIG_IGN) ::signal(SIGCHLD, SIG_DFL);
}

bool ProcessHost::Impl::send(Command command) {
  {
    const std::lock_guard lock(mutex);
    if (ended) return false;
    commands.push_back(std::move(command));
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_up.get(), &one, sizeof one);  // full: it will wake up anyway
  return true;
}

void ProcessHost::Impl::begin_stop() {
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_up.get(), &one, sizeof one);
}

Result<std::shared_ptr<Process>> ProcessHost::Impl::start(StartCall call) {
  if (!send({.kind = Command::Kind::kStart, .start = &call})) return call.result;
  std::unique_lock lock(mutex);
  started.wait(lock, [&] { return call.done || ended; });
  return std::move(call.result);
}

void ProcessHost::Impl::watch(int fd, uint64_t packed, uint32_t events) {
  epoll_event event{.events = events, .data = {.u64 = packed}};
  SQ_ASSERT(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

void ProcessHost::Impl::run() {
  // No signal may interrupt this thread: they belong to the main one. It also keeps SIGPIPE away.
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);

  std::array<epoll_event, 64> events;
  while (!is_stopping || !children.empty()) {
    const int count = ::epoll_wait(epoll.get(), events.data(), events.size(), wait_ms());
    SQ_ASSERT(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; ++i) on_event(events[static_cast<size_t>(i)].data.u64);
    run_commands();
    check_deadlines();
    for (const uint64_t id : finished) {
      children.erase(id);
      unread.erase(id);
      pids.erase(id);
    }
    finished.clear();
  }
  const std::lock_guard lock(mutex);
  ended = true;
  started.notify_all();
}

int ProcessHost::Impl::wait_ms() const {
  std::optional<SteadyTime> soonest;
  for (const auto& [id, child] : children)
    if (const auto next = child->deadlines.next(); next && (!soonest || *next < *soonest)) soonest = next;
  if (!soonest) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*soonest - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
}

void ProcessHost::Impl::run_commands() {
  std::vector<Command> taken;
  bool stop_now = false;
  {
    const std::lock_guard lock(mutex);
    taken.swap(commands);
    stop_now = stopping && !is_stopping;
    if (stop_now) is_stopping = true;
  }
  for (Command& command : taken) run_command(command);
  if (!stop_now) return;
  for (const auto& [id, child] : children) {
    child->result.killed = true;
    if (child->given_up) finished.push_back(id);  // it was waited for long enough
    else terminate(*child, Duration::zero());
  }
}

void ProcessHost::Impl::run_command(Command& command) {
  if (command.kind == Command::Kind::kStart) {
    auto result = is_stopping ? std::move(command.start->result)
                              : start_child(command.start->spec, std::move(command.start->handlers), command.start->fork_socket);
    const std::lock_guard lock(mutex);
    command.start->result = std::move(result);
    command.start->done = true;
    started.notify_all();
    return;
  }
  const auto found = children.find(command.id);
  if (found == children.end()) return;
  Child& child = *found->second;
  switch (command.kind) {
    case Command::Kind::kStart:
      break;
    case Command::Kind::kKill:
      if (child.reaped()) break;
      child.result.killed = true;
      terminate(child, command.grace);
      break;
    case Command::Kind::kWrite:
      if (child.queue_input(std::move(command.bytes))) {
        child.write_input();
      } else {
        log_error("process killed: it does not read its standard input",
                  {{"pid", std::to_string(child.pid())}, {"limit", "kInputQueueBytesMax"}});
        child.result.killed = true;
        terminate(child, Duration::zero());
      }
      break;
    case Command::Kind::kCloseInput:
      child.close_input_when_written();
      child.write_input();
      break;
    case Command::Kind::kResume:
      resume(child);
      break;
  }
}

Result<std::shared_ptr<Process>> ProcessHost::Impl::start_child(const ProcessSpec& spec, ProcessHandlers handlers,
                                                                const std::string& fork_socket) {
  SQ_CRASH_POINT("process.spawn");
  SQ_TRY(SpawnedChild spawned, fork_socket.empty() ? spawn(spec) : request_fork(fork_socket));
  SQ_CRASH_POINT("process.spawned");
  const uint64_t id = ++last_id;
  auto owned = std::make_unique<Child>(id, std::move(spawned), spec, std::move(handlers));
  Child& child = *owned;
  children.emplace(id, std::move(owned));
  unread.emplace(id, std::make_shared<std::atomic<size_t>>(0));
  const auto pid = pids.emplace(id, std::make_shared<std::atomic<int>>(child.pid())).first->second;
  watch(child.end_fd(), pack(id, Source::kEnd), EPOLLIN);
  for (const OutputStream stream : kStreams) watch(child.output_fd(stream), pack(id, source_of(stream)), EPOLLIN);
  // Edge-triggered: an input that is kept open would otherwise report itself writable for ever.
  watch(child.input_fd(), pack(id, Source::kInput), EPOLLOUT | EPOLLET);
  child.write_input();
  auto send_weakly = [weak = weak_from_this()](Command command) {
    if (const auto host = weak.lock()) host->send(std::move(command));
  };
  return std::make_shared<HostedProcess>(std::move(send_weakly), id, pid);
}

ProcessHost::ProcessHost(Executor& executor) : impl_(std::make_shared<Impl>(executor)) {
  impl_->thread = std::thread([host = impl_.get()] { host->run(); });
}

ProcessHost::~ProcessHost() {
  impl_->begin_stop();
  impl_->thread.join();
}

Result<std::shared_ptr<Process>> ProcessHost::start(ProcessSpec spec, ProcessHandlers handlers) {
  return impl_->start({.spec = std::move(spec), .handlers = std::move(handlers)});
}

Result<std::shared_ptr<Process>> ProcessHost::start_forked(std::string socket, ProcessSpec spec, ProcessHandlers handlers) {
  return impl_->start({.spec = std::move(spec), .handlers = std::move(handlers), .fork_socket = std::move(socket)});
}

}  // namespace squall::process
