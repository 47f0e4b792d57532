// Methods and attributes of Python's own types, by the name of the attribute.
#pragma once

#include <span>
#include <string_view>

#include "expr/jinja/arguments.hpp"
#include "expr/jinja/runtime.hpp"

namespace squall::expr::jinja {

struct Method {
  std::string_view name;
  Signature signature;
  Result<Value> (*run)(Runtime& rt, const Value& self, const Bound& arguments);
};

// Null when the type of `self` (resolved) has no such method.
const Method* find_method(const Value& self, std::string_view name);
Result<Value> run_method(Runtime& rt, const Method& method, const Value& self, const CallArguments& arguments);

// A double-underscore attribute that Python's object has, and that the sandbox therefore calls unsafe.
bool has_internal_attribute(const Value& value, std::string_view name);

std::span<const Method> str_methods();
std::span<const Method> list_methods();
std::span<const Method> tuple_methods();
std::span<const Method> dict_methods();
std::span<const Method> number_methods(bool is_float);
std::span<const Method> time_methods();

// The entries of a dict of either form.
Mapping::Entries dict_entries(const Value& resolved_dict);
// Sets a member of a dict in place; a key that is not text turns the dict into a Mapping.
Status dict_put(Runtime& rt, const Value& dict, const Value& key, const Value& value);
// dict(...): an iterable of pairs or a mapping, then keywords.
Result<Value> make_dict(Runtime& rt, const CallArguments& arguments);
// A dict of these entries: a plain Dict when all keys are text.
Result<Value> dict_of(Runtime& rt, const Mapping::Entries& entries);

}  // namespace squall::expr::jinja
