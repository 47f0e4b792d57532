// Turns: one chain at a time works on one Database resource.
//
// Every chain of the pack begins with database.take_turn. Without it a deletion would race with a creation, and two
// changes with one another. A chain that waits for its turn holds no thread; the last change of a resource is never
// forgotten, because its chain waits, durably, and reads the resource anew when its turn comes.
#pragma once

#include <list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runners/execution_control.hpp"

namespace squall::runners::database {

enum class TurnMode {
  kQueue,    // after those that were here before
  kReplace,  // like kQueue; chains of the same kind that still wait are canceled: this one does all that they would
  kPreempt,  // ends the others as soon as no call of theirs is under way
};

// Not thread-safe: everything on the executor's thread. Finds after a restart who had the turn.
class Turns {
 public:
  explicit Turns(ExecutionControl control) : control_(std::move(control)) {}

  // Has this chain the turn now? Otherwise it asks again later. `mine` is the chain's execution id.
  bool take(const std::string& uid, const std::string& mine, const std::string& action, TurnMode mode,
            const std::string& user);
  // A chain that is to start later, so that it can be ended before it does.
  void expect(const std::string& uid, const std::string& id, const std::string& action);
  // Is a chain other than `mine` at work on this resource, or waiting for it, or to start later?
  bool has_others(const std::string& uid, std::string_view mine);
  // The same, for chains that do what `action` would do.
  bool has_others_like(const std::string& uid, std::string_view mine, std::string_view action);

 private:
  struct Entry {
    std::string id;
    std::string action;  // ref
    bool holds = false;
  };
  using Queue = std::list<Entry>;

  void load();
  Queue& queue(const std::string& uid);
  void make_room(Queue& entries, const Entry& self, TurnMode mode, const std::string& user);

  ExecutionControl control_;
  std::map<std::string, Queue> queues_;  // by uid of the resource
  bool loaded_ = false;
};

// The uid of the resource that a chain of the pack `database` works on; empty for every other execution.
std::string uid_of_chain(const Value& execution);

}  // namespace squall::runners::database
