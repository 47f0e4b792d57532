#include "expr/jinja/runtime.hpp"

#include <optional>

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "expr/jinja/filters.hpp"
#include "expr/jinja/methods.hpp"
#include "expr/jinja/tests.hpp"
#include "value/number_text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::type_error;

namespace {

const LazyObject* as_lazy(const Value& value) { return as_object_of<LazyObject>(value); }

}  // namespace

// --- Limits -----------------------------------------------------------------------------------------------------

Status Runtime::out_of_fuel() {
  fuel_ = 0;
  return py::limit_error("the template needs more than " + std::to_string(kStepsMax) + " evaluation steps (kStepsMax)");
}

Status Runtime::charge_text(size_t bytes) {
  if (bytes > kTextBytesMax) {
    return py::limit_error("the template makes a text of more than " + std::to_string(kTextBytesMax) +
                           " bytes (kTextBytesMax)");
  }
  return bytes > kBytesPerStep ? charge(bytes / kBytesPerStep) : Status();
}

Status Runtime::charge_input(const Value& value) {
  const bool is_text = value.is_string() || value.kind() == Kind::kMarkup || value.kind() == Kind::kBytes;
  return is_text && value.size() > kInputBytesPerStep ? charge(value.size() / kInputBytesPerStep) : Status();
}

Status Runtime::too_deep() const {
  return raise("RecursionError",
               "the template recurses deeper than " + std::to_string(kRecursionMax) + " levels (kRecursionMax)");
}

Runtime::~Runtime() {
  for (const Value& object : tracked_) as_py_object(object)->forget();
}

Value Runtime::track(Value object) {
  tracked_.push_back(object);
  return object;
}

// --- Undefined --------------------------------------------------------------------------------------------------

Value Runtime::undefined(std::string_view message) const {
  return make_undefined(options_.allow_undefined ? UndefinedKind::kLenient : UndefinedKind::kStrict, message);
}

Value Runtime::undefined_name(std::string_view name) const {
  return undefined(python::repr(Value(name)) + " is undefined");
}

Value Runtime::undefined_member(const Value& object, const Value& name) const {
  if (name.is_string()) {
    return undefined(python::repr(Value(type_repr(object))) + " has no attribute " + python::repr(name));
  }
  return undefined(type_repr(object) + " has no element " + python::repr(name));
}

// --- Containers that were changed in place --------------------------------------------------------------------------

const void* Runtime::identity(const Value& value) {
  if (value.is_list()) return &value.as_list();
  return value.is_dict() ? static_cast<const void*>(&value.as_dict()) : nullptr;
}

const Value& Runtime::resolve(const Value& value) const {
  if (cells_.empty()) return value;
  const auto cell = cells_.find(identity(value));
  return cell == cells_.end() ? value : cell->second.content;
}

Value& Runtime::mutable_container(const Value& container) {
  const auto [cell, is_new] = cells_.try_emplace(identity(container), Cell{container, container});
  return cell->second.content;
}

List& Runtime::mutable_list(const Value& list) { return mutable_container(list).mut_list(); }

Result<Value> Runtime::freeze(const Value& value) {
  const Value& now = resolve(value);
  if (now.kind() < Kind::kList) return now;
  SQ_TRY(const Nested nested, Nested::enter(*this));
  const auto differs = [](const Value& a, const Value& b) { return a.kind() >= Kind::kString && !a.same_storage(b); };
  switch (now.kind()) {
    case Kind::kList:
    case Kind::kTuple: {
      SQ_CHECK(charge(now.size() / 8));
      std::optional<List> copy;  // only when something differs
      for (size_t i = 0; i < now.size(); ++i) {
        SQ_TRY(Value frozen, freeze(now.as_list()[i]));
        if (!copy && differs(frozen, now.as_list()[i])) copy = now.as_list();
        if (copy) (*copy)[i] = std::move(frozen);
      }
      if (!copy) return now;
      return now.is_list() ? Value(*std::move(copy)) : Value::tuple(*std::move(copy));
    }
    case Kind::kDict: {
      SQ_CHECK(charge(now.size() / 8));
      Value copy = now;
      for (const auto& [key, member] : now.as_dict()) {
        SQ_TRY(Value frozen, freeze(member));
        if (differs(frozen, member)) copy.set(key, std::move(frozen));
      }
      return copy;
    }
    case Kind::kObject: {
      const PyObject* object = as_py_object(now);
      const auto plain = object != nullptr ? object->plain(*this) : std::nullopt;
      if (!plain) return now;
      return freeze(*plain);
    }
    default: return now;
  }
}

// --- Text -------------------------------------------------------------------------------------------------------

namespace {

// Python refuses to show them: it would take quadratic time.
Status showable(const Value& integer) {
  if (integer.size() <= kIntegerDigitsMax + 1) return {};
  return py::value_error(
      "Exceeds the limit (" + std::to_string(kIntegerDigitsMax) +
      " digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit");
}

}  // namespace

