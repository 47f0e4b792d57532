// Object ids in StackStorm's form, and random bytes.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace squall {

// Cryptographically strong random bytes. Injected, so that the simulator can replay a run. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(void* bytes, size_t count) = 0;

  // An even choice from [0, bound) by rejection sampling; bound must be positive.
  uint64_t below(uint64_t bound);
  // `count` lower-case hex digits.
  std::string hex(size_t count);
  // "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".
  std::string uuid4();

  // getrandom(2). Aborts if the kernel has none to give.
  static Random& system();
};

// Makes 24-hex-digit ids in the form of a Mongo ObjectId: 4 bytes of epoch seconds, 5 random bytes of this process,
// a 3-byte counter. Ids of one generator sort by creation. Thread-safe.
std::string new_object_id(const Clock& clock = Clock::system());

// True for 24 lower- or upper-case hex digits.
bool is_object_id(std::string_view text);

}  // namespace squall
