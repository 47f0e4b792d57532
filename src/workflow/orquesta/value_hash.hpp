// A hash over what values hold, the same in every process: for the state's hash and to find equal log entries.
#pragma once

#include <cstdint>
#include <string_view>

#include "value/value.hpp"

namespace squall::workflow::orquesta {

// Equal values have equal hashes: 1 and 1.0, and dicts of any order.
uint64_t hash_of(const Value& value);
uint64_t hash_text(std::string_view text);

// Gathers a hash from parts in order.
class Hasher {
 public:
  void add(uint64_t part);
  void add_text(std::string_view text) { add(hash_text(text)); }
  void add(const Value& value) { add(hash_of(value)); }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0x9e3779b97f4a7c15;
};

}  // namespace squall::workflow::orquesta
