// ProcessTree: everything that an action has started, as /proc shows it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

namespace squall::process {

// A process and all that descend from it, in whatever group or session they are. Whoever was seen once stays known when
// its parents are gone; so does the session of the first one. Used by one thread. Blind where /proc is not mounted:
// then there is nothing but the process group.
class ProcessTree {
 public:
  explicit ProcessTree(pid_t root) : root_(root) {}

  // Looks again. Tables of /proc are shared by all trees of a thread and at most `age` old.
  void look(std::chrono::milliseconds age = std::chrono::milliseconds(0));
  // Of the last look: how many are alive, without the first one when it has ended.
  size_t alive() const { return alive_; }
  // Those outside of the first one's group. False when the kernel refused one (another user's process).
  bool signal_others(int number) const;
  // They too, as arguments for kill(1).
  std::vector<pid_t> others() const;

 private:
  pid_t root_;
  std::map<pid_t, uint64_t> known_;  // by number: when it was started, because numbers are used again
  size_t alive_ = 0;
};

// Processes and threads of the machine; cheap. 0 when unknown.
size_t tasks_of_machine();

}  // namespace squall::process
