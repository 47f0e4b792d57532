#include "expr/jinja/filters.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "base/strings.hpp"
#include "expr/jinja/orquesta.hpp"
#include "expr/python/sort.hpp"
#include "expr/python/text.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::type_error;

namespace {

using Filters = std::map<std::string, std::unique_ptr<Filter>, std::less<>>;

void add(Filters& filters, std::string_view name, const Filter& filter) {
  filters.emplace(name, std::make_unique<Filter>(filter));
}

// Filters never go away, so that templates may keep pointers to them.
struct Registry {
  std::shared_mutex mutex;
  Filters stackstorm;
  Filters orquesta;

  Registry() {
    for (const auto group : {text_filters(), html_filters(), list_filters(), select_filters(), number_filters()}) {
      for (const Filter& filter : group) {
        add(stackstorm, filter.name, filter);
        add(orquesta, filter.name, filter);
      }
    }
    for (const Filter& filter : st2_filters()) {
      add(stackstorm, filter.name, filter);
      if (filter.name != "to_complex") add(orquesta, filter.name, filter);
    }
    for (const Filter& filter : orquesta_filters()) add(orquesta, filter.name, filter);
    for (const auto& [alias, name] : kOrquestaAliases) add(orquesta, alias, *orquesta.find(name)->second);
  }
};

Registry& registry() {
  static Registry the_registry;
  return the_registry;
}

}  // namespace

const Filter* find_filter(std::string_view name, Environment environment) {
  Registry& all = registry();
  const std::shared_lock lock(all.mutex);
  const Filters& filters = environment == Environment::kOrquesta ? all.orquesta : all.stackstorm;
  const auto found = filters.find(name);
  return found == filters.end() ? nullptr : found->second.get();
}

void add_host_filter(std::string_view name, HostFilter host) {
  Registry& all = registry();
  const std::unique_lock lock(all.mutex);
  const auto [entry, is_new] = all.stackstorm.try_emplace(std::string(name));
  if (is_new)
    entry->second = std::make_unique<Filter>(Filter{entry->first, Signature(entry->first + ": value *"), nullptr, {}});
  entry->second->host = std::move(host);
}

Result<Value> run_filter(Runtime& rt, const Filter& filter, const Value& input, const CallArguments& arguments) {
  SQ_CHECK(rt.charge());
  SQ_CHECK(rt.charge_input(input));
  Bound bound;
  SQ_CHECK(bind(filter.signature, &input, arguments, bound));
  if (!filter.host) return filter.run(rt, bound);
  if (is_strict_undefined(input)) return raise_undefined(input);
  SQ_TRY(const Value given, rt.freeze(input));
  List more;
  for (const Value& value : bound.rest) {
    SQ_TRY(Value plain, rt.freeze(value));
    more.push_back(std::move(plain));
  }
  return filter.host(given, more);
}

// --- Shared by the filter files -------------------------------------------------------------------------------------

Result<AttributeGetter> AttributeGetter::parse(Runtime&, const Value& attribute) {
  AttributeGetter getter;
  if (attribute.is_null()) return getter;
  if (!attribute.is_string()) {
    getter.parts_.push_back(attribute);
    return getter;
  }
  for (const std::string_view part : py::split(attribute.as_string(), ".")) {
    const bool is_number =
        !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (is_number) {
      SQ_TRY(Value index, py::parse_integer(part));
      getter.parts_.push_back(std::move(index));
    } else {
      getter.parts_.emplace_back(part);
    }
  }
  return getter;
}

Result<Value> AttributeGetter::get(Runtime& rt, const Value& item, const Value* fallback) const {
  Value at = item;
  for (const Value& part : parts_) {
    SQ_TRY(at, rt.get_item(at, part));
    if (fallback != nullptr && !fallback->is_null() && is_undefined(at)) at = *fallback;
  }
  return at;
}

Value ignore_case(const Value& value) {
  if (value.is_string()) return Value(py::lower(value.as_string()));
  return value.kind() == Kind::kMarkup ? Value::markup(py::lower(value.as_string())) : value;
}

