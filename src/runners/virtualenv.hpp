// Virtualenvs: the Python interpreters of packs, made when they are first needed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/result.hpp"
#include "process/environment.hpp"
#include "process/process.hpp"

namespace squall::runners {

struct VirtualenvOptions {
  std::string directory;                              // where they are kept: <data>/virtualenvs
  std::string python = "python3";                     // makes them, and runs packs that need none
  process::Environment environment;                   // of pip: PATH, proxies, PIP_* settings
  Duration build_timeout = std::chrono::minutes(15);  // of each step
  Duration retry_after = std::chrono::minutes(1);     // a failed one is not tried again sooner
};

// The interpreter that a pack's code runs in.
struct Interpreter {
  std::string python;     // program
  std::string directory;  // of the virtualenv; empty: the system's interpreter
};

// Makes virtualenvs on demand. A pack that requires nothing gets the system's interpreter: the runtime
// (python/squall_runner) needs nothing but the standard library. A pack requires what its requirements.txt says, and
// what it imports from StackStorm's own environment (implied_requirements.hpp) where the system's interpreter does not
// have it; when that cannot be installed, it runs without. Any other pack gets
//
//   <directory>/<pack>            a link to the one in use
//   <directory>/.<pack>-<hash>/   the virtualenv; sees the system's packages too, because packs written for StackStorm
//   use
//                                 libraries (six, yaml, requests) that they do not list
//   <directory>/<pack>.log        what venv and pip said
//
// where <hash> stands for the requirements and the version of Python: when one of these changes, a new virtualenv is
// made beside the old one and the link is moved, so that running actions keep what they have. A file squall-complete
// inside says that it is whole; whatever lacks it is made again.
//
// Lives on the executor; all calls and callbacks happen there.
class Virtualenvs {
 public:
  Virtualenvs(Executor& executor, process::ProcessHost& processes, VirtualenvOptions options,
              const Clock& clock = Clock::system());
  ~Virtualenvs();  // callbacks that are still due are not called any more
  Virtualenvs(const Virtualenvs&) = delete;
  Virtualenvs& operator=(const Virtualenvs&) = delete;

  using Done = std::function<void(Result<Interpreter>)>;
  // Calls `done`, inside this call when nothing has to be made. The error tells which step failed and names the log.
  // `environment` is added to that of pip, should one be made now.
  void ensure(const std::string& pack, const std::string& pack_path, Done done,
              const process::Environment& environment = {});
  // Which step is under way: "pip install -r requirements.txt"; empty when nothing is being made.
  std::string progress(const std::string& pack) const;
  // The next ensure() makes it again, with the newest versions that the requirements allow. Actions that run in it now
  // may miss files for a while, as in StackStorm.
  void forget(const std::string& pack);
  // Deletes the virtualenvs of a pack that is gone, but for one that is being made.
  void remove(const std::string& pack);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace squall::runners
