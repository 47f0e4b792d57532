// From a failed chain to what the resource says and when it is tried again. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "value/value.hpp"

namespace squall::runners::database {

struct Failure {
  Value results;        // of the chain's tasks by name, in order
  Value plan;           // null when it did not get that far
  Value object;         // the resource as the chain last read it
  int64_t attempt = 0;  // how often it was tried before
  Value retry;          // config: {first, longest, quota_first, quota_longest, denied}, in seconds
  Timestamp now;
};

// {task, code, reason, message, left_behind[], terminal, delay, status, conditions[], event}. `delay` is in seconds.
// `terminal`: nothing but a change of the resource can help, so it is not tried again.
Value diagnose(const Failure& failure);

// The reason of the failure table (docs/reference/database.md) for an error code at a step.
std::string reason_of(std::string_view task, std::string_view code, std::string_view message);

// Seconds until the next try; grows with `attempt`.
int64_t retry_delay(std::string_view reason, int64_t attempt, const Value& retry);

}  // namespace squall::runners::database
