#include "workflow/orquesta/statuses.hpp"

#include <array>
#include <unordered_map>

#include "workflow/orquesta/status_tables.hpp"

namespace squall::workflow::orquesta {

namespace {

constexpr std::array<std::string_view, kStatusCount> kNames = {
    "null",     "requested", "scheduled", "delayed", "running",   "pending",  "pausing",   "paused",
    "resuming", "succeeded", "failed",    "timeout", "abandoned", "retrying", "canceling", "canceled"};

class Machine {
 public:
  explicit Machine(std::span<const StatusRow> rows) {
    for (const StatusRow& row : rows) {
      std::string_view left = row.events;
      while (!left.empty()) {
        const size_t blank = left.find(' ');
        next_[static_cast<size_t>(row.from)].emplace(left.substr(0, blank), row.to);
        left = blank == std::string_view::npos ? std::string_view() : left.substr(blank + 1);
      }
    }
  }

  std::optional<Status> next(Status from, std::string_view event) const {
    const auto& known = next_[static_cast<size_t>(from)];
    const auto found = known.find(event);
    return found == known.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::array<std::unordered_map<std::string_view, Status>, kStatusCount> next_;
};

}  // namespace

std::string_view status_name(Status status) { return kNames[static_cast<size_t>(status)]; }

std::optional<Status> status_of(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Status>(i);
  }
  return std::nullopt;
}

std::optional<Status> next_task_status(Status status, std::string_view event) {
  static const Machine kMachine(task_rows());
  return kMachine.next(status, event);
}

std::optional<Status> next_workflow_status(Status status, std::string_view event) {
  static const Machine kMachine(workflow_rows());
  return kMachine.next(status, event);
}

}  // namespace squall::workflow::orquesta