Result<std::string> Runtime::str(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kMarkup: return std::string(value.as_string());
    case Kind::kUndefined:
      if (is_strict_undefined(value)) return raise_undefined(value);
      return std::string();
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet:
    case Kind::kDict:
    case Kind::kObject: return object_text(value, false);
    case Kind::kBigInt: SQ_CHECK(showable(value)); [[fallthrough]];
    default: return python::str(value);
  }
}

Result<std::string> Runtime::repr(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined: return std::string("Undefined");
    case Kind::kMarkup: return "Markup(" + python::repr(Value(value.as_string())) + ")";
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet:
    case Kind::kDict:
    case Kind::kObject: return object_text(value, true);
    case Kind::kBigInt: SQ_CHECK(showable(value)); [[fallthrough]];
    default: return python::repr(value);
  }
}

namespace {

// Levels of plain data that are looked at by plain_nodes().
constexpr int kPlainLevels = 50;

// How many values there are in data that Python's repr() shows as they are; nothing for data with objects in it, with
// the kinds that a render shows in its own way, or nested deep.
std::optional<size_t> plain_nodes(const Value& value, int levels) {
  switch (value.kind()) {
    case Kind::kNull:
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUInt:
    case Kind::kDouble:
    case Kind::kString: return 1;
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict: break;
    default: return std::nullopt;
  }
  if (levels == 0) return std::nullopt;
  size_t nodes = 1;
  const auto add = [&](const Value& part) {
    const auto more = plain_nodes(part, levels - 1);
    nodes += more.value_or(0);
    return more.has_value();
  };
  if (value.is_dict()) {
    for (const auto& [key, member] : value.as_dict()) {
      if (!add(member)) return std::nullopt;
      ++nodes;
    }
    return nodes;
  }
  for (const Value& item : value.as_list()) {
    if (!add(item)) return std::nullopt;
  }
  return nodes;
}

}  // namespace

Result<std::string> Runtime::object_text(const Value& value, bool as_repr) {
  SQ_TRY(const Nested nested, Nested::enter(*this));
  const Value& now = resolve(value);
  if (cells_.empty()) {
    if (const auto nodes = plain_nodes(now, kPlainLevels)) {
      SQ_CHECK(charge(*nodes));
      std::string text = python::repr(now);
      SQ_CHECK(charge_text(text.size()));
      return text;
    }
  }
  std::string out;
  const auto append = [&](const Value& part) -> Status {
    SQ_CHECK(charge());
    SQ_TRY(const std::string text, repr(part));
    SQ_CHECK(charge_text(out.size() + text.size()));
    out += text;
    return {};
  };
  const auto append_pair = [&](const Value& key, const Value& member) -> Status {
    if (!out.empty()) out += ", ";
    SQ_CHECK(append(key));
    out += ": ";
    return append(member);
  };
  if (now.kind() == Kind::kObject) {
    if (const auto* mapping = as_object_of<Mapping>(now)) {
      for (const auto& [key, member] : mapping->entries()) SQ_CHECK(append_pair(key, member));
      return "{" + out + "}";
    }
    if (const PyObject* object = as_py_object(now)) return object->show(*this);
    const LazyObject* lazy = as_lazy(now);
    if (lazy != nullptr && !as_repr) return lazy->text();
    return "<" + std::string(now.type_name()) + " object>";
  }
  if (now.is_dict()) {
    for (const auto& [key, member] : now.as_dict()) SQ_CHECK(append_pair(Value(key), member));
    return "{" + out + "}";
  }
  for (const Value& item : now.as_list()) {
    if (!out.empty()) out += ", ";
    SQ_CHECK(append(item));
  }
  if (now.is_list()) return "[" + out + "]";
  if (now.kind() == Kind::kTuple) return "(" + out + (now.size() == 1 ? ",)" : ")");
  return out.empty() ? std::string("set()") : "{" + out + "}";
}

std::string_view Runtime::type_name(const Value& value) const {
  if (is_undefined(value)) return is_strict_undefined(value) ? "StrictUndefined" : "Undefined";
  return resolve(value).type_name();
}

std::string Runtime::type_repr(const Value& value) const {
  if (value.is_null()) return "None";
  std::string module;
  switch (value.kind()) {
    case Kind::kUndefined: module = "jinja2.runtime."; break;
    case Kind::kMarkup: module = "markupsafe."; break;
    case Kind::kDateTime:
    case Kind::kDate:
    case Kind::kTimeDelta: module = "datetime."; break;
    case Kind::kObject:
      if (const PyObject* object = as_py_object(value); object != nullptr && !object->module().empty()) {
        module = std::string(object->module()) + ".";
      }
      break;
    default: break;
  }
  return module + std::string(type_name(value)) + " object";
}

