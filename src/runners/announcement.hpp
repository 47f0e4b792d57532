// The runner `announcement` (stackstorm-features.md C-11).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/executor.hpp"
#include "runners/runner.hpp"

namespace squall::runners {

// Tells everybody who listens to the stream of events; given by app/, which knows the engine.
using Publish = std::function<void(const std::string& event, const Value& data)>;

// Publishes {payload: the parameters of the action, trace_context} as the event "st2.announcement__<route>". Result
// {output: parameters} and the parameters themselves. Fails unless `experimental` is true.
std::unique_ptr<Runner> make_announcement_runner(Executor& executor, Publish publish);

}  // namespace squall::runners
