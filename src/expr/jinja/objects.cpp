#include "expr/jinja/objects.hpp"

#include "expr/jinja/methods.hpp"
#include "expr/jinja/runtime.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

const PyObject* as_py_object(const Value& value) { return as_object_of<PyObject>(value); }

Result<std::string> PyObject::show(Runtime&) const {
  const std::string prefix = module().empty() ? "" : std::string(module()) + ".";
  return "<" + prefix + std::string(type_name()) + " object at 0x7f0000000000>";
}

Result<std::optional<Value>> PyObject::attribute(Runtime&, std::string_view) const { return std::optional<Value>(); }
Result<std::optional<Value>> PyObject::item(Runtime&, const Value&) const { return std::optional<Value>(); }
std::optional<Cursor> PyObject::iterate(Runtime&) const { return std::nullopt; }
std::optional<size_t> PyObject::length(Runtime&) const { return std::nullopt; }
std::optional<Value> PyObject::plain(Runtime&) const { return std::nullopt; }

Result<Value> PyObject::call(Runtime&, CallArguments) const {
  return py::type_error("'" + std::string(type_name()) + "' object is not callable");
}

// --- Range ------------------------------------------------------------------------------------------------------

size_t Range::size() const {
  if (step_ > 0 ? start_ >= stop_ : start_ <= stop_) return 0;
  const uint64_t distance = step_ > 0 ? static_cast<uint64_t>(stop_) - static_cast<uint64_t>(start_)
                                      : static_cast<uint64_t>(start_) - static_cast<uint64_t>(stop_);
  const uint64_t stride = step_ > 0 ? static_cast<uint64_t>(step_) : 0 - static_cast<uint64_t>(step_);
  return (distance - 1) / stride + 1;
}

Result<std::string> Range::show(Runtime&) const {
  const std::string ends = std::to_string(start_) + ", " + std::to_string(stop_);
  return "range(" + ends + (step_ == 1 ? "" : ", " + std::to_string(step_)) + ")";
}

Result<std::optional<Value>> Range::attribute(Runtime&, std::string_view name) const {
  if (name == "start") return std::optional<Value>(start_);
  if (name == "stop") return std::optional<Value>(stop_);
  if (name == "step") return std::optional<Value>(step_);
  return std::optional<Value>();
}

Result<std::optional<Value>> Range::item(Runtime&, const Value& key) const {
  const auto given = py::is_integer(key) ? py::to_int64(key) : std::nullopt;
  if (!given) return std::optional<Value>();
  const int64_t index = *given < 0 ? *given + static_cast<int64_t>(size()) : *given;
  if (index < 0 || static_cast<size_t>(index) >= size()) return std::optional<Value>();
  return std::optional<Value>(at(static_cast<size_t>(index)));
}

std::optional<Cursor> Range::iterate(Runtime&) const {
  return [this, index = size_t{0}](Value& out) mutable -> Result<bool> {
    if (index == size()) return false;
    out = at(index++);
    return true;
  };
}

// --- DictView ---------------------------------------------------------------------------------------------------

std::string_view DictView::type_name() const {
  static constexpr std::string_view kNames[] = {"dict_keys", "dict_values", "dict_items"};
  return kNames[static_cast<size_t>(part_)];
}

List DictView::elements(Runtime& rt) const {
  List out;
  for (auto& [key, member] : dict_entries(rt.resolve(dict_))) {
    switch (part_) {
      case Part::kKeys: out.push_back(std::move(key)); break;
      case Part::kValues: out.push_back(std::move(member)); break;
      case Part::kItems: out.push_back(Value::tuple({std::move(key), std::move(member)})); break;
    }
  }
  return out;
}

Result<std::string> DictView::show(Runtime& rt) const {
  SQ_TRY(const std::string list, rt.repr(Value(elements(rt))));
  return std::string(type_name()) + "(" + list + ")";
}

std::optional<Cursor> DictView::iterate(Runtime& rt) const {
  return [list = elements(rt), index = size_t{0}](Value& out) mutable -> Result<bool> {
    if (index == list.size()) return false;
    out = std::move(list[index++]);
    return true;
  };
}

std::optional<size_t> DictView::length(Runtime& rt) const { return dict_entries(rt.resolve(dict_)).size(); }

// --- Generator --------------------------------------------------------------------------------------------------

Result<std::string> Generator::show(Runtime&) const {
  if (type_ == "generator") return "<generator object " + name_ + " at 0x7f0000000000>";
  return "<" + std::string(type_) + " object at 0x7f0000000000>";
}

std::optional<Cursor> Generator::iterate(Runtime&) const {
  return [this](Value& out) -> Result<bool> { return cursor_(out); };
}

// --- Mapping and GroupTuple ---------------------------------------------------------------------------------------

std::optional<Cursor> Mapping::iterate(Runtime&) const {
  return [this, index = size_t{0}](Value& out) mutable -> Result<bool> {
    if (index >= entries_.size()) return false;
    out = entries_[index++].first;
    return true;
  };
}

Result<std::string> GroupTuple::show(Runtime& rt) const { return rt.repr(Value::tuple({grouper_, list_})); }

Result<std::optional<Value>> GroupTuple::attribute(Runtime&, std::string_view name) const {
  if (name == "grouper") return std::optional(grouper_);
  if (name == "list") return std::optional(list_);
  return std::optional<Value>();
}

Result<std::optional<Value>> GroupTuple::item(Runtime& rt, const Value& key) const {
  return rt.find_item(Value::tuple({grouper_, list_}), key);
}

std::optional<Cursor> GroupTuple::iterate(Runtime&) const {
  return [this, index = 0](Value& out) mutable -> Result<bool> {
    if (index == 2) return false;
    out = index++ == 0 ? grouper_ : list_;
    return true;
  };
}

}  // namespace squall::expr::jinja
