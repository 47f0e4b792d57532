// Which action alias a chat command means (stackstorm-features.md L-3, L-7).
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::api {

// One format of an alias: a text for people and the texts that commands are matched with.
struct AliasFormat {
  Value display;  // null: shown to nobody
  std::vector<std::string> representations;
  bool match_multiple = false;
};
std::vector<AliasFormat> formats_of(const Value& alias);

struct AliasMatch {
  Value alias;
  Value display;
  std::string representation;
  bool match_multiple = false;
};
// The one enabled alias whose format fits. kInvalid when none does, or more than one.
Result<AliasMatch> match_alias(const std::vector<Value>& aliases, const std::string& command);

// {available, helpstrings: [{pack, display, description}]} of the enabled aliases whose display has `filter`, a regular
// expression. `limit` 0: all.
Result<Value> alias_help(const std::vector<Value>& aliases, const std::string& filter, const std::string& pack,
                         int64_t limit, int64_t offset);

}  // namespace squall::api
