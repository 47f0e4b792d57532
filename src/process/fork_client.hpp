// The client's half of the fork server protocol; the server's half is python/squall_runner/zygote.py.
//
// One connection of a Unix stream socket is one process:
//   client: one byte 'F' with three descriptors (SCM_RIGHTS): standard input, output and error of the child
//   server: ForkMessage {kForked, pid}
//   client: at any time a byte with the number of a signal for the whole process group
//   server: ForkMessage {kEnded, exit code, or minus the number of a signal}; the child is not reaped yet
//   client: closes. A child that still runs is killed; one that has ended is reaped.
// When the server dies, its children die with it, and the connection ends without kEnded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "process/spawn.hpp"

namespace squall::process {

struct ForkMessage {
  enum Kind : int32_t { kForked = 1, kEnded = 2 };
  int32_t kind;   // both in the byte order of the machine
  int32_t value;
};

// Connects and asks for a fork. Never blocks: the answer is still to be read from `control`.
Result<SpawnedChild> request_fork(const std::string& socket);

// The next message of a connection: nothing when there is none yet, kUnavailable when the server has gone.
Result<std::optional<ForkMessage>> read_fork_message(const UniqueFd& control);

}  // namespace squall::process
