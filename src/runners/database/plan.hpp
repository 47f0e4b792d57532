// From a Database resource to everything that the steps of its chains need: names, paths, parameters. Pure.
#pragma once

#include <string>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::runners::database {

// `config` is the config of the pack `database`. kInvalid (type InvalidSpec) with the path of the field that is wrong.
// What is in it: docs/reference/database.md, "The plan".
Result<Value> plan_database(const Value& object, const Value& config);

// plan_credentials.cpp: `vault`, `keep`, `logins`, `credentials` and `secret` of the plan. `path` is the default one.
Status plan_credentials(const Value& object, const Value& config, const std::string& path, Value& plan);

// credentials.mode of a plan.
bool is_secret_only(const Value& plan);  // a Secret of Kubernetes keeps the password
bool is_aws_managed(const Value& plan);  // AWS Secrets Manager makes and keeps it

// What RDS is asked for, as a short text to compare: what it refused, it refuses again.
std::string wish_of(const Value& plan);

}  // namespace squall::runners::database
