#include "value/mapping.hpp"

#include <algorithm>

#include "value/python.hpp"

namespace squall {

std::string Mapping::repr() const {
  std::string out = "{";
  for (const auto& [key, value] : entries_) {
    if (out.size() > 1) out += ", ";
    out += python::repr(key) + ": " + python::repr(value);
  }
  return out + "}";
}

Value make_mapping(Mapping::Entries entries) {
  const bool text_only = std::all_of(entries.begin(), entries.end(), [](const auto& e) { return e.first.is_string(); });
  if (!text_only) return Value::object(std::make_shared<Mapping>(std::move(entries)));
  Dict dict;
  for (auto& [key, value] : entries) dict.set(key.as_string(), std::move(value));
  return Value(std::move(dict));
}

bool sort_by_key(Mapping::Entries& entries) {
  bool sortable = true;
  std::stable_sort(entries.begin(), entries.end(), [&](const auto& a, const auto& b) {
    const Result<bool> less = python::less(a.first, b.first);
    sortable = sortable && less.has_value();
    return less.value_or(false);
  });
  return sortable;
}

}  // namespace squall
