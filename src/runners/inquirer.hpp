// The runner `inquirer`: asks a person and waits for the answer (stackstorm-features.md section K).
#pragma once

#include <memory>

#include "base/executor.hpp"
#include "runners/runner.hpp"

namespace squall::runners {

// Ends at once as "pending", with the question as the result: {schema, roles, users, route, ttl}. The engine keeps the
// execution pending until it is answered.
std::unique_ptr<Runner> make_inquirer_runner(Executor& executor);

}  // namespace squall::runners
