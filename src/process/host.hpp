// ProcessHost::Impl: the thread behind ProcessHost. host.cpp has its loop and its commands, host_children.cpp what it
// does with each child.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "process/child.hpp"
#include "process/process.hpp"

namespace squall::process {

// What an event of epoll is about; packed with the child's id into its 64 bits of user data. Ids start at 1.
enum class Source : uint64_t { kEnd, kInput, kOutput, kError };
inline constexpr uint64_t kWakeUp = 0;
constexpr uint64_t pack(uint64_t id, Source source) { return id * 4 + static_cast<uint64_t>(source); }
constexpr Source source_of(OutputStream stream) {
  return stream == OutputStream::kStandardOutput ? Source::kOutput : Source::kError;
}
inline constexpr std::array kStreams = {OutputStream::kStandardOutput, OutputStream::kStandardError};

// A call of start() that waits for the host's thread.
struct StartCall {
  ProcessSpec spec;
  ProcessHandlers handlers;
  std::string fork_socket;  // empty: an ordinary process
  Result<std::shared_ptr<Process>> result =
      fail(ErrorCode::kCanceled, "squall is stopping: no process is started any more");
  bool done = false;
};

struct Command {
  enum class Kind { kStart, kKill, kWrite, kCloseInput, kResume } kind;
  uint64_t id = 0;
  Duration grace{};
  std::string bytes;
  StartCall* start = nullptr;
};

struct ProcessHost::Impl : std::enable_shared_from_this<ProcessHost::Impl> {
  explicit Impl(Executor& executor_of_handlers);

  // Any thread.
  bool send(Command command);
  void begin_stop();
  Result<std::shared_ptr<Process>> start(StartCall call);

  // The host's thread.
  void run();
  int wait_ms() const;
  void run_commands();
  void run_command(Command& command);
  Result<std::shared_ptr<Process>> start_child(const ProcessSpec& spec, ProcessHandlers handlers,
                                               const std::string& fork_socket = {});
  void on_event(uint64_t packed);
  void on_end(Child& child);
  void on_fork_message(Child& child);
  void refuse(Child& child, Error error);
  void leader_ended(Child& child, std::optional<int> forked_exit_code);
  void check_deadlines();
  void check_deadlines(Child& child, SteadyTime now);
  void terminate(Child& child, Duration grace);
  void look(Child& child, SteadyTime now);
  void end_rest(Child& child);
  void kill_tree(Child& child);
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
  // What the Process objects of forked children show as their number.
  std::unordered_map<uint64_t, std::shared_ptr<std::atomic<int>>> pids;
  std::vector<uint64_t> finished;  // to be dropped at the end of the turn
};

}  // namespace squall::process
