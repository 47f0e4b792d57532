#include "process/process.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "process/child.hpp"

namespace squall::process {
namespace {

using Clock = std::chrono::steady_clock;

// What an event of epoll is about; packed with the child's id into its 64 bits of user data.
enum class Source : uint64_t { kEnd, kInput, kOutput, kError };
constexpr uint64_t kWakeUp = 0;  // ids start at 1

constexpr uint64_t pack(uint64_t id, Source source) { return id * 4 + static_cast<uint64_t>(source); }
constexpr Source source_of(OutputStream stream) {
  return stream == OutputStream::kStandardOutput ? Source::kOutput : Source::kError;
}
constexpr std::array kStreams = {OutputStream::kStandardOutput, OutputStream::kStandardError};

// Bytes of one child that may be on their way to the executor before reading pauses.
constexpr size_t kUnreadBytesMax = 1u << 20;
// Pieces read from one pipe before the others get their turn.
constexpr int kPiecesPerTurn = 16;

// A call of start() that waits for the host's thread.
struct StartCall {
  ProcessSpec spec;
  ProcessHandlers handlers;
  Result<std::shared_ptr<Process>> result = fail(ErrorCode::kCanceled, "squall is stopping: no process is started any more");
  bool done = false;
};

struct Command {
  enum class Kind { kStart, kKill, kWrite, kCloseInput, kResume } kind;
  uint64_t id = 0;
  Duration grace{};
  std::string bytes;
  StartCall* start = nullptr;
};

}  // namespace

struct ProcessHost::Impl : std::enable_shared_from_this<ProcessHost::Impl> {
  explicit Impl(Executor& executor_of_handlers);

  // Any thread.
  bool send(Command command);
  void begin_stop();
  Result<std::shared_ptr<Process>> start(ProcessSpec spec, ProcessHandlers handlers);

  // The host's thread.
  void run();
  int wait_ms() const;
  void run_commands();
  void run_command(Command& command);
  Result<std::shared_ptr<Process>> start_child(const ProcessSpec& spec, ProcessHandlers handlers);
  void on_event(uint64_t packed);
  void on_end(Child& child);
  void check_deadlines();
  void check_deadlines(Child& child, SteadyTime now);
  void terminate(Child& child, Duration grace);
  void kill_group(Child& child);
  void kill_as_root(const Child& child);
  void finish_leader(Child& child);
  void give_up(Child& child);
  void read_output(Child& child, OutputStream stream);
  void deliver(Child& child, OutputStream stream, std::string chunk);
  void pause(Child& child);
  void resume(Child& child);
  void report_if_done(Child& child);
  void report(Child& child);
  void watch(int fd, uint64_t packed, uint32_t events);
  void unwatch(int fd) { ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, fd, nullptr); }

  Executor& executor;
  UniqueFd epoll;
  UniqueFd wake_up;
  std::thread thread;

  std::mutex mutex;
  std::condition_variable started;  // some StartCall is done
  std::vector<Command> commands;    // guarded by mutex
  bool stopping = false;            // guarded by mutex
  bool ended = false;               // guarded by mutex: the thread takes no more commands

  bool is_stopping = false;  // the host's thread's own copy
  uint64_t last_id = 0;
  std::unordered_map<uint64_t, std::unique_ptr<Child>> children;
  // Bytes on their way to the executor, by child. Shared with the posted tasks.
  std::unordered_map<uint64_t, std::shared_ptr<std::atomic<size_t>>> unread;
  std::vector<uint64_t> finished;  // to be dropped at the end of the turn
};

namespace {

// The handle given to callers. Everything is done by the host's thread, so it holds nothing but the address.
class HostedProcess final : public Process {
 public:
  HostedProcess(std::function<void(Command)> send, uint64_t id, int pid) : send_(std::move(send)), id_(id), pid_(pid) {}
  int pid() const override { return pid_; }
  void kill(Duration grace) override { send_({.kind = Command::Kind::kKill, .id = id_, .grace = grace}); }
  void write_input(std::string bytes) override {
    send_({.kind = Command::Kind::kWrite, .id = id_, .bytes = std::move(bytes)});
  }
  void close_input() override { send_({.kind = Command::Kind::kCloseInput, .id = id_}); }

