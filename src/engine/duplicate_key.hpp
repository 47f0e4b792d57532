// The error for a document whose name is taken.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::engine {

// StackStorm passes MongoDB's message on, and clients look into it: the table, the index and the key's members. The
// error's type is the id of the document that is there already, which the API shows as "conflict-id".
Error duplicate_key(std::string_view table, std::string_view index,
                    const std::vector<std::pair<std::string_view, Value>>& key, const Value& existing);

}  // namespace squall::engine
