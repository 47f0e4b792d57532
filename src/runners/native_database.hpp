// Native actions of the pack `database`: the thinking between a Database resource and the clouds. All of them are pure:
// the same input gives the same answer, nothing outside is touched.
#pragma once

#include "runners/native.hpp"

namespace squall::runners {

// database.plan, database.diagnose, database.fail.
void add_database_actions(NativeRegistry& registry);

// What one Database resource needs outside: names, paths and parameters of every later step. `config` is the pack's
// config. kInvalid with the path of the field that is wrong. See docs/reference/database.md.
Result<Value> plan_database(const Value& object, const Value& config);

// From the results of a chain's tasks (in order) to what failed: {task, code, reason, message, left_behind[]}.
Value diagnose_database(const Value& results, const Value& plan);

}  // namespace squall::runners