 private:
  std::function<void(Command)> send_;  // does nothing once the host is gone
  uint64_t id_;
  int pid_;
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

Result<std::shared_ptr<Process>> ProcessHost::Impl::start(ProcessSpec spec, ProcessHandlers handlers) {
  StartCall call{.spec = std::move(spec), .handlers = std::move(handlers)};
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
                              : start_child(command.start->spec, std::move(command.start->handlers));
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

Result<std::shared_ptr<Process>> ProcessHost::Impl::start_child(const ProcessSpec& spec, ProcessHandlers handlers) {
  SQ_TRY(SpawnedChild spawned, spawn(spec));
  const uint64_t id = ++last_id;
  auto owned = std::make_unique<Child>(id, std::move(spawned), spec, std::move(handlers));
  Child& child = *owned;
  children.emplace(id, std::move(owned));
  unread.emplace(id, std::make_shared<std::atomic<size_t>>(0));
  watch(child.pidfd(), pack(id, Source::kEnd), EPOLLIN);
  for (const OutputStream stream : kStreams) watch(child.output_fd(stream), pack(id, source_of(stream)), EPOLLIN);
  // Edge-triggered: an input that is kept open would otherwise report itself writable for ever.
  watch(child.input_fd(), pack(id, Source::kInput), EPOLLOUT | EPOLLET);
  child.write_input();
  auto send_weakly = [weak = weak_from_this()](Command command) {
    if (const auto host = weak.lock()) host->send(std::move(command));
  };
  return std::make_shared<HostedProcess>(std::move(send_weakly), id, child.pid());
}

void ProcessHost::Impl::on_event(uint64_t packed) {
  if (packed == kWakeUp) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_up.get(), &count, sizeof count);
    return;
  }
  const auto found = children.find(packed / 4);
  if (found == children.end()) return;
  Child& child = *found->second;
  switch (static_cast<Source>(packed % 4)) {
    case Source::kEnd:
      if (!child.reaped()) on_end(child);
      break;
    case Source::kInput:
      child.write_input();
      break;
    case Source::kOutput:
      read_output(child, OutputStream::kStandardOutput);
      break;
    case Source::kError:
      read_output(child, OutputStream::kStandardError);
      break;
  }
}

void ProcessHost::Impl::on_end(Child& child) {
  if (child.given_up) {
    child.reap();
    finished.push_back(child.id());
    return;
  }
  // The leader ended on our SIGTERM. The rest of its group has the same grace; as long as the leader is not reaped its
  // number cannot be given to anybody else, so the SIGKILL that may follow hits the right ones.
  if (child.terminating && !child.killed && !child.pipes_closed()) {
    child.leader_ended = true;
    unwatch(child.pidfd());
    return;
  }
  if (child.terminating && !child.killed) kill_group(child);
  finish_leader(child);
}

void ProcessHost::Impl::finish_leader(Child& child) {
  child.reap();
  child.deadlines = {};
  child.deadlines.drain = Clock::now() + kDrainAfterExit;
  report_if_done(child);
}

void ProcessHost::Impl::terminate(Child& child, Duration grace) {
  if (child.reaped() || child.given_up || child.killed) return;
  const SteadyTime kill_at = Clock::now() + grace;
  const bool sooner = !child.deadlines.kill || kill_at < *child.deadlines.kill;
  if (sooner) child.deadlines.kill = kill_at;
  child.deadlines.timeout.reset();
  if (child.terminating) return;
  child.terminating = true;
  if (grace > Duration::zero()) child.signal_group(SIGTERM);
}

void ProcessHost::Impl::kill_group(Child& child) {
  child.killed = true;
  child.deadlines.kill.reset();
  child.deadlines.give_up = Clock::now() + kGiveUpAfterKill;
  if (!child.signal_group(SIGKILL) && child.kill_with_sudo) kill_as_root(child);
}

void ProcessHost::Impl::kill_as_root(const Child& child) {
  ProcessSpec spec{.arguments = {"sudo", "-n", "kill", "-KILL", "--", std::to_string(-child.pid())}};
  spec.environment["PATH"] = child.search_path;
  if (const auto helper = start_child(spec, {}); !helper)
    log_warning("cannot kill a process of another user",
                {{"pid", std::to_string(child.pid())}, {"reason", helper.error().message()}});
}

void ProcessHost::Impl::check_deadlines() {
  const SteadyTime now = Clock::now();
  std::vector<Child*> due;  // kill_as_root() adds children, so the map is not walked while acting
  for (const auto& [id, child] : children)
    if (const auto next = child->deadlines.next(); next && *next <= now) due.push_back(child.get());
  for (Child* child : due) check_deadlines(*child, now);
}

void ProcessHost::Impl::check_deadlines(Child& child, SteadyTime now) {
  const auto passed = [now](const std::optional<SteadyTime>& time) { return time && *time <= now; };
  if (passed(child.deadlines.timeout)) {
    child.result.timed_out = true;
    terminate(child, kTimeoutGrace);
  }
  if (passed(child.deadlines.kill)) {
    kill_group(child);
    if (child.leader_ended) finish_leader(child);
  }
  if (passed(child.deadlines.give_up)) give_up(child);
  if (passed(child.deadlines.drain)) {
    if (child.paused) {
      child.deadlines.drain = now + kDrainAfterExit;  // the executor is behind, not the process
      return;
    }
    for (const OutputStream stream : kStreams) read_output(child, stream);
    if (child.paused) return;
    child.close_output();
    report_if_done(child);
  }
}

void ProcessHost::Impl::give_up(Child& child) {
  log_error("process does not die", {{"pid", std::to_string(child.pid())}});
  child.deadlines = {};
  child.given_up = true;
  child.result.exit_code = -SIGKILL;
  child.close_output();
  report(child);
  if (is_stopping) finished.push_back(child.id());
}

void ProcessHost::Impl::read_output(Child& child, OutputStream stream) {
  std::string chunk;
  for (int piece = 0; piece < kPiecesPerTurn && !child.paused; ++piece) {
    const PipeState state = child.read_output(stream, chunk);
    if (state == PipeState::kBlocked) return;
    if (state == PipeState::kClosed) break;
    deliver(child, stream, std::move(chunk));
  }
  if (!child.pipes_closed()) return;
  if (child.leader_ended && !child.reaped()) {  // nobody of the group is left who could still write
    kill_group(child);
    finish_leader(child);
    return;
  }
  report_if_done(child);
}

void ProcessHost::Impl::deliver(Child& child, OutputStream stream, std::string chunk) {
  const size_t fitting = child.collect(stream, chunk).size();
  if (fitting == 0 || !child.handlers->on_output) return;
  chunk.resize(fitting);
  auto counter = unread.at(child.id());
  const size_t before = counter->fetch_add(fitting);
  executor.post([weak = weak_from_this(), handlers = child.handlers, counter, id = child.id(), stream,
                 chunk = std::move(chunk)] {
    handlers->on_output(stream, chunk);
    const size_t left = counter->fetch_sub(chunk.size());
    if (left < kUnreadBytesMax || left - chunk.size() >= kUnreadBytesMax) return;
    if (const auto host = weak.lock()) host->send({.kind = Command::Kind::kResume, .id = id});
  });
  if (before + fitting >= kUnreadBytesMax) pause(child);
}

void ProcessHost::Impl::pause(Child& child) {
  child.paused = true;
  for (const OutputStream stream : kStreams)
    if (child.output_fd(stream) >= 0) unwatch(child.output_fd(stream));
  // The executor may have caught up before the line above, and its wake-up with it.
  if (*unread.at(child.id()) < kUnreadBytesMax) resume(child);
}

void ProcessHost::Impl::resume(Child& child) {
  if (!child.paused) return;
  child.paused = false;
  for (const OutputStream stream : kStreams)
    if (child.output_fd(stream) >= 0) watch(child.output_fd(stream), pack(child.id(), source_of(stream)), EPOLLIN);
}

void ProcessHost::Impl::report_if_done(Child& child) {
  if (!child.reaped() || !child.pipes_closed() || child.given_up) return;
  child.deadlines = {};
  report(child);
  finished.push_back(child.id());
}

void ProcessHost::Impl::report(Child& child) {
  if (!child.handlers || !child.handlers->on_exit) return;
  executor.post([handlers = std::exchange(child.handlers, nullptr), result = std::move(child.result)]() mutable {
    handlers->on_exit(std::move(result));
  });
}

ProcessHost::ProcessHost(Executor& executor) : impl_(std::make_shared<Impl>(executor)) {
  impl_->thread = std::thread([host = impl_.get()] { host->run(); });
}

ProcessHost::~ProcessHost() {
  impl_->begin_stop();
  impl_->thread.join();
}

Result<std::shared_ptr<Process>> ProcessHost::start(ProcessSpec spec, ProcessHandlers handlers) {
  return impl_->start(std::move(spec), std::move(handlers));
}

}  // namespace squall::process
