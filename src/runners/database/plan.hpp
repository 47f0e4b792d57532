// From a Database resource to everything that the steps of its chains need: names, paths, parameters. Pure.
#pragma once

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::runners::database {

// `config` is the config of the pack `database`. kInvalid (type InvalidSpec) with the path of the field that is wrong.
// What is in it: docs/reference/database.md, "The plan".
Result<Value> plan_database(const Value& object, const Value& config);

}  // namespace squall::runners::database
