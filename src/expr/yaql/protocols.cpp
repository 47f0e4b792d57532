// str(), repr(), truth, iteration: what Python does with YAQL's values.
#include <algorithm>
#include <cmath>

#include "base/limits.hpp"
#include "expr/python/text.hpp"
#include "expr/yaql/runtime.hpp"
#include "value/python.hpp"

namespace squall::expr::yaql {

namespace {

std::string date_time_repr(const Value& value) {
  const DateTime time = value.as_date_time();
  if (!time.has_offset) return python::repr(value);
  std::string text = python::repr(Value::date_time({.micros = time.micros}));
  text.pop_back();
  if (time.offset_seconds == 0) return text + ", tzinfo=tzutc())";
  return text + ", tzinfo=tzoffset(None, " + std::to_string(time.offset_seconds) + "))";
}

// "<map object at 0x7f3a5c0e9d10>": Python shows an address.
std::string object_repr(const Object& object) {
  constexpr std::string_view kAddress = " at 0x7f0000000000>";
  const std::string_view type = object.type_name();
  if (const auto* iterator = dynamic_cast<const Iterator*>(&object);
      iterator != nullptr && !iterator->function().empty()) {
    return "<generator object " + std::string(iterator->function()) + std::string(kAddress);
  }
  return "<" + std::string(type == "OrderingIterable" ? "yaql.standard_library.queries.OrderingIterable" : type) +
         " object" + std::string(kAddress);
}

}  // namespace

std::string_view Runtime::type_name(const Value& value) const {
  switch (value.kind()) {
    case Kind::kList:
    case Kind::kTuple: return "tuple";
    case Kind::kDict: return "FrozenDict";
    case Kind::kSet: return "frozenset";
    case Kind::kMarkup: return "str";
    case Kind::kDateTime: return "datetime.datetime";
    case Kind::kDate: return "datetime.date";
    case Kind::kTimeDelta: return "datetime.timedelta";
    case Kind::kObject:
      if (as<Pattern>(value) != nullptr) return "re.Pattern";
      return value.as_object()->type_name();
    default: return value.type_name();
  }
}

bool Runtime::is_mapping(const Value& value) const { return value.is_dict() || as<PyMap>(value) != nullptr; }

bool Runtime::is_sequence(const Value& value) const {
  return value.is_list() || value.kind() == Kind::kTuple || value.kind() == Kind::kBytes ||
         as<PyList>(value) != nullptr;
}

bool Runtime::is_set(const Value& value) const {
  if (value.kind() == Kind::kSet || as<PySet>(value) != nullptr) return true;
  const auto* view = as<MapView>(value);
  return view != nullptr && view->part != MapView::Part::kValues;
}

bool Runtime::is_iterator(const Value& value) const {
  return as<Iterator>(value) != nullptr || as<Memory>(value) != nullptr;
}

bool Runtime::is_iterable(const Value& value) const {
  if (is_sequence(value) || value.kind() == Kind::kSet) return true;
  if (value.kind() != Kind::kObject) return false;
  return is_iterator(value) || as<PySet>(value) != nullptr || as<MapView>(value) != nullptr ||
         as<Ordering>(value) != nullptr;
}

Result<bool> Runtime::truthy(const Value& value) {
  if (value.kind() != Kind::kObject) return value.truthy();
  if (const auto map = MapRef::of(value)) return map->size() != 0;
  if (const List* items = items_of(value)) return !items->empty();
  if (const auto* view = as<MapView>(value)) return MapRef::of(view->dict)->size() != 0;
  if (value.as_object()->type_name() == "datetime.timedelta") return true;
  return true;
}

const List* Runtime::items_of(const Value& value) const {
  if (value.is_list() || value.kind() == Kind::kTuple || value.kind() == Kind::kSet) return &value.as_list();
  if (const auto* list = as<PyList>(value)) return &list->items;
  if (const auto* set = as<PySet>(value)) return &set->items;
  return nullptr;
}

// --- Iteration
// --------------------------------------------------------------------------------------------------------

Result<bool> Cursor::next(Runtime& rt, Value& out) {
  if (iterator_ != nullptr) return iterator_->next(rt, out);
  if (memory_ != nullptr) {
    SQ_CHECK(rt.charge());
    return memory_->at(rt, at_++, out);
  }
  if (ordering_ != nullptr) {
    SQ_TRY(items_, ordering_->sorted(rt));
  }
  if (items_ == nullptr || at_ >= items_->size()) return false;
  SQ_CHECK(rt.charge());
  out = (*items_)[at_++];
  return true;
}

Result<Cursor> Runtime::iterate(const Value& value) {
  Cursor cursor;
  cursor.source_ = value;
  cursor.iterator_ = as<Iterator>(value);
  cursor.memory_ = as<Memory>(value);
  if (cursor.iterator_ != nullptr || cursor.memory_ != nullptr) return cursor;
  if (const List* items = items_of(cursor.source_)) {
    cursor.items_ = items;
    return cursor;
  }
  if (const auto* ordering = as<Ordering>(value)) {
    cursor.ordering_ = ordering;
    return cursor;
  }
  // What is left is listed first; the list moves along with the cursor.
  auto listed = std::make_shared<List>();
  const auto* view = as<MapView>(value);
  if (const auto map = MapRef::of(view != nullptr ? view->dict : value)) {
    SQ_CHECK(charge_elements(map->size()));
    listed->reserve(map->size());
    for (size_t i = 0; i < map->size(); ++i) {
      if (view == nullptr || view->part == MapView::Part::kKeys) {
        listed->push_back(map->key(i));
      } else if (view->part == MapView::Part::kValues) {
        listed->push_back(map->value(i));
      } else {
        listed->push_back(Value::tuple({map->key(i), map->value(i)}));
      }
    }
  } else if (is_text(value)) {
    for (const char32_t c : py::decode(value.as_string()))
      listed->push_back(Value(py::encode(std::u32string_view(&c, 1))));
    SQ_CHECK(charge_elements(listed->size()));
  } else if (value.kind() == Kind::kBytes) {
    for (const char byte : value.as_string())
      listed->push_back(Value(static_cast<int>(static_cast<unsigned char>(byte))));
    SQ_CHECK(charge_elements(listed->size()));
  } else {
    return py::type_error("'" + std::string(type_name(value)) + "' object is not iterable");
  }
  cursor.source_ = Value(std::move(*listed));
  cursor.items_ = &cursor.source_.as_list();
  return cursor;
}

Result<List> Runtime::to_list(const Value& value) {
  if (const List* items = items_of(value)) {
    SQ_CHECK(charge_elements(items->size()));
    return *items;
  }
  SQ_TRY(Cursor cursor, iterate(value));
  List items;
  for (Value item;;) {
    SQ_TRY(const bool more, cursor.next(*this, item));
    if (!more) return items;
    SQ_CHECK(charge_elements(1));
    items.push_back(std::move(item));
  }
}

// --- Text
// -------------------------------------------------------------------------------------------------------------

Result<std::string> Runtime::str(const Value& value) {
  if (is_text(value)) return std::string(value.as_string());
  if (value.kind() == Kind::kDateTime || value.kind() == Kind::kDate || value.kind() == Kind::kTimeDelta) {
    return python::str(value);
  }
  return repr(value);
}

Result<std::string> Runtime::repr(const Value& value) {
  std::string out;
  SQ_CHECK(append_repr(out, value, 0));
  SQ_CHECK(charge_text(out.size()));
  return out;
}

Status Runtime::append_repr(std::string& out, const Value& value, size_t depth) {
  if (depth > limits::kExpressionDepthMax || out.size() > kTextBytesMax) {
    return py::limit_error("a value is too large or too deep to be shown");
  }
  const auto append_items = [&](const List& items, std::string_view open, std::string_view close) -> Status {
    out += open;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i != 0) out += ", ";
      SQ_CHECK(append_repr(out, items[i], depth + 1));
    }
    out += close;
    return {};
  };
  if (value.is_list() || value.kind() == Kind::kTuple) {
    return append_items(value.as_list(), "(", value.size() == 1 ? ",)" : ")");
  }
  if (const auto map = MapRef::of(value)) {
    out += '{';
    for (size_t i = 0; i < map->size(); ++i) {
      if (i != 0) out += ", ";
      SQ_CHECK(append_repr(out, map->key(i), depth + 1));
      out += ": ";
      SQ_CHECK(append_repr(out, map->value(i), depth + 1));
    }
    out += '}';
    return {};
  }
  const bool is_any_set = value.kind() == Kind::kSet || as<PySet>(value) != nullptr;
  if (is_any_set) {
    if (items_of(value)->empty()) {
      out += "frozenset()";
      return {};
    }
    return append_items(*items_of(value), "frozenset({", "})");
  }
  if (const auto* list = as<PyList>(value)) return append_items(list->items, "[", "]");
  if (value.kind() == Kind::kObject) return append_object(out, value, depth);
  if (value.kind() == Kind::kMarkup) {
    out += python::repr(Value(value.as_string()));
  } else {
    out += value.kind() == Kind::kDateTime ? date_time_repr(value) : python::repr(value);
  }
  return {};
}

