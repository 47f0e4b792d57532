// Names of content: "pack.name" references and "type:pack:name" uids (stackstorm-api.md section 3).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace squall::model {

struct Reference {
  std::string pack;
  std::string name;
  std::string to_string() const { return pack + "." + name; }
};

// Splits at the first dot; nothing when there is none or a side is empty.
std::optional<Reference> parse_reference(std::string_view text);

// "action:core:local".
std::string make_uid(std::string_view type, std::string_view pack, std::string_view name);

}  // namespace squall::model
