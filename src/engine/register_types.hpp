// Which kinds of content a registration is about.
#pragma once

#include <string>
#include <vector>

namespace squall::engine {

// The names are those of POST /packs/register (S-2): "action" and "actions" are the same.
struct RegisterTypes {
  bool runners = true, rule_types = true, policy_types = true;
  bool triggers = true, sensors = true, actions = true, rules = true, aliases = true, policies = true, configs = true;

  // Those named; all when nothing is named, or "all".
  static RegisterTypes named(const std::vector<std::string>& names);
};

}  // namespace squall::engine
