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
  std::vector<std::string> arguments;        // [0] is looked up in PATH of `environment` when it has no '/'
  std::map<std::string, std::string> environment;  // the whole environment, nothing is inherited
  std::string working_directory;             // empty: that of squall
  std::string input;                         // written to its standard input, which is then closed
  Duration timeout = Duration::zero();       // zero: none; then SIGTERM to the group, SIGKILL two seconds later
};

struct ProcessResult {
  int exit_code = 0;       // negative signal number when a signal ended it, as Python's subprocess
  bool timed_out = false;
  bool killed = false;     // by kill()
  std::string standard_output;
  std::string standard_error;
  bool output_truncated = false;  // past limits::kProcessOutputBytesMax
};

enum class OutputStream { kStandardOutput, kStandardError };

// A child process. Its own session and process group; it dies with squall (PR_SET_PDEATHSIG).
class Process {
 public:
  virtual ~Process() = default;
  virtual int pid() const = 0;
  // SIGTERM to the group, SIGKILL after `grace`. Thread-safe, harmless after the end.
  virtual void kill(Duration grace) = 0;
  // More bytes for standard input of a process that was started with keep_input_open.
  virtual void write_input(std::string bytes) = 0;
};

struct ProcessHandlers {
  std::function<void(OutputStream, std::string_view chunk)> on_output;  // may be empty
  std::function<void(ProcessResult)> on_exit;                           // exactly once, after all output
  bool keep_input_open = false;
  bool collect_output = true;  // false: output goes to on_output only
};

// Starts and watches all children on one thread of its own. Handlers run on `executor`. Thread-safe.
class ProcessHost {
 public:
  explicit ProcessHost(Executor& executor);
  ~ProcessHost();  // kills what still runs
  ProcessHost(const ProcessHost&) = delete;
  ProcessHost& operator=(const ProcessHost&) = delete;

  // The error (kNotFound: no such program, kIo) names the program. After an error no handler is called.
  Result<std::shared_ptr<Process>> start(ProcessSpec spec, ProcessHandlers handlers);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace squall::process
