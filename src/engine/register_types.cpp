#include "engine/register_types.hpp"

#include <algorithm>

namespace squall::engine {

RegisterTypes RegisterTypes::named(const std::vector<std::string>& names) {
  const auto has = [&](const char* one, const char* many) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return name == one || name == many; });
  };
  if (names.empty() || has("all", "all")) return {};
  return {.runners = has("runner", "runners"),
          .rule_types = has("rule_type", "rule_types"),
          .policy_types = has("policy_type", "policy_types"),
          .triggers = has("trigger", "triggers"),
          .sensors = has("sensor", "sensors"),
          .actions = has("action", "actions"),
          .rules = has("rule", "rules"),
          .aliases = has("alias", "aliases"),
          .policies = has("policy", "policies"),
          .configs = has("config", "configs")};
}

}  // namespace squall::engine
