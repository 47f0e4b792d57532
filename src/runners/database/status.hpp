// What a resource says of itself while a chain works on it, and afterwards. Pure.
#pragma once

#include "base/clock.hpp"
#include "value/value.hpp"

namespace squall::runners::database {

// How often one drift may be corrected within kDriftLoopWindow before squall stops: somebody else wants it otherwise.
inline constexpr int64_t kDriftLoopMax = 3;
inline constexpr Duration kDriftLoopWindow = std::chrono::hours(1);

// For database.tell, each: {status, conditions[], event}.

// At the beginning of a chain. `drift` is what a look at all databases found: [{field, want, have}]. A retry (`attempt`
// > 0) changes no condition: the resource goes on saying what is wrong.
Value announcement(const Value& object, const Value& plan, const Value& drift, int64_t attempt);

struct Outcome {
  Value object;  // as the chain read it at its beginning
  Value plan;
  Value instance;     // of aws.rds_wait_db_instance
  Value modified;     // of database.modify_instance; null when the chain has no such step
  Value credentials;  // of database.publish_credentials
  Value secret;       // of database.publish_secret; null when the chain has no such step
  Value logins;       // of database.publish_logins
  Value drift;        // as above
  std::string rotation;
  Timestamp now;
};
// At the end of a chain in which everything succeeded.
Value summary(const Outcome& outcome);

// Of a resource that is only observed: what the instance is, and what would be changed.
Value observation(const Value& plan, const Value& found);
// Of a drift that is not corrected: because the resource says so, or because it was corrected too often.
Value drift_report(const Value& object, const Value& drift, Timestamp now);

// "AllocatedStorage 20 -> 50, ..."
std::string describe_differences(const Value& differences);

// Does the drift mean that nobody can connect?
bool is_outage(const Value& drift);

// The times of `status.corrections` that still count, by field: [{field, times[]}].
Value recent_corrections(const Value& corrections, Timestamp now);
// The fields of `drift` that were corrected too often of late.
Value looping_fields(const Value& corrections, const Value& drift, Timestamp now);

}  // namespace squall::runners::database
