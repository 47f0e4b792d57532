// Execution documents: StackStorm's fields (stackstorm-api.md section 3, stackstorm-features.md section F) and squall's
// own members, which live under kPrivate and never leave the engine.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "value/value.hpp"

namespace squall::model {

// Status names, as StackStorm spells them.
namespace status {
inline constexpr std::string_view kRequested = "requested";
inline constexpr std::string_view kScheduled = "scheduled";
inline constexpr std::string_view kDelayed = "delayed";
inline constexpr std::string_view kRunning = "running";
inline constexpr std::string_view kPausing = "pausing";
inline constexpr std::string_view kPaused = "paused";
inline constexpr std::string_view kResuming = "resuming";
inline constexpr std::string_view kPending = "pending";
inline constexpr std::string_view kCanceling = "canceling";
inline constexpr std::string_view kCanceled = "canceled";
inline constexpr std::string_view kSucceeded = "succeeded";
inline constexpr std::string_view kFailed = "failed";
inline constexpr std::string_view kTimeout = "timeout";
inline constexpr std::string_view kAbandoned = "abandoned";
}  // namespace status

// succeeded, failed, timeout, canceled or abandoned: nothing follows.
bool is_final(std::string_view status);
// A user may ask to cancel it (F-1).
bool is_cancelable(std::string_view status);
// One of StackStorm's status names.
bool is_status(std::string_view status);

// Runners of workflows with a journal (workflow/workflow.hpp): orquesta, mistral-v2.
bool is_journaled_runner(std::string_view runner);
// Those, and action-chain: runners whose executions have tasks.
bool is_workflow_runner(std::string_view runner);

// The member that holds squall's own state: sealed secret parameters, chain state, wait state.
inline constexpr std::string_view kPrivate = "_squall";

// The member that holds the id of the trace that an execution or a trigger instance belongs to; hidden, too.
inline constexpr std::string_view kTrace = "_trace";

// Sets the status and appends it to the log.
void set_status(Value& execution, std::string_view status, Timestamp now);
// The document with the status that it had after `entries` entries of its log (1 or more), and no later ones: several
// steps of one event are recorded together. Whatever else came later stays, for the caller to take away.
Value at_step(Value execution, size_t entries);
// Sets the result and its size.
void set_result(Value& execution, Value result);
// Sets a final status with its result, end time and elapsed seconds.
void set_finished(Value& execution, std::string_view status, Value result, Timestamp now);

const Value& private_state(const Value& execution, std::string_view name);
void set_private_state(Value& execution, std::string_view name, Value state);
void clear_private_state(Value& execution, std::string_view name);

// The document as the API shows it: without private members, and without members that are falsy in Python, which
// StackStorm drops (U-8).
Value public_execution(const Value& execution);

}  // namespace squall::model