Status Runtime::append_object(std::string& out, const Value& value, size_t depth) {
  if (const auto* view = as<MapView>(value)) {
    out += view->type_name();
    out += '(';
    if (view->type_name().ends_with("View")) {
      SQ_CHECK(append_repr(out, view->dict, depth + 1));
    } else {
      SQ_TRY(List items, to_list(value));
      SQ_CHECK(append_repr(out, make_list(std::move(items)), depth + 1));
    }
    out += ')';
    return {};
  }
  if (const auto* iterator = as<Iterator>(value); iterator != nullptr && iterator->show) {
    SQ_TRY(const std::string shown, iterator->show(*this));
    out += shown;
    return {};
  }
  const bool has_address = is_iterator(value) || as<Ordering>(value) != nullptr;
  out += has_address ? object_repr(*value.as_object()) : value.as_object()->repr();
  return {};
}

// --- Output
// -----------------------------------------------------------------------------------------------------------

namespace {

// Nothing inside needs another shape.
bool is_plain(const Value& value, size_t depth) {
  if (depth > limits::kJsonDepthMax) return false;
  switch (value.kind()) {
    case Kind::kTuple:
    case Kind::kSet:
    case Kind::kObject:
    case Kind::kMarkup: return false;
    case Kind::kList:
      return std::all_of(value.as_list().begin(), value.as_list().end(),
                         [&](const Value& item) { return is_plain(item, depth + 1); });
    case Kind::kDict:
      return std::all_of(value.as_dict().begin(), value.as_dict().end(),
                         [&](const Dict::Entry& entry) { return is_plain(entry.value, depth + 1); });
    default: return true;
  }
}

tl::unexpected<Error> unhashable(std::string_view type) {
  return py::type_error("unhashable type: '" + std::string(type) + "'");
}

// Lists, dicts and sets of the output cannot be in a set or be a key.
Status check_hashable(const Value& output) {
  if (output.is_list()) return unhashable("list");
  if (output.is_dict() || as<PyMap>(output) != nullptr) return unhashable("dict");
  if (output.kind() == Kind::kSet) return unhashable("set");
  return {};
}

}  // namespace

