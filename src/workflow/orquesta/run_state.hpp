// The records of a run: task executions, staged tasks, items. Not for other folders.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "value/value.hpp"
#include "workflow/orquesta/contexts.hpp"
#include "workflow/orquesta/statuses.hpp"

namespace squall::workflow::orquesta {

// A task's place in the graph and the route on which it runs: names "the same task" through a run.
struct Place {
  uint32_t node = 0;
  uint32_t route = 0;
  bool operator==(const Place&) const = default;
  uint64_t key() const { return uint64_t{node} << 32 | route; }
};

// The items of a with-items task.
class Items {
 public:
  struct Item {
    Status status = Status::kUnset;
    Value result;
  };

  Items(Value list, Value concurrency) : list_(std::move(list)), concurrency_(std::move(concurrency)) {
    items_.resize(list_.size());
    counts_[static_cast<size_t>(Status::kUnset)] = items_.size();
  }
  // Of a stored state, which does not hold the list itself: only statuses are known.
  explicit Items(std::vector<Item> items) : items_(std::move(items)), list_known_(false) {
    for (const Item& item : items_) ++counts_[static_cast<size_t>(item.status)];
  }

  size_t size() const { return items_.size(); }
  const Item& operator[](size_t index) const { return items_[index]; }
  const Value& list() const { return list_; }
  const Value& concurrency() const { return concurrency_; }
  bool list_known() const { return list_known_; }
  void know(Value list, Value concurrency) {
    list_ = std::move(list);
    concurrency_ = std::move(concurrency);
    list_known_ = true;
  }

  void set(size_t index, Status status) {
    --counts_[static_cast<size_t>(items_[index].status)];
    ++counts_[static_cast<size_t>(status)];
    items_[index].status = status;
    if (status == Status::kUnset && index < next_unset_) next_unset_ = index;
  }
  void set_result(size_t index, Value result) { items_[index].result = std::move(result); }
  // How many have a status of the group.
  size_t count(uint32_t group) const {
    size_t sum = 0;
    for (size_t i = 0; i < kStatusCount; ++i) {
      if (in_group(static_cast<Status>(i), group)) sum += counts_[i];
    }
    return sum;
  }
  // The first item from here on that has not begun; size() when there is none.
  size_t next_unset() {
    while (next_unset_ < items_.size() && items_[next_unset_].status != Status::kUnset) ++next_unset_;
    return next_unset_;
  }

 private:
  std::vector<Item> items_;
  size_t counts_[kStatusCount] = {};
  size_t next_unset_ = 0;
  Value list_;
  Value concurrency_;
  bool list_known_ = true;
};

struct RetryState {
  Value when;
  Value count;
  Value delay;
  int64_t tally = 0;
};

// Edge (by number) -> task execution (by number) that followed it.
using Prev = std::vector<std::pair<uint32_t, uint32_t>>;

// One execution of a task: an entry of Orquesta's "sequence".
struct Entry {
  uint32_t index = 0;
  Place place;
  ContextList in;
  std::optional<std::pair<uint32_t, uint32_t>> out;  // edge, context: of the last transition that published
  Prev prev;
  std::vector<std::pair<uint32_t, bool>> next;  // edge, criteria met
  Status status = Status::kUnset;
  bool term = false;
  std::optional<RetryState> retry;
  bool last = true;  // no later execution in the same place

  // What Orquesta does not keep: for task(), for display, and for speed.
  Value merged;  // the merge of `in`, as long as the task has not ended
  Value result;
  std::shared_ptr<Items> items;
  std::string id;
  Timestamp started{};
  std::optional<Timestamp> ended;
};

// A task that waits to be started, or whose items are not all started.
struct Staged {
  Place place;
  ContextList in;
  Value merged;
  Prev prev;
  bool ready = false;
  bool completed = false;
  bool run_on_fail = false;
  std::optional<RetryState> retry;
  std::shared_ptr<Items> items;
  Value input;  // of a rerun: replaces members of the rendered input
};

// An action that was asked for and has not ended.
struct OpenAction {
  Place place;
  int64_t item = -1;
  Status status = Status::kRunning;
};

}  // namespace squall::workflow::orquesta
