// The runner types: what can run an action, and the parameters that every action of a runner has
// (stackstorm-features.md section C; recorded in tests/conformance/api).
#pragma once

#include <string_view>
#include <vector>

#include "value/value.hpp"

namespace squall::packs {

// Documents as GET /runnertypes shows them, without "id", sorted by name. Beside StackStorm's there is "native": an
// action written in C++ inside squall. Lives as long as the program; thread-safe.
const std::vector<Value>& runner_types();
// Adds types of the site's own (custom runners in Python), as records without ids. Only before anything else is read;
// the name of a built-in type is refused with a line in the log.
void add_runner_types(const std::vector<Value>& types);

// By name; the names of old StackStorm versions ("run-python") and "orchestra" lead to what they are called today. Null
// when there is none.
const Value* find_runner_type(std::string_view name);

}  // namespace squall::packs