namespace {

// A PyMap left in the output becomes a dict with text keys.
Value flattened(const Value& output) {
  if (is_plain(output, 0)) return output;
  if (const auto map = MapRef::of(output)) {
    Dict dict;
    for (size_t i = 0; i < map->size(); ++i) {
      const Value key = map->key(i);
      dict.set(key.is_string() ? std::string(key.as_string()) : python::str(key), flattened(map->value(i)));
    }
    return Value(std::move(dict));
  }
  if (!output.is_list() && output.kind() != Kind::kSet) return output;
  List items;
  for (const Value& item : output.as_list()) items.push_back(flattened(item));
  return output.is_list() ? Value(std::move(items)) : Value::set(std::move(items));
}

}  // namespace

Result<Value> Runtime::to_output(const Value& value) {
  SQ_TRY(const Value output, output_at(value, 0));
  return flattened(output);
}

Result<Value> Runtime::convert_output(const Value& value) { return output_at(value, 0); }

Value Runtime::from_python(const Value& plain) const {
  if (plain.is_list()) {
    List items;
    for (const Value& item : plain.as_list()) items.push_back(from_python(item));
    return make_list(std::move(items));
  }
  if (plain.kind() == Kind::kTuple) {
    List items;
    for (const Value& item : plain.as_list()) items.push_back(from_python(item));
    return Value::tuple(std::move(items));
  }
  if (!plain.is_dict()) return plain;
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, member] : plain.as_dict()) dict->set(key, from_python(member));
  auto map = std::make_shared<PyMap>();
  map->frozen = false;
  map->plain = std::move(dict);
  return Value::object(std::move(map));
}

