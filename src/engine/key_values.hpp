// st2kv: the datastore as templates see it (stackstorm-features.md M-6, expressions.md section 4).
#pragma once

#include "store/store.hpp"
#include "value/value.hpp"

namespace squall::engine {

// {"system": lazy, "user": lazy}: attribute and item access build up the key, the look-up happens when the value is
// used, and a missing key is an empty text. Holds a reference to the store.
Value make_st2kv(store::Store& store, const std::string& user);

}  // namespace squall::engine
