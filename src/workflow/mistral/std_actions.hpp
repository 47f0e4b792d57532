// Mistral's own actions, std.*: what they take, and those that need nothing from outside.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "value/value.hpp"

namespace squall::workflow::mistral {

struct ActionSignature {
  std::vector<std::string> required, optional;
  std::string class_name;
};
// Null when there is no such action.
const ActionSignature* find_std_action(std::string_view name);

struct StdResult {
  enum class How {
    kDone,     // here and now
    kDelayed,  // after delay_ms
    kOutside,  // by the driver
  };
  How how = How::kOutside;
  bool succeeded = true;
  Value result;
  int64_t delay_ms = 0;
};
// `action_id` is for messages only.
StdResult run_std_action(std::string_view name, const Value& input, std::string_view action_id);

}  // namespace squall::workflow::mistral
