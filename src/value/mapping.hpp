// A dict with at least one key that is not text. JSON and Value's own dict have text keys only; Python's literals and
// what is written as YAML may have others.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "value/value.hpp"

namespace squall {

class Mapping final : public Object {
 public:
  using Entries = std::vector<std::pair<Value, Value>>;  // in order, every key once
  explicit Mapping(Entries entries) : entries_(std::move(entries)) {}
  std::string_view type_name() const override { return "dict"; }
  std::string repr() const override;
  const Entries& entries() const { return entries_; }

  // Null when the value is none.
  static const Mapping* of(const Value& value) {
    return value.kind() == Kind::kObject ? dynamic_cast<const Mapping*>(value.as_object().get()) : nullptr;
  }

 private:
  Entries entries_;
};

// A dict of these entries: Kind::kDict when all keys are text, else a Mapping.
Value make_mapping(Mapping::Entries entries);
// Sorts by key; false, and in no particular order, when two keys cannot be compared (python::less says why).
bool sort_by_key(Mapping::Entries& entries);

}  // namespace squall
