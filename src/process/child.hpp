// Child: the state of one running process on the host's thread. Knows its pipes and its end, not the event loop.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "process/process.hpp"
#include "process/spawn.hpp"
#include "process/tree.hpp"

namespace squall::process {

using SteadyTime = std::chrono::steady_clock::time_point;

// How often the processes of an action are counted.
inline constexpr auto kCountEvery = std::chrono::milliseconds(200);

// What a read came to.
enum class PipeState { kOpen, kBlocked, kClosed };

// Used by the host's thread only.
class Child {
 public:
  Child(uint64_t id, SpawnedChild spawned, const ProcessSpec& spec, ProcessHandlers handlers);

  uint64_t id() const { return id_; }
  // Readable when it has ended: the pidfd, or the connection to its fork server, which tells other things too.
  int end_fd() const { return is_forked() ? control_.get() : pidfd_.get(); }
  pid_t pid() const { return pid_; }
  // It is the child of a fork server.
  bool is_forked() const { return control_.valid(); }
  const UniqueFd& control() const { return control_; }
  // The fork server has told the number; the time of `timeout` begins, and input may be written.
  void set_forked(pid_t pid);
  int input_fd() const { return input_.get(); }
  int output_fd(OutputStream stream) const { return pipe(stream).get(); }
  bool pipes_closed() const { return !output_.valid() && !error_.valid(); }

  // Standard input: bytes wait in memory until the child takes them.
  // False when more than kInputQueueBytesMax would wait.
  bool queue_input(std::string bytes);
  void close_input_when_written() { keep_input_open_ = false; }
  // Writes until the pipe is full, everything is written, or the child has closed its end. Closes the pipe when no more
  // will come.
  void write_input();

  // Reads one piece of up to 64 KiB into `chunk`; kClosed at the end of the stream, with the pipe closed.
  PipeState read_output(OutputStream stream, std::string& chunk);
  void close_output();
  // So much of the stream was kept that the rest is only counted for.
  bool is_full(OutputStream stream) const;
  // Like read_output(), for a stream that is full: the bytes are dropped without being copied.
  PipeState drop_output(OutputStream stream);
  // Adds to the result as far as the limit allows; the part of `chunk` that fitted.
  std::string_view collect(OutputStream stream, std::string_view chunk);

  // Sends a signal to the whole group. The leader must not have been reaped, else the number may be somebody else's.
  // False when the kernel refuses (another user's process).
  bool signal_group(int number);
  // Takes the exit status from the kernel.
  void reap();
  // The same for the child of a fork server, which told the exit code.
  void reap_forked(int exit_code);
  bool reaped() const { return reaped_; }

  // Times at which the host has to act. Nothing: never.
  struct Deadlines {
    std::optional<SteadyTime> timeout;  // of the whole run
    std::optional<SteadyTime> kill;     // SIGKILL follows SIGTERM
    std::optional<SteadyTime> give_up;  // the process does not die
    std::optional<SteadyTime> drain;    // output after the end
    std::optional<SteadyTime> fork;     // the fork server does not answer
    std::optional<SteadyTime> look;     // at the processes that it has started
    std::optional<SteadyTime> next() const;
  };
  Deadlines deadlines;

  ProcessResult result;
  std::shared_ptr<const ProcessHandlers> handlers;  // shared with the tasks posted to the executor
  std::string search_path;                          // PATH of its environment, to find sudo
  bool collects_output = true;
  bool kill_with_sudo = false;
  size_t processes_max = 0;
  std::optional<ProcessTree> tree;      // once it has to end
  bool terminating = false;             // SIGTERM was sent
  bool killed = false;                  // SIGKILL was sent
  bool leader_ended = false;            // but is not reaped yet: the rest of the group has its grace
  bool paused = false;                  // reading waits for the executor
  bool given_up = false;                // its end was reported although it has not come
  std::optional<int> forked_exit_code;  // what the fork server told while the rest of the group has its grace

 private:
  UniqueFd& pipe(OutputStream stream) { return stream == OutputStream::kStandardOutput ? output_ : error_; }
  const UniqueFd& pipe(OutputStream stream) const { return stream == OutputStream::kStandardOutput ? output_ : error_; }

  uint64_t id_;
  pid_t pid_;
  UniqueFd pidfd_, control_, input_, output_, error_;
  Duration timeout_;
  std::string input_queue_;
  size_t input_offset_ = 0;
  bool keep_input_open_;
  bool reaped_ = false;
};

}  // namespace squall::process
