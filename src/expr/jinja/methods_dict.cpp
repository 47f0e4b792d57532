#include <algorithm>

#include "expr/jinja/methods.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::type_error;

namespace {

bool is_text(const Value& value) { return value.is_string() || value.kind() == Kind::kMarkup; }

Status hashable(Runtime& rt, const Value& key) {
  if (is_strict_undefined(key)) return raise_undefined(key);
  if (rt.is_hashable(key)) return {};
  return type_error("unhashable type: '" + std::string(rt.type_name(key)) + "'");
}

Result<Value*> find_entry(Runtime& rt, Mapping::Entries& entries, const Value& key) {
  for (auto& [own, member] : entries) {
    SQ_TRY(const bool same, rt.equal(own, key));
    if (same) return &member;
  }
  return nullptr;
}

Status put_entry(Runtime& rt, Mapping::Entries& entries, const Value& key, const Value& value) {
  SQ_CHECK(hashable(rt, key));
  SQ_TRY(Value * found, find_entry(rt, entries, key));
  if (found != nullptr) {
    *found = value;
  } else {
    entries.emplace_back(key, value);
  }
  return {};
}

// The Mapping to change, when the dict is one.
const Mapping* as_mapping(Runtime& rt, const Value& dict) { return as_object_of<Mapping>(rt.resolve(dict)); }

// Puts an iterable of pairs or a mapping into a dict, then keywords: what dict() and dict.update() take.
Status put_all(Runtime& rt, const Value& dict, const Value* source, const Dict& keywords) {
  if (source != nullptr && rt.is_mapping(rt.resolve(*source))) {
    for (const auto& [key, value] : dict_entries(rt.resolve(*source))) SQ_CHECK(dict_put(rt, dict, key, value));
  } else if (source != nullptr) {
    SQ_TRY(const List pairs, rt.to_list(*source));
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (!rt.is_iterable(pairs[i])) {
        return type_error("cannot convert dictionary update sequence element #" + std::to_string(i) + " to a sequence");
      }
      SQ_TRY(const List pair, rt.to_list(pairs[i]));
      if (pair.size() != 2) {
        return py::value_error("dictionary update sequence element #" + std::to_string(i) + " has length " +
                               std::to_string(pair.size()) + "; 2 is required");
      }
      SQ_CHECK(dict_put(rt, dict, pair[0], pair[1]));
    }
  }
  for (const auto& [name, value] : keywords) SQ_CHECK(dict_put(rt, dict, Value(name), value));
  return {};
}

// Takes a member out of a dict in place; nothing when it is not there.
Result<std::optional<Value>> take(Runtime& rt, const Value& self, const Value& key) {
  SQ_CHECK(hashable(rt, key));
  SQ_TRY(auto found, rt.find_item(self, key));
  if (!found) return found;
  if (const Mapping* mapping = as_mapping(rt, self)) {
    auto& entries = mapping->entries();
    for (size_t i = 0; i < entries.size(); ++i) {
      SQ_TRY(const bool same, rt.equal(entries[i].first, key));
      if (!same) continue;
      entries.erase(entries.begin() + static_cast<ptrdiff_t>(i));
      break;
    }
  } else {
    SQ_CHECK(rt.charge(1 + rt.resolve(self).size() / 8));
    rt.mutable_container(self).erase(key.as_string());
  }
  return found;
}

// --- Methods --------------------------------------------------------------------------------------------------------

Result<Value> get(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_CHECK(hashable(rt, arguments[0]));
  SQ_TRY(auto found, rt.find_item(self, arguments[0]));
  return found ? *std::move(found) : arguments[1];
}

template <DictView::Part P>
Result<Value> view(Runtime&, const Value& self, const Bound&) {
  return make_object<DictView>(P, self);
}

Result<Value> copy(Runtime& rt, const Value& self, const Bound&) {
  SQ_CHECK(rt.charge(1 + rt.resolve(self).size()));
  const Value& now = rt.resolve(self);
  if (const auto* mapping = as_object_of<Mapping>(now)) return rt.track(make_object<Mapping>(mapping->entries()));
  return Value(Dict(now.as_dict()));
}

Result<Value> pop(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_TRY(auto found, take(rt, self, arguments[0]));
  if (found) return *std::move(found);
  if (arguments.has(1)) return arguments[1];
  SQ_TRY(const std::string shown, rt.repr(arguments[0]));
  return raise("KeyError", shown);
}

Result<Value> pop_item(Runtime& rt, const Value& self, const Bound&) {
  const Mapping::Entries entries = dict_entries(rt.resolve(self));
  if (entries.empty()) return raise("KeyError", "'popitem(): dictionary is empty'");
  SQ_TRY([[maybe_unused]] const auto taken, take(rt, self, entries.back().first));
  return Value::tuple({entries.back().first, entries.back().second});
}

