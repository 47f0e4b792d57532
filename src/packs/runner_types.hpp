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
// Adds a type of the site's own (a custom runner in Python), as a record without an id. Only before anything else is
// read. False, and a line in the log, when there is one of its name already.
bool add_runner_type(const Value& type);

// By name; the names of old StackStorm versions ("run-python") and "orchestra" lead to what they are called today. Null
// when there is none.
const Value* find_runner_type(std::string_view name);

}  // namespace squall::packs
