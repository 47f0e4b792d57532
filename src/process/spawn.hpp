// spawn(): one child process with three pipes and a pidfd. The mechanics below ProcessHost.
#pragma once

#include <sys/types.h>

#include <array>

#include "base/result.hpp"
#include "process/process.hpp"
#include "process/unique_fd.hpp"

namespace squall::process {

struct SpawnedChild {
  pid_t pid = 0;
  UniqueFd pidfd;    // readable once the child has ended; the child is still to be reaped then
  UniqueFd control;  // instead of pid and pidfd: the connection to the fork server whose child it is
  UniqueFd input;    // our ends of its pipes, non-blocking, close-on-exec
  UniqueFd output;
  UniqueFd error;
};

// The three pipes of a child: `child` receives our ends, `theirs` the other ones. All are close-on-exec and above 2.
Status make_pipes(SpawnedChild& child, std::array<UniqueFd, 3>& theirs);

// Starts the child and waits until it runs its program, or could not. The child dies with the calling *thread*
// (PR_SET_PDEATHSIG is about threads), so that has to be one that lives as long as the program. Does not touch
// spec.input and spec.timeout.
Result<SpawnedChild> spawn(const ProcessSpec& spec);

}  // namespace squall::process
