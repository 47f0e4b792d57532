// What the driver keeps in memory of an unfinished execution. Internal to the execution_*.cpp files.
#pragma once

#include "engine/execution_driver.hpp"
#include "model/execution.hpp"
#include "value/json_form.hpp"

namespace squall::engine {

struct ExecutionDriver::Live {
  std::string id;
  Value document;    // as stored
  Value parameters;  // unmasked
  Value wait_state;
  StopSource stop;
  runners::Runner* runner = nullptr;  // null for chains
  bool dispatched = false;            // an attempt is under way
  bool holds_process_slot = false;
  bool admitted = false;  // its concurrency policies let it start
  Executor::TimerId timer = 0;
  std::optional<Timestamp> due;                // read back by recovery: when it waits no longer
  std::optional<Error> unloadable;             // found by recovery: its chain cannot go on
  Value runner_parameters, action_parameters;  // final, set when it is activated
  std::unique_ptr<workflow::Chain> chain;
  std::unique_ptr<workflow::ChainRun> run;
  std::string child;  // id of the chain's current task, empty between tasks

  std::string_view status() const { return document["status"].string_or(""); }
  std::string action_ref() const { return document["action"]["ref"].string(); }
  std::string parent() const { return document["parent"].string(); }
  std::string runner_name() const { return document["runner"]["name"].string(); }
  bool is_chain() const { return runner_name() == "action-chain"; }
};

// The result of an execution that failed for a reason of the engine's own (C-15).
inline Value error_result(const std::string& message) {
  const std::string text = valid_text(message);
  return Value::dict({{"error", text}, {"traceback", text}});
}

// The document with its end, as it can be stored. A result that no record can hold (see value/json_form.hpp) makes the
// execution fail with the reason, whatever `end` says.
Value finished_document(const Value& document, std::string_view end, const Value& result, Timestamp now);

inline Value canceled_result(const std::string& user) {
  return Value::dict({{"message", "Action canceled by user."}, {"user", user}});
}

}  // namespace squall::engine
