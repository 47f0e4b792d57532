#include "value/diff.hpp"

#include <algorithm>

namespace squall {

namespace {

std::string path_to(const std::string& parent, const std::string& step) {
  return parent.empty() ? step : parent + "." + step;
}

void collect(const Value& a, const Value& b, const std::string& path, std::vector<Change>& changes) {
  if (a == b) return;
  if (a.is_dict() && b.is_dict()) {
    for (const auto& [key, before] : a.as_dict()) {
      if (const Value* after = b.as_dict().find(key)) {
        collect(before, *after, path_to(path, key), changes);
      } else {
        changes.push_back({.path = path_to(path, key), .removed = true, .before = before});
      }
    }
    for (const auto& [key, after] : b.as_dict()) {
      if (!a.contains(key)) changes.push_back({.path = path_to(path, key), .added = true, .after = after});
    }
    return;
  }
  if (a.is_list() && b.is_list()) {
    for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
      const std::string item = path_to(path, std::to_string(i));
      if (i >= a.size()) {
        changes.push_back({.path = item, .added = true, .after = b[i]});
      } else if (i >= b.size()) {
        changes.push_back({.path = item, .removed = true, .before = a[i]});
      } else {
        collect(a[i], b[i], item, changes);
      }
    }
    return;
  }
  changes.push_back({.path = path, .before = a, .after = b});
}

}  // namespace

std::vector<Change> diff(const Value& a, const Value& b) {
  std::vector<Change> changes;
  collect(a, b, "", changes);
  return changes;
}

Value merge_patch(const Value& target, const Value& patch) {
  if (!patch.is_dict()) return patch;
  Value merged = target.is_dict() ? target : Value::empty_dict();
  for (const auto& [key, change] : patch.as_dict()) {
    if (change.is_null()) {
      merged.erase(key);
    } else {
      merged.set(key, merge_patch(merged[key], change));
    }
  }
  return merged;
}

Value deep_merge(const Value& base, const Value& over) {
  if (!base.is_dict() || !over.is_dict()) return over;
  Value merged = base;
  for (const auto& [key, value] : over.as_dict()) {
    merged.set(key, merged.contains(key) ? deep_merge(merged[key], value) : value);
  }
  return merged;
}

}  // namespace squall