Status sort_by_keys(Runtime& rt, List& items, const List& keys, bool reverse) {
  std::vector<size_t> order(items.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  // Python reverses, sorts and reverses again, which keeps equal elements in their order.
  if (reverse) std::reverse(order.begin(), order.end());
  SQ_CHECK(py::sort(order, [&](size_t a, size_t b) { return rt.less(keys[a], keys[b]); }));
  if (reverse) std::reverse(order.begin(), order.end());
  List sorted;
  sorted.reserve(items.size());
  for (const size_t i : order) sorted.push_back(items[i]);
  items = std::move(sorted);
  return {};
}

Result<size_t> to_width(Runtime& rt, const Value& value) {
  SQ_TRY(const int64_t width, to_index(rt, value));
  if (width <= 0) return size_t{0};
  SQ_CHECK(rt.charge_text(static_cast<size_t>(width)));
  return static_cast<size_t>(width);
}

namespace {

// A value whose dicts have text keys only, as json.dumps makes them of numbers, booleans and None.
class JsonConverter {
 public:
  JsonConverter(Runtime& rt, bool sort_keys) : rt_(rt), sort_keys_(sort_keys) {}

  Result<Value> convert(const Value& value) {
    SQ_TRY(const Nested nested, Nested::enter(rt_));
    const Value& now = rt_.resolve(value);
    switch (now.kind()) {
      case Kind::kUndefined: return refuse(now);
      case Kind::kMarkup: return Value(now.as_string());
      case Kind::kList:
      case Kind::kTuple: {
        List items;
        items.reserve(now.size());
        for (const Value& item : now.as_list()) {
          SQ_TRY(Value converted, convert(item));
          items.push_back(std::move(converted));
        }
        return Value(std::move(items));
      }
      case Kind::kDict: {
        Dict dict;
        dict.reserve(now.size());
        for (const auto& [key, member] : now.as_dict()) {
          SQ_TRY(Value converted, convert(member));
          dict.set(key, std::move(converted));
        }
        return Value(std::move(dict));
      }
      case Kind::kObject: return convert_object(now);
      case Kind::kBytes:
      case Kind::kSet:
      case Kind::kDateTime:
      case Kind::kDate:
      case Kind::kTimeDelta: return refuse(now);
      default: return now;
    }
  }

 private:
  Result<Value> refuse(const Value& value) {
    return type_error("Object of type " + std::string(rt_.type_name(value)) + " is not JSON serializable");
  }

  Result<Value> convert_object(const Value& value) {
    const auto* mapping = as_object_of<Mapping>(value);
    if (mapping == nullptr) {
      const PyObject* object = as_py_object(value);
      const auto plain = object != nullptr ? object->plain(rt_) : std::nullopt;
      return plain ? convert(*plain) : refuse(value);
    }
    Mapping::Entries entries = mapping->entries();
    if (sort_keys_) SQ_CHECK(sort(entries));
    Dict dict;
    for (const auto& [key, member] : entries) {
      SQ_TRY(const std::string name, key_text(key));
      SQ_TRY(Value converted, convert(member));
      dict.set(name, std::move(converted));
    }
    return Value(std::move(dict));
  }

  // Python sorts before it makes text of the keys, so that a mix of kinds fails.
  Status sort(Mapping::Entries& entries) {
    List keys;
    List members;
    for (const auto& [key, member] : entries) {
      keys.push_back(key);
      members.push_back(Value::tuple({key, member}));
    }
    SQ_CHECK(sort_by_keys(rt_, members, keys, false));
    for (size_t i = 0; i < entries.size(); ++i) entries[i] = {members[i][0], members[i][1]};
    return {};
  }

  Result<std::string> key_text(const Value& key) {
    if (key.is_string() || key.kind() == Kind::kMarkup) return std::string(key.as_string());
    if (key.is_null()) return std::string("null");
    if (key.is_bool()) return std::string(key.as_bool() ? "true" : "false");
    if (py::is_numeric(key)) return python::str(key);
    return type_error("keys must be str, int, float, bool or None, not " + std::string(rt_.type_name(key)));
  }

  Runtime& rt_;
  bool sort_keys_;
};

}  // namespace

Result<std::string> python_json(Runtime& rt, const Value& value, const PythonJsonOptions& options) {
  SQ_TRY(const Value converted, JsonConverter(rt, options.sort_keys).convert(value));
  JsonStyle style = JsonStyle::python();
  style.sort_keys = options.sort_keys;
  style.item_separator = options.item_separator;
  style.key_separator = options.key_separator;
  if (options.indent.is_string()) {
    // write_json() indents by blanks only: one blank a level, then replaced.
    style.indent = 1;
  } else if (!options.indent.is_null() && !py::is_integer(options.indent)) {
    // " " * indent, which a text alone does not ask for.
    if (!converted.is_string()) {
      return type_error("can't multiply sequence by non-int of type '" + std::string(rt.type_name(options.indent)) +
                        "'");
    }
  } else if (!options.indent.is_null()) {
    SQ_TRY(const int64_t indent, to_index(rt, options.indent));
    SQ_CHECK(rt.charge_text(indent > 0 ? static_cast<size_t>(indent) : 0));
    style.indent = static_cast<int>(std::max<int64_t>(0, indent));
  }
  SQ_TRY(std::string text, write_json(converted, style));
  if (options.indent.is_string()) {
    std::string indented;
    for (size_t at = 0; at < text.size();) {
      size_t blanks = 0;
      while (at + blanks < text.size() && text[at + blanks] == ' ') ++blanks;
      for (size_t i = 0; i < blanks; ++i) indented += options.indent.as_string();
      const size_t end = std::min(text.find('\n', at), text.size() - 1);
      indented += text.substr(at + blanks, end + 1 - at - blanks);
      at = end + 1;
      SQ_CHECK(rt.charge_text(indented.size()));
    }
    text = std::move(indented);
  }
  SQ_CHECK(rt.charge_text(text.size()));
  return text;
}

}  // namespace squall::expr::jinja