Result<Value> set_default(Runtime& rt, const Value& self, const Bound& arguments) {
  SQ_CHECK(hashable(rt, arguments[0]));
  SQ_TRY(auto found, rt.find_item(self, arguments[0]));
  if (found) return *std::move(found);
  SQ_CHECK(dict_put(rt, self, arguments[0], arguments[1]));
  return arguments[1];
}

Result<Value> update(Runtime& rt, const Value& self, const Bound& arguments) {
  if (arguments.rest.size() > 1) {
    return type_error("update expected at most 1 argument, got " + std::to_string(arguments.rest.size()));
  }
  SQ_CHECK(put_all(rt, self, arguments.rest.empty() ? nullptr : &arguments.rest.front(), arguments.keywords));
  return Value();
}

Result<Value> clear(Runtime& rt, const Value& self, const Bound&) {
  if (const Mapping* mapping = as_mapping(rt, self)) {
    mapping->entries().clear();
  } else {
    rt.mutable_container(self) = Value::empty_dict();
  }
  return Value();
}

Result<Value> from_keys(Runtime& rt, const Value&, const Bound& arguments) {
  SQ_TRY(const List keys, rt.to_list(arguments[0]));
  Mapping::Entries entries;
  for (const Value& key : keys) entries.emplace_back(key, arguments[1]);
  return dict_of(rt, entries);
}

}  // namespace

Mapping::Entries dict_entries(const Value& resolved_dict) {
  if (const auto* mapping = as_object_of<Mapping>(resolved_dict)) return mapping->entries();
  Mapping::Entries entries;
  entries.reserve(resolved_dict.size());
  for (const auto& [key, value] : resolved_dict.as_dict()) entries.emplace_back(Value(key), value);
  return entries;
}

Status dict_put(Runtime& rt, const Value& dict, const Value& key, const Value& value) {
  SQ_CHECK(rt.charge());
  if (const Mapping* mapping = as_mapping(rt, dict)) return put_entry(rt, mapping->entries(), key, value);
  if (is_text(key)) {
    rt.mutable_container(dict).set(key.as_string(), value);
    return {};
  }
  SQ_CHECK(hashable(rt, key));
  Mapping::Entries entries = dict_entries(rt.resolve(dict));
  SQ_CHECK(put_entry(rt, entries, key, value));
  rt.mutable_container(dict) = rt.track(make_object<Mapping>(std::move(entries)));
  return {};
}

Result<Value> dict_of(Runtime& rt, const Mapping::Entries& entries) {
  const bool plain =
      std::all_of(entries.begin(), entries.end(), [](const auto& entry) { return is_text(entry.first); });
  if (plain) {
    Dict dict;
    dict.reserve(entries.size());
    for (const auto& [key, value] : entries) dict.set(key.as_string(), value);
    return Value(std::move(dict));
  }
  Mapping::Entries unique;
  for (const auto& [key, value] : entries) {
    SQ_CHECK(rt.charge());
    SQ_CHECK(put_entry(rt, unique, key, value));
  }
  return rt.track(make_object<Mapping>(std::move(unique)));
}

Result<Value> make_dict(Runtime& rt, const CallArguments& arguments) {
  if (arguments.positional.size() > 1) {
    return type_error("dict expected at most 1 argument, got " + std::to_string(arguments.positional.size()));
  }
  const Value* source = arguments.positional.empty() ? nullptr : &arguments.positional.front();
  if (source != nullptr && is_undefined(*source) && is_strict_undefined(*source)) return raise_undefined(*source);
  const Value dict = Value::empty_dict();
  SQ_CHECK(put_all(rt, dict, source, arguments.keyword));
  // Nobody else holds it: the content is the dict.
  return rt.resolve(dict);
}

std::span<const Method> dict_methods() {
  static const Method kMethods[] = {
      {"clear", Signature("dict.clear:"), clear},
      {"copy", Signature("dict.copy:"), copy},
      {"fromkeys", Signature("dict.fromkeys: iterable value?"), from_keys},
      {"get", Signature("dict.get: key default?"), get},
      {"items", Signature("dict.items:"), view<DictView::Part::kItems>},
      {"keys", Signature("dict.keys:"), view<DictView::Part::kKeys>},
      {"pop", Signature("dict.pop: key default?"), pop},
      {"popitem", Signature("dict.popitem:"), pop_item},
      {"setdefault", Signature("dict.setdefault: key default?"), set_default},
      {"update", Signature("dict.update: *"), update},
      {"values", Signature("dict.values:"), view<DictView::Part::kValues>},
  };
  return kMethods;
}

}  // namespace squall::expr::jinja
