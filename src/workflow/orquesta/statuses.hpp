// Statuses of workflows, tasks and actions as Orquesta has them, and its two state machines (orquesta.md section 7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace squall::workflow::orquesta {

enum class Status : uint8_t {
  kUnset,
  kRequested,
  kScheduled,
  kDelayed,
  kRunning,
  kPending,
  kPausing,
  kPaused,
  kResuming,
  kSucceeded,
  kFailed,
  kTimeout,
  kAbandoned,
  kRetrying,
  kCanceling,
  kCanceled,
};
inline constexpr size_t kStatusCount = 16;

// "null", "requested", ...
std::string_view status_name(Status status);
std::optional<Status> status_of(std::string_view name);

// Groups of statuses. Note that retrying and pending count as running or starting but not as active.
constexpr bool in_group(Status status, uint32_t group) { return (group >> static_cast<uint32_t>(status) & 1) != 0; }
template <typename... S>
constexpr uint32_t group_of(S... statuses) {
  return ((1u << static_cast<uint32_t>(statuses)) | ...);
}
inline constexpr uint32_t kStarting =
    group_of(Status::kRequested, Status::kScheduled, Status::kDelayed, Status::kRunning, Status::kPending);
inline constexpr uint32_t kRunningGroup = group_of(Status::kRequested, Status::kScheduled, Status::kDelayed,
                                                   Status::kRunning, Status::kResuming, Status::kRetrying);
inline constexpr uint32_t kActive = group_of(Status::kRequested, Status::kScheduled, Status::kDelayed, Status::kRunning,
                                             Status::kResuming, Status::kPausing, Status::kCanceling);
inline constexpr uint32_t kPauseGroup = group_of(Status::kPausing, Status::kPaused);
inline constexpr uint32_t kCancelGroup = group_of(Status::kCanceling, Status::kCanceled);
inline constexpr uint32_t kAbended = group_of(Status::kFailed, Status::kTimeout, Status::kAbandoned);
inline constexpr uint32_t kCompleted = kAbended | group_of(Status::kSucceeded, Status::kCanceled);

// The status that an event leads to; nothing when the machine knows no such event in this status, which then stays.
// Names of events are Orquesta's: "action_succeeded_task_dormant_items_completed", "task_failed_workflow_active", ...
std::optional<Status> next_task_status(Status status, std::string_view event);
std::optional<Status> next_workflow_status(Status status, std::string_view event);

}  // namespace squall::workflow::orquesta
