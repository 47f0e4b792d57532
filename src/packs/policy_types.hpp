// The policy types that StackStorm knows (stackstorm-features.md section J).
#pragma once

#include <string_view>
#include <vector>

#include "value/value.hpp"

namespace squall::packs {

// Documents as GET /policytypes shows them, without "id". Lives as long as the program; thread-safe.
const std::vector<Value>& policy_types();
// By ref ("action.retry"); null when there is none.
const Value* find_policy_type(std::string_view ref);

}  // namespace squall::packs
