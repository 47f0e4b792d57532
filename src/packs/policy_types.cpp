#include "packs/policy_types.hpp"

#include "base/assert.hpp"
#include "value/yaml.hpp"

namespace squall::packs {
namespace {

constexpr std::string_view kPolicyTypes = R"yaml(
- name: concurrency
  description: Limits how many executions of an action run at the same time
  module: st2actions.policies.concurrency
  parameters:
    threshold: &threshold
      {description: Executions that may run at the same time, type: integer, required: true}
    action: &action
      description: What happens to an execution above the threshold
      type: string
      default: delay
      enum: [delay, cancel]
- name: concurrency.attr
  description: Limits how many executions of an action with the same values of some parameters run at the same time
  module: st2actions.policies.concurrency_by_attr
  parameters:
    threshold: *threshold
    action: *action
    attributes:
      description: Names of the parameters whose values are compared
      type: array
      uniqueItems: true
      items: {type: string, minLength: 1}
- name: retry
  description: Runs an action again when it failed or timed out
  module: st2actions.policies.retry
  parameters:
    retry_on: {type: string, description: What is followed by another try, required: true, enum: [failure, timeout]}
    max_retry_count:
      {type: integer, description: How many more tries, required: true, minimum: 1, maximum: 5, default: 2}
    delay: {type: number, description: Seconds between two tries, required: false, minimum: 0, maximum: 120}
)yaml";

std::vector<Value> parse_policy_types() {
  const auto parsed = parse_yaml(kPolicyTypes);
  SQ_ASSERT(parsed.has_value());
  std::vector<Value> types;
  for (const Value& entry : parsed->as_list()) {
    const std::string name = entry["name"].string();
    types.push_back(Value::dict({{"name", name},
                                 {"description", entry["description"]},
                                 {"uid", "policy_type:action:" + name},
                                 {"ref", "action." + name},
                                 {"resource_type", "action"},
                                 {"enabled", true},
                                 {"module", entry["module"]},
                                 {"parameters", entry["parameters"]}}));
  }
  return types;
}

}  // namespace

const std::vector<Value>& policy_types() {
  static const std::vector<Value> types = parse_policy_types();
  return types;
}

const Value* find_policy_type(std::string_view ref) {
  for (const Value& type : policy_types()) {
    if (type["ref"].string_or("") == ref) return &type;
  }
  return nullptr;
}

}  // namespace squall::packs
