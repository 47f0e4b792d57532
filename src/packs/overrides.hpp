// Overrides: what an operator says of the content of packs without changing their files (stackstorm-features.md A-8).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::packs {

// Read from <directory>/_global.yaml, which is for all packs, and <directory>/<pack>.yaml, which wins:
//
//   actions:                  or aliases, rules, sensors
//     defaults:
//       enabled: false
//     exceptions:             by name (of a sensor: its class); only in the file of one pack
//       restart_service:
//         enabled: true
//
// `enabled` is the one attribute that can be overridden, as in StackStorm.
class Overrides {
 public:
  // What cannot be used is left out, with a warning that has its place; so is a file that cannot be read.
  static Overrides read(const std::string& directory, const std::string& pack, std::vector<Error>& warnings);

  // `kind` is "actions", "aliases", "rules" or "sensors". True when the document is another one now.
  bool apply(std::string_view kind, Value& document) const;

 private:
  Value global_, own_;  // kind -> {defaults, exceptions}, with nothing in them but what counts; null without a file
};

}  // namespace squall::packs
