// What the runners share: outcomes in StackStorm's shapes, text of processes, the environment of actions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "process/environment.hpp"
#include "runners/runner.hpp"

namespace squall::runners {

// The outcome of an attempt that never got as far as a result of its own: {"error", "traceback"}, as StackStorm answers
// when a runner raises (stackstorm-features.md C-15). We have no traceback; the text says where it happened instead.
ActionOutcome failed_outcome(std::string_view runner, std::string_view message);

// Output of a process as text: UTF-8 with U+FFFD for every byte that is none.
std::string text_of(std::string_view bytes);

// Output as it stands in the results of shells: without its last line end, and a value where it is one JSON document.
Value output_value(std::string_view bytes);

// What sudo says when it does not take the password: the user it asked about, or nothing.
std::optional<std::string> refused_sudo_user(std::string_view standard_error);
// StackStorm's words for it.
std::string sudo_error(std::string_view user);

// "Action failed to complete in 60 seconds": StackStorm's words for a timeout.
std::string timeout_error(const Value& timeout);
// What a result says when output was cut at limits::kProcessOutputBytesMax.
std::string truncation_error();

// What a result says of an action that was killed for the number of its processes.
std::string processes_error();

// Processes that one action may have at the same time.
inline constexpr size_t kActionProcessesMax = 1000;

// A timeout parameter in seconds; zero for null (none). A number that is not positive times out at once, as upstream.
Duration timeout_of(const Value& parameter);

// Adds the ST2_ACTION_* variables that every action of StackStorm finds (stackstorm-features.md B-11).
void add_action_variables(const ActionRequest& request, process::Environment& environment);
// Adds the runner parameter `env`; values that are not text are written as Python's str() of them.
void add_user_variables(const Value& env, process::Environment& environment);

// The absolute path of a file under <pack_path>/actions. An error when there is no entry point, or when it leads out of
// the pack.
Result<std::string> entry_point_path(const ActionRequest& request);

}  // namespace squall::runners
