// Traces: everything that follows from one event or one request (stackstorm-features.md section O).
//
// A trace is one small record: tag, start and the trigger instances that joined it. Executions carry its id as a hidden
// member (model::kTrace), so that what belongs to a trace is found when somebody looks, and nothing has to be rewritten
// while it grows.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "engine/changes.hpp"
#include "store/store.hpp"
#include "value/value.hpp"

namespace squall::engine {

// Begins a trace, with the trigger instance that it comes from if there is one, and gives its id.
std::string begin_trace(const Clock& clock, const std::string& tag, Changes& changes,
                        const std::string& trigger_instance = {});
// A further trigger instance belongs to the trace.
void join_trace(const std::string& trace, const std::string& trigger_instance, Changes& changes);

// A trace as the API shows it, with its components.
Result<Value> trace_view(store::ReadTx& tx, const Value& trace);

}  // namespace squall::engine
