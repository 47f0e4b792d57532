// Entries, staged tasks, and the counts over them that spare the searches.
#include <algorithm>
#include <cstdio>

#include "workflow/orquesta/conductor.hpp"

namespace squall::workflow::orquesta {

const Entry* Conductor::latest(Place place) const {
  const auto found = latest_.find(place.key());
  return found == latest_.end() ? nullptr : &entries_[found->second];
}

Entry* Conductor::latest(Place place) {
  const auto found = latest_.find(place.key());
  return found == latest_.end() ? nullptr : &entries_[found->second];
}

// A new execution of a staged task.
Entry& Conductor::add_entry(const Staged& staged) {
  const auto index = static_cast<uint32_t>(entries_.size());
  const auto [at, is_new] = latest_.try_emplace(staged.place.key(), index);
  if (!is_new) {
    Entry& before = entries_[at->second];
    before.last = false;
    if (before.status != Status::kUnset) --last_counts_[static_cast<size_t>(before.status)];
    active_.erase(at->second);
    at->second = index;
  }
  Entry entry;
  entry.index = index;
  entry.place = staged.place;
  entry.in = staged.in;
  entry.prev = staged.prev;
  entry.merged = staged.merged;
  entry.items = staged.items;
  entry.id = new_task_execution_id();
  entry.started = now_;
  joins_.begin(staged.place);
  return entries_.emplace_back(std::move(entry));
}

void Conductor::set_entry_status(Entry& entry, Status status) {
  if (entry.last) {
    if (entry.status != Status::kUnset) --last_counts_[static_cast<size_t>(entry.status)];
    if (status != Status::kUnset) ++last_counts_[static_cast<size_t>(status)];
    if (in_group(status, kActive)) {
      active_.insert(entry.index);
    } else {
      active_.erase(entry.index);
    }
  }
  entry.status = status;
  entry.ended = in_group(status, kCompleted) ? std::optional(now_) : std::nullopt;
}

size_t Conductor::count_last(uint32_t group) const {
  size_t sum = 0;
  for (size_t i = 0; i < kStatusCount; ++i) {
    if (in_group(static_cast<Status>(i), group)) sum += last_counts_[i];
  }
  return sum;
}

void Conductor::set_next(Entry& entry, uint32_t edge, bool met) {
  entry.next.emplace_back(edge, met);
  if (entry.last) joins_.set(entry.place, edge, met);
}

// --- Staged tasks

Staged* Conductor::find_staged(Place place) {
  const auto found = staged_at_.find(place.key());
  return found == staged_at_.end() ? nullptr : &staged_.at(found->second.front());
}

// Where one more way that leads to the place belongs; null when a new one has to be staged: items that run already are
// those of the ways before.
Staged* Conductor::find_staged_for_arrival(Place place) {
  const auto found = staged_at_.find(place.key());
  if (found == staged_at_.end()) return nullptr;
  Staged& last = staged_.at(found->second.back());
  const bool items_run =
      last.items != nullptr && !last.completed && last.items->count(group_of(Status::kUnset)) < last.items->size();
  return items_run ? nullptr : &last;
}

Staged& Conductor::stage(Staged staged) {
  const uint64_t order = staged_counter_++;
  staged_at_[staged.place.key()].push_back(order);
  Staged& kept = staged_.emplace(order, std::move(staged)).first->second;
  note_staged(order);
  return kept;
}

// After any change of what says whether the task can be started.
void Conductor::note_staged(uint64_t order) {
  const Staged& staged = staged_.at(order);
  const bool first = staged_at_.at(staged.place.key()).front() == order;
  const bool ready = first && staged.ready && !staged.completed;
  if (ready) {
    ready_.insert(order);
    wanting_.insert(order);
  } else {
    ready_.erase(order);
    wanting_.erase(order);
  }
}

// A task with items under way stays.
void Conductor::unstage(Place place) {
  const auto found = staged_at_.find(place.key());
  if (found == staged_at_.end()) return;
  const uint64_t order = found->second.front();
  const Staged& staged = staged_.at(order);
  if (staged.items != nullptr && staged.items->count(kActive) > 0) return;
  staged_.erase(order);
  ready_.erase(order);
  wanting_.erase(order);
  found->second.erase(found->second.begin());
  if (found->second.empty()) {
    staged_at_.erase(found);
  } else {
    note_staged(found->second.front());
  }
}

JoinState Conductor::join_state(Place place) const { return joins_.state(place, has_active() || has_staged()); }

std::vector<int64_t> Conductor::open_actions() const {
  std::vector<int64_t> numbers;
  for (const auto& [number, action] : actions_) numbers.push_back(number);
  return numbers;
}

// In the form of StackStorm's ids, and the same on every replay.
std::string Conductor::new_task_execution_id() {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now_.time_since_epoch()).count();
  char text[25];
  std::snprintf(text, sizeof(text), "%08x%016llx", static_cast<unsigned>(seconds),
                static_cast<unsigned long long>(evaluator_.next_number()));
  return text;
}

}  // namespace squall::workflow::orquesta
