// EventHub: tells whoever listens of what became durable, in StackStorm's events (stackstorm-features.md Q-2).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "store/store.hpp"
#include "value/value.hpp"

namespace squall::engine {

struct HubEvent {
  uint64_t number = 0;       // counts up; what a client resumes after
  std::string name;          // "st2.execution__update"
  std::string execution_id;  // of executions and their output; else empty
  std::string action_ref;    // of executions, live actions and output; else empty
  Value data;
};

// Lives on the engine's thread. Costs next to nothing while nobody listens.
class EventHub {
 public:
  using Listener = std::function<void(const HubEvent&)>;

  explicit EventHub(const Clock& clock) : clock_(clock) {}

  // Listeners are called in the order in which they came; they may go while they are called.
  uint64_t listen(Listener listener);
  void drop(uint64_t listener);

  // What has been committed: executions and action aliases become events.
  void on_committed(store::Collection collection, const std::string& id, const Value& document, bool erased);
  // An event that is no record, e.g. "st2.announcement__general".
  void publish(std::string name, Value data);
  // What an action prints while it runs; it is told line by line.
  void publish_output(const Value& execution, std::string_view type, std::string_view text);

  // What an execution that is not over has printed so far, or the first kPrintedKept bytes of it. Empty when it has
  // not, or its runner tells nothing while it runs.
  static constexpr size_t kPrintedKept = 1u << 20;
  std::string_view printed(std::string_view execution, std::string_view type) const;

  // The events after that number that are still remembered, oldest first.
  std::vector<HubEvent> since(uint64_t number) const;

 private:
  bool active() const;
  void emit(HubEvent event);
  void tell_execution(const Value& document);
  void tell_step(const Value& document, size_t entries);
  void tell_output_of_result(const Value& document);
  void tell_line(const Value& execution, std::string_view type, std::string_view line);

  const Clock& clock_;
  Timestamp listening_since_{};
  std::map<uint64_t, Listener> listeners_;
  uint64_t last_listener_ = 0;
  uint64_t last_number_ = 0;
  std::optional<Timestamp> deserted_;                // since when nobody listens any more
  std::deque<HubEvent> recent_;                      // for those who come back
  std::map<std::string, size_t, std::less<>> told_;  // execution -> entries of its log that were told
  struct Printed {
    std::string text;   // from the beginning, as far as it is kept
    std::string open;   // after the end of its last line
    bool told = false;  // somebody was told of a part of it
  };
  // Of executions whose output comes while they run: by id and stream.
  std::map<std::string, std::map<std::string, Printed, std::less<>>, std::less<>> printed_;
};

}  // namespace squall::engine
