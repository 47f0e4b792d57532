// The journal of workflows: one small row per event, in the same transaction as what follows from it. The state of a
// run is the fold of its rows (workflow/workflow.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "engine/changes.hpp"
#include "engine/secrets.hpp"
#include "store/store.hpp"
#include "workflow/workflow.hpp"

namespace squall::engine {

// Adds event number `sequence` (from 0) of an execution's run. With `secret`, or when host functions gave answers, the
// row is sealed: both may hold what no record shows.
void journal_event(Changes& changes, const std::string& execution, int64_t sequence, const workflow::Event& event,
                   const SecretSealer& sealer, bool secret);
// Keeps what the run was made from (WorkflowLoad::definition): a file that is edited meanwhile does not change a run.
void journal_definition(Changes& changes, const std::string& execution, const Value& definition);

struct Journal {
  Value definition;  // null when the execution goes on with the run of an earlier one
  std::vector<workflow::Event> events;
};
Result<Journal> read_journal(store::Store& store, const std::string& execution, const SecretSealer& sealer);

}  // namespace squall::engine
