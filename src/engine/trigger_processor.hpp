// TriggerProcessor: from an event to trigger instance, rule enforcements and executions, in one transaction.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "engine/catalog.hpp"
#include "engine/changes.hpp"
#include "engine/execution_driver.hpp"
#include "value/value.hpp"

namespace squall::engine {

struct TriggerEvent {
  std::string trigger;  // ref of a trigger, or of a trigger type without parameters
  Value payload;
  std::string trace_tag;
  bool check_payload = true;  // against the schema of its type
  std::string trace;          // id of the trace that it belongs to; empty: it begins one
};

// Lives on the engine's thread.
class TriggerProcessor {
 public:
  TriggerProcessor(const Clock& clock, store::Store& store, Catalog& catalog, ExecutionDriver& driver, std::string user)
      : clock_(clock), store_(store), catalog_(catalog), driver_(driver), user_(std::move(user)) {}

  // Adds the trigger instance and everything that follows from it to `changes`; returns the instance's document. Fails,
  // and adds nothing, when the trigger is unknown or the payload breaks the schema of its type (G-4).
  Result<Value> process(const TriggerEvent& event, Changes& changes);

  // For every rule, why it did or did not match this trigger instance (criterion by criterion).
  Value explain(const Value& trigger_instance) const;

 private:
  void enforce(const Rule& rule, const Value& instance, const Value& trigger, const Value& trigger_type,
               const Value& trace_context, Changes& changes);
  void record_failure(const Rule& rule, const Value& instance, const std::string& reason, Changes& changes);
  Value enforcement(const Rule& rule, const Value& instance) const;
  Value explain_rule(const Rule& rule, const Value& instance) const;

  const Clock& clock_;
  store::Store& store_;
  Catalog& catalog_;
  ExecutionDriver& driver_;
  std::string user_;
};

}  // namespace squall::engine
