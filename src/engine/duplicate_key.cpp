#include "engine/duplicate_key.hpp"

#include <fmt/format.h>

#include <string>

namespace squall::engine {

Error duplicate_key(std::string_view table, std::string_view index,
                    const std::vector<std::pair<std::string_view, Value>>& key, const Value& existing) {
  std::string fields;
  for (const auto& [name, value] : key) {
    fields += fmt::format("{}{}: \"{}\"", fields.empty() ? "" : ", ", name, value.string());
  }
  const std::string message =
      fmt::format("E11000 duplicate key error collection: st2.{} index: {} dup key: {{ {} }}", table, index, fields);
  return Error(ErrorCode::kConflict,
               fmt::format("Tried to save duplicate unique keys ({0}, full error: {{'index': 0, 'errmsg': '{0}', "
                           "'code': 11000, 'codeName': 'DuplicateKey'}})",
                           message))
      .with_type(existing["id"].string());
}

}  // namespace squall::engine
