// Running a completed workflow again from some of its tasks (orquesta.md section 12).
#include <algorithm>

#include "workflow/orquesta/conductor.hpp"

namespace squall::workflow::orquesta {

namespace {

tl::unexpected<Error> refused(ErrorCode code, std::string_view type, std::string message) {
  return fail(Error(code, std::move(message)).with_type(std::string(type)));
}

}  // namespace

::squall::Status Conductor::rerun(const RerunRequest& request) {
  if (!in_group(status_, kCompleted)) {
    return refused(ErrorCode::kConflict, "WorkflowIsActiveAndNotRerunableError",
                   "Unable to rerun workflow because it is not in a completed state.");
  }
  SQ_TRY(const auto tasks, requested(request));
  const Followers all_followers = followers();
  std::vector<uint32_t> chosen = candidates(tasks, all_followers);
  if (chosen.empty()) {
    return refused(ErrorCode::kConflict, "InvalidRerunRequest",
                   "Unable to rerun workflow because none of its tasks has failed. Name the tasks to run again.");
  }
  List rerun_of;
  for (const uint32_t index : chosen) rerun_of.push_back(static_cast<int64_t>(index));
  reruns_.push_back(Value(std::move(rerun_of)));
  std::sort(chosen.begin(), chosen.end(), [this](uint32_t a, uint32_t b) {
    const Place left = entries_[a].place;
    const Place right = entries_[b].place;
    return left.node != right.node ? node_of(left).name < node_of(right).name : left.route < right.route;
  });
  std::optional<uint32_t> inputs;
  if (request.inputs.is_dict() && !request.inputs.empty()) {
    inputs_ = merged(inputs_, request.inputs);
    inputs = contexts_.add(request.inputs);
  }
  for (const uint32_t index : chosen) {
    const Place place = entries_[index].place;
    for (const uint32_t later : with_descendants(place, all_followers)) entries_[later].term = false;
    const auto named = tasks.find(place.key());
    rerun_task(*latest(place), named == tasks.end() ? RerunTask{} : named->second, inputs);
  }
  // A task that ended the workflow though it has a next one goes on by itself.
  for (Entry& entry : entries_) {
    const bool goes_on = std::any_of(entry.next.begin(), entry.next.end(), [](const auto& way) { return way.second; });
    if (goes_on) entry.term = false;
  }
  output_ = Value();
  finish_told_ = false;
  set_status(Status::kResuming);
  return {};
}

// Places by key. A task named without a route stands for all its routes.
Result<std::map<uint64_t, RerunTask>> Conductor::requested(const RerunRequest& request) const {
  std::map<uint64_t, RerunTask> tasks;
  std::string missing, invalid;
  for (const RerunTask& task : request.tasks) {
    auto node = graph().find(task.task);
    if (node && graph().node(*node).task == nullptr) node.reset();
    if (task.route) {
      const Place place{node.value_or(0), static_cast<uint32_t>(*task.route)};
      if (node && latest(place) != nullptr) {
        tasks[place.key()] = task;
      } else {
        invalid += (invalid.empty() ? "" : ", ") + task.task + "|" + std::to_string(*task.route);
      }
      continue;
    }
    bool found = false;
    for (const auto& [key, entry] : latest_) {
      if (!node || entries_[entry].place.node != *node) continue;
      found = true;
      tasks[key] = task;
    }
    if (!found) missing += (missing.empty() ? "" : ",") + task.task;
  }
  if (!missing.empty()) {
    return refused(ErrorCode::kInvalid, "ValueError",
                   "Unable to rerun workflow because one or more tasks is not found: " + missing);
  }
  if (!invalid.empty()) {
    return refused(ErrorCode::kInvalid, "InvalidTaskRerunRequest",
                   "Unable to rerun task|route(s) because it doesn't exist or isn't rerunnable: " + invalid);
  }
  return tasks;
}

// Entries to run again. Of the tasks asked for, those that only follow from another one are left to it.
std::vector<uint32_t> Conductor::candidates(const std::map<uint64_t, RerunTask>& tasks,
                                            const Followers& followers) const {
  std::vector<uint32_t> chosen;
  if (tasks.empty()) {
    std::map<uint64_t, uint32_t> last;  // of each place
    for (const Entry& entry : entries_) {
      if (entry.term && in_group(entry.status, kAbended) && node_of(entry.place).task != nullptr) {
        last[entry.place.key()] = entry.index;
      }
    }
    for (const auto& [key, index] : last) chosen.push_back(index);
    std::sort(chosen.begin(), chosen.end());
    return chosen;
  }
  std::map<uint64_t, std::set<uint32_t>> sequences;
  for (const auto& [key, task] : tasks) sequences[key] = with_descendants(entries_[latest_.at(key)].place, followers);
  for (const auto& [key, own] : sequences) {
    const bool by_itself =
        tasks.size() == 1 || std::any_of(sequences.begin(), sequences.end(), [&own = own](const auto& other) {
          return !std::includes(other.second.begin(), other.second.end(), own.begin(), own.end());
        });
    if (by_itself) chosen.push_back(latest_.at(key));
  }
  return chosen;
}

Conductor::Followers Conductor::followers() const {
  Followers followers;
  for (const Entry& entry : entries_) {
    for (const auto& [edge, before] : entry.prev) followers[entries_[before].place.key()].push_back(entry.index);
  }
  return followers;
}

std::set<uint32_t> Conductor::with_descendants(Place place, const Followers& followers) const {
  std::set<uint32_t> found{latest_.at(place.key())};
  std::set<uint64_t> seen{place.key()};
  std::vector<uint64_t> open{place.key()};
  while (!open.empty()) {
    const auto next = followers.find(open.back());
    open.pop_back();
    if (next == followers.end()) continue;
    for (const uint32_t index : next->second) {
      found.insert(index);
      if (seen.insert(entries_[index].place.key()).second) open.push_back(entries_[index].place.key());
    }
  }
  return found;
}

void Conductor::rerun_task(Entry& entry, const RerunTask& task, std::optional<uint32_t> inputs) {
  const Place place = entry.place;
  entry.term = false;
  drop_errors_of(node_of(place).name);
  Staged* staged = find_staged(place);
  const bool keeps_items = staged != nullptr && staged->items != nullptr && !inputs && node_of(place).task->items;
  if (!keeps_items) {
    stage_again(entry, task, inputs);
    return;
  }
  Items& items = *staged->items;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!task.reset_items && !in_group(items[i].status, kAbended)) continue;
    items.set(i, Status::kUnset);
    items.set_result(i, Value());
  }
  staged->completed = false;
  staged->input = task.input;
  for (const uint64_t order : staged_at_[place.key()]) note_staged(order);
}

void Conductor::stage_again(Entry& entry, const RerunTask& task, std::optional<uint32_t> inputs) {
  if (Staged* known = find_staged(entry.place); known != nullptr) {
    known->items = nullptr;
    unstage(entry.place);
  }
  Staged staged;
  staged.place = entry.place;
  staged.in = inputs ? entry.in.with(*inputs) : entry.in;
  staged.merged = contexts_.merge(staged.in);
  staged.prev = entry.prev;
  staged.ready = true;
  staged.input = task.input;
  Entry& made = add_entry(staged);
  if (node_of(entry.place).retry) setup_retry(made);
  stage(std::move(staged));
}

}  // namespace squall::workflow::orquesta
