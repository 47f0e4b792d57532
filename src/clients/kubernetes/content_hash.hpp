// ContentHash: tells whether two states of an object differ, without keeping either.
#pragma once

#include <cstdint>

#include "value/value.hpp"

namespace squall::kubernetes {

inline constexpr uint64_t kUnknownContent = 0;

// A hash of everything in an object but metadata.resourceVersion and metadata.managedFields: the same for the same
// content, in whatever order its members come, on every machine and in every release (it is saved). kUnknownContent for
// a core/v1 Secret: a hash of what is in there would help to guess it, and a hash of its mask would tell nothing.
uint64_t content_hash(const Value& object);

}  // namespace squall::kubernetes
