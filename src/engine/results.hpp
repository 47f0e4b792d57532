// Results that the engine itself gives to executions, in StackStorm's shapes.
#pragma once

#include <string>

#include "value/json_form.hpp"
#include "value/value.hpp"

namespace squall::engine {

// Of an execution that failed for a reason of the engine's own (C-15).
inline Value error_result(const std::string& message) {
  const std::string text = valid_text(message);
  return Value::dict({{"error", text}, {"traceback", text}});
}

// Of an Orquesta workflow that cannot run.
inline Value refused_workflow_result(const std::string& message) {
  return Value::dict({{"errors", Value::list({Value::dict({{"message", message}})})}, {"output", Value()}});
}

inline Value canceled_result(const std::string& user) {
  return Value::dict({{"message", "Action canceled by user."}, {"user", user}});
}

}  // namespace squall::engine
