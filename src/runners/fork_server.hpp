// ForkServers: warm Python interpreters (python/squall_runner/zygote.py), from which actions are forked.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "process/environment.hpp"
#include "process/process.hpp"
#include "runners/virtualenv.hpp"

namespace squall::runners {

struct ForkServerOptions {
  std::string directory;          // for sockets; its path should be short (Unix sockets allow 107 bytes)
  std::string runtime_directory;  // python/squall_runner
  process::Environment environment;
  size_t count_max = 8;  // of servers that are kept; the one not used for longest goes
  Duration start_timeout = std::chrono::seconds(30);
  Duration retry_after = std::chrono::minutes(1);  // an interpreter whose server failed is not tried again sooner
};

// One server for each interpreter, started when it is first asked for. Nothing depends on them: where there is no server,
// actions start an interpreter of their own. Lives on the executor; all calls and callbacks happen there.
class ForkServers {
 public:
  ForkServers(Executor& executor, process::ProcessHost& processes, ForkServerOptions options,
              const Clock& clock = Clock::system());
  ~ForkServers();  // ends the servers; callbacks that are still due are not called any more
  ForkServers(const ForkServers&) = delete;
  ForkServers& operator=(const ForkServers&) = delete;

  // Calls `done` with the socket of the interpreter's server, or with an empty text when there is none. Inside this call
  // when that is known.
  using Done = std::function<void(std::string socket)>;
  void ensure(const Interpreter& interpreter, Done done);
  // The server did not do what was asked of it: it is ended and not used for a while.
  void report_broken(const Interpreter& interpreter, const Error& error);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace squall::runners
