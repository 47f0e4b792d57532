// Child processes: started without a shell, watched through pidfds, killed as a group.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/result.hpp"

namespace squall::process {

struct ProcessSpec {
  std::vector<std::string> arguments;              // [0] is looked up in PATH of `environment` when it has no '/'
  std::map<std::string, std::string> environment;  // the whole environment, nothing is inherited
  std::string working_directory;                   // empty: that of squall
  std::string input;                               // written to its standard input, which is then closed
  Duration timeout = Duration::zero();             // zero: none; then SIGTERM to the tree, SIGKILL kTimeoutGrace later
  // The group may belong to another user (a command under sudo): where kill(2) is refused, `sudo -n kill` is tried.
  bool kill_with_sudo = false;
  // It and all that descend from it, at the same time; more, and all of them are killed. Zero: any number, and then
  // orphans of the process are not kept with it. Looked at a few times a second: a bound for accidents; exact ones are
  // the operating system's.
  size_t processes_max = 0;
};

// Between SIGTERM and SIGKILL of a process that ran into its timeout; 2 s after it all is over.
inline constexpr Duration kTimeoutGrace = std::chrono::milliseconds(1500);
// How long output is still awaited after the end of the process itself. A grandchild that lives on (a daemon that an
// action started) keeps the pipes open; without this bound the action would last as long as the daemon.
inline constexpr Duration kDrainAfterExit = std::chrono::milliseconds(500);
// How long the end is awaited after SIGKILL. Passed only by a process that cannot die (stuck in the kernel, or another
// user's); its end is then reported as -SIGKILL, and it is reaped whenever it does end.
inline constexpr Duration kGiveUpAfterKill = std::chrono::seconds(5);
// How long a fork server may take for a fork.
inline constexpr Duration kForkTimeout = std::chrono::seconds(5);
// Bytes for standard input that may wait in memory; a process that lets more pile up is killed, with a line in the log.
inline constexpr size_t kInputQueueBytesMax = 64u << 20;

struct ProcessResult {
  int exit_code = 0;  // negative signal number when a signal ended it, as Python's subprocess
  bool timed_out = false;
  bool killed = false;              // by kill()
  bool too_many_processes = false;  // past processes_max
  std::string standard_output;
  std::string standard_error;
  bool output_truncated = false;  // past limits::kProcessOutputBytesMax
};

enum class OutputStream { kStandardOutput, kStandardError };

// A child process. Its own session and process group; it dies with squall (PR_SET_PDEATHSIG, which the kernel clears
// for set-user-id programs such as sudo). It inherits no descriptor but its three pipes, no signal mask and no
// handlers. The object may be dropped at any time; that neither stops nor detaches the process.
class Process {
 public:
  virtual ~Process() = default;
  // 0 while a fork server has not told it.
  virtual int pid() const = 0;
  // SIGTERM to the whole tree of processes, SIGKILL after `grace`. Thread-safe, harmless after the end.
  virtual void kill(Duration grace) = 0;
  // More bytes for standard input of a process that was started with keep_input_open. Thread-safe, never blocks;
  // bytes that the process does not take any more are dropped.
  virtual void write_input(std::string bytes) = 0;
  // Closes standard input once everything that was written so far is through.
  virtual void close_input() = 0;
};

struct ProcessHandlers {
  // Pieces of up to 64 KiB as they arrive, split anywhere; may be empty. Reading pauses while the executor is behind.
  std::function<void(OutputStream, std::string_view chunk)> on_output;
  std::function<void(ProcessResult)> on_exit;  // exactly once, after all output
  bool keep_input_open = false;
  bool collect_output = true;  // false: output goes to on_output only
  // Only for start_forked(): the process is there; or it is not and never was, and no other handler will be called.
  std::function<void(int pid)> on_forked;
  std::function<void(Error)> on_refused;
};

// Starts and watches all children on one thread of its own. Handlers run on `executor`. Thread-safe.
class ProcessHost {
 public:
  explicit ProcessHost(Executor& executor);
  ~ProcessHost();  // kills what still runs
  ProcessHost(const ProcessHost&) = delete;
  ProcessHost& operator=(const ProcessHost&) = delete;

  // Waits until the child runs its program, which takes about a millisecond. The error (kNotFound: no such program,
  // kIo: anything else) names the program, or the directory at fault. After an error no handler is called.
  Result<std::shared_ptr<Process>> start(ProcessSpec spec, ProcessHandlers handlers);

  // The same by a fork server that listens on a Unix socket (fork_client.hpp has the protocol): instead of executing a
  // program, it forks itself and the child does what `spec.input` says. Arguments, environment and directory of the
  // spec do not count. The process gets no byte of its input before the server has told its number, so that after
  // on_refused the same may safely be started in another way. An error is like on_refused.
  Result<std::shared_ptr<Process>> start_forked(std::string socket, ProcessSpec spec, ProcessHandlers handlers);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the Process objects that it gave out, which may live longer
};

}  // namespace squall::process
