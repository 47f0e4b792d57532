// What a DB instance has, against what the plan wants of it. Pure.
#pragma once

#include <string_view>

#include "value/value.hpp"

namespace squall::runners::database {

struct RdsChanges {
  Value parameters;    // of ModifyDBInstance, in the API's names: only what differs; empty: nothing to do
  Value fields;        // [{field, want, have}], for people
  Value unchangeable;  // fields that differ and cannot be changed on a running instance: [{field, want, have}]
};

// `owned` is the plan's, `record` a DBInstance as the API describes it. A pending value counts as what the instance
// has. Storage only grows, versions match by prefix and never go down, and what RDS has grown by itself is left alone.
// A raw field of spec.parameters that the record does not show under a known name is passed at creation and not
// compared.
RdsChanges rds_changes(const Value& owned, const Value& record);

// The tags of `wanted` that `tags` lacks or has with another value.
Value missing_tags(const Value& wanted, const Value& tags);

// The tags of a record as {key: value}.
Value tags_of_record(const Value& record);

// Does the instance serve nobody, and will not by itself?
bool is_broken(std::string_view status);

// The parts of a record that credentials and endpoint are made of: {endpoint: {address, port}, master_username,
// db_name, secret_arn}.
Value instance_of_record(const Value& record);

// True when something that the plan owns is accepted but not yet applied.
bool has_pending(const Value& owned, const Value& record);

// -1, 0, 1 by the components that both have: "16" and "16.8" are equal.
int compare_versions(std::string_view a, std::string_view b);

}  // namespace squall::runners::database
