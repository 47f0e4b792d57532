// The runner `noop`: does nothing, successfully.
#pragma once

#include <memory>

#include "base/executor.hpp"
#include "runners/runner.hpp"

namespace squall::runners {

// Result {failed: false, succeeded: true, return_code: 0}, whatever the parameters.
std::unique_ptr<Runner> make_noop_runner(Executor& executor);

}  // namespace squall::runners
