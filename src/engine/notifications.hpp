// Notifications: what an execution's `notify` makes of its end (stackstorm-features.md Q-1).
#pragma once

#include <vector>

#include "store/store.hpp"
#include "value/value.hpp"

namespace squall::engine {

inline constexpr std::string_view kNotifyTrigger = "core.st2.generic.notifytrigger";

// The payloads of kNotifyTrigger for a finished execution, one per route of each section (on-complete, on-success,
// on-failure) that applies. Messages and data are templates over action_parameters, action_results, action_context and
// st2kv; one that cannot be rendered is sent as it is written, as StackStorm does.
std::vector<Value> notifications_of(const Value& execution, store::Store& store);

// The notify of a task: its own, else the workflow's.
Value task_notify(const Value& own, const Value& of_workflow);

}  // namespace squall::engine
