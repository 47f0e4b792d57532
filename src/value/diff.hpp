// What differs between two documents, and JSON merge patches.
#pragma once

#include <string>
#include <vector>

#include "value/value.hpp"

namespace squall {

struct Change {
  std::string path;  // "a.b.0", as Value::at_path() reads it; empty when the documents differ as a whole
  bool added = false;
  bool removed = false;
  Value before;  // null when added
  Value after;   // null when removed
};

// The smallest values that differ: members of dicts by key (in the order of `a`, then what `b` adds), items of lists by
// position. 1 and 1.0 are no difference, nor is the order of members.
std::vector<Change> diff(const Value& a, const Value& b);

// RFC 7396: a null in the patch removes the member, dicts are merged, everything else replaces.
Value merge_patch(const Value& target, const Value& patch);

// Merges dicts deeply; other values of `over` replace those of `base`, null included.
Value deep_merge(const Value& base, const Value& over);

}  // namespace squall