Result<Value> Runtime::output_at(const Value& value, size_t depth) {
  if (depth > limits::kExpressionDepthMax) return py::limit_error("the result is nested too deep");
  if (value.kind() == Kind::kMarkup) return Value(value.as_string());
  if (is_plain(value, 0)) return value;
  if (const auto map = MapRef::of(value)) {
    MapBuilder builder(*this);
    for (size_t i = 0; i < map->size(); ++i) {
      // Python evaluates the right side of an assignment to result[key] first.
      SQ_TRY(Value member, output_at(map->value(i), depth + 1));
      SQ_TRY(const Value key, output_at(map->key(i), depth + 1));
      SQ_CHECK(check_hashable(key));
      SQ_CHECK(builder.set(key, std::move(member)));
    }
    return builder.finish(true);
  }
  if (!is_iterable(value) || value.kind() == Kind::kBytes) return value;
  SQ_TRY(Cursor cursor, iterate(value));
  const bool set = is_set(value);
  List items;
  for (Value item;;) {
    SQ_TRY(const bool more, cursor.next(*this, item));
    if (!more) break;
    SQ_CHECK(charge_elements(1));
    SQ_TRY(Value converted, output_at(item, depth + 1));
    if (set) SQ_CHECK(check_hashable(converted));
    items.push_back(std::move(converted));
  }
  return set ? Value::set(std::move(items)) : Value(std::move(items));
}

Status Runtime::append_output(std::string& out, const Value& value, size_t depth) {
  if (depth > limits::kExpressionDepthMax || out.size() > kTextBytesMax) {
    return py::limit_error("a value is too large or too deep to be shown");
  }
  if (const auto map = MapRef::of(value)) {
    out += '{';
    for (size_t i = 0; i < map->size(); ++i) {
      if (i != 0) out += ", ";
      SQ_CHECK(append_output(out, map->key(i), depth + 1));
      out += ": ";
      SQ_CHECK(append_output(out, map->value(i), depth + 1));
    }
    out += '}';
    return {};
  }
  if (!value.is_list() && value.kind() != Kind::kSet) return append_repr(out, value, depth);
  const bool is_list = value.is_list();
  if (!is_list && value.empty()) {
    out += "set()";
    return {};
  }
  out += is_list ? '[' : '{';
  for (size_t i = 0; i < value.size(); ++i) {
    if (i != 0) out += ", ";
    SQ_CHECK(append_output(out, value.as_list()[i], depth + 1));
  }
  out += is_list ? ']' : '}';
  return {};
}

}  // namespace squall::expr::yaql