// --- Truth, length, iteration
// -----------------------------------------------------------------------------------------

Result<bool> Runtime::truthy(const Value& value) {
  if (is_undefined(value)) {
    if (is_strict_undefined(value)) return raise_undefined(value);
    return false;
  }
  const Value& now = resolve(value);
  if (const PyObject* object = as_py_object(now)) return object->length(*this).value_or(1) != 0;
  return now.truthy();
}

Result<std::optional<size_t>> Runtime::length(const Value& value) {
  const Value& now = resolve(value);
  switch (now.kind()) {
    case Kind::kString:
    case Kind::kMarkup: return utf8_length(now.as_string());
    case Kind::kBytes:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet:
    case Kind::kDict: return now.size();
    case Kind::kUndefined:
      if (is_strict_undefined(now)) return raise_undefined(now);
      return 0;
    case Kind::kObject: {
      const PyObject* object = as_py_object(now);
      return object != nullptr ? object->length(*this) : std::nullopt;
    }
    default: return std::optional<size_t>();
  }
}

bool Runtime::is_iterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kMarkup:
    case Kind::kBytes:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet:
    case Kind::kDict: return true;
    case Kind::kUndefined: return !is_strict_undefined(value);
    case Kind::kObject: {
      const PyObject* object = as_py_object(resolve(value));
      return object != nullptr && object->iterate(*this).has_value();
    }
    default: return false;
  }
}

Result<Cursor> Runtime::iterate(const Value& value) {
  const Value now = resolve(value);
  switch (now.kind()) {
    case Kind::kString:
    case Kind::kMarkup:
      return [now, at = size_t{0}](Value& out) mutable -> Result<bool> {
        const std::string_view text = now.as_string();
        if (at == text.size()) return false;
        const size_t start = at;
        next_code_point(text, at);
        out = Value(text.substr(start, at - start));
        return true;
      };
    case Kind::kBytes:
      return [now, at = size_t{0}](Value& out) mutable -> Result<bool> {
        if (at == now.size()) return false;
        out = Value(static_cast<int>(static_cast<unsigned char>(now.as_string()[at++])));
        return true;
      };
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet:
      return [now, at = size_t{0}](Value& out) mutable -> Result<bool> {
        if (at == now.size()) return false;
        out = now.as_list()[at++];
        return true;
      };
    case Kind::kDict:
      return [now, at = size_t{0}](Value& out) mutable -> Result<bool> {
        const Dict& dict = now.as_dict();
        if (at == dict.size()) return false;
        out = Value((dict.begin() + static_cast<ptrdiff_t>(at++))->key);
        return true;
      };
    case Kind::kUndefined:
      if (is_strict_undefined(now)) return raise_undefined(now);
      return [](Value&) -> Result<bool> { return false; };
    case Kind::kObject:
      if (const PyObject* object = as_py_object(now)) {
        // The cursor may point into the object: it keeps it alive.
        if (auto cursor = object->iterate(*this)) {
          return [now, inner = *std::move(cursor)](Value& out) mutable { return inner(out); };
        }
      }
      [[fallthrough]];
    default: return type_error("'" + std::string(type_name(now)) + "' object is not iterable");
  }
}

Result<List> Runtime::to_list(const Value& value) {
  const Value& now = resolve(value);
  if (now.is_list() || now.kind() == Kind::kTuple || now.kind() == Kind::kSet) {
    SQ_CHECK(charge(now.size()));
    return now.as_list();
  }
  SQ_TRY(const Cursor next, iterate(now));
  List items;
  Value item;
  while (true) {
    SQ_TRY(const bool more, next(item));
    if (!more) return items;
    SQ_CHECK(charge());
    items.push_back(item);
  }
}

bool Runtime::is_hashable(const Value& value) {
  switch (value.kind()) {
    case Kind::kList:
    case Kind::kDict:
    case Kind::kSet: return false;
    case Kind::kTuple:
      for (const Value& item : value.as_list()) {
        if (!is_hashable(item)) return false;
      }
      return true;
    case Kind::kObject: {
      const std::string_view type = value.as_object()->type_name();
      return as_object_of<Mapping>(value) == nullptr && type != "dict_keys" && type != "dict_items";
    }
    default: return true;
  }
}

bool Runtime::is_callable(const Value& value) const {
  if (value.kind() == Kind::kUndefined) return true;  // Undefined has a __call__, which raises
  if (value.kind() != Kind::kObject) return false;
  const PyObject* object = as_py_object(value);
  return object != nullptr ? object->is_callable() : as_object_of<Callable>(value) != nullptr;
}

bool Runtime::is_mapping(const Value& value) const {
  return value.is_dict() || as_object_of<Mapping>(value) != nullptr;
}

}  // namespace squall::expr::jinja
