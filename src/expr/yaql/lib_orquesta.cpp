#include "expr/yaql/lib_orquesta.hpp"

#include <algorithm>

#include "expr/jinja/filters.hpp"
#include "expr/jinja/orquesta.hpp"
#include "expr/workflow_functions.hpp"
#include "expr/yaql/lib_shared.hpp"
#include "expr/yaql/runtime.hpp"
#include "value/json.hpp"

namespace squall::expr::yaql {

namespace {

WorkflowView view_of(const Call& c) {
  const auto find = [&](std::string_view name) {
    const Value* found = c.parent->find(name);
    return found != nullptr ? *found : Value();
  };
  return {find("__vars"), find("__state"), find("__current_task"), find("__current_item")};
}

// ctx() makes a new dict each time, which can be no key.
Value fresh_dict(const Value& dict) {
  auto map = std::make_shared<PyMap>();
  map->frozen = false;
  map->plain = std::make_shared<const Dict>(dict.as_dict());
  return Value::object(std::move(map));
}

std::optional<std::string> as_name(const Value& key) {
  if (!Runtime::is_text(key)) return std::nullopt;
  return std::string(key.as_string());
}

Result<Value> ctx(Call& c) {
  SQ_TRY(const bool has_key, c.rt.truthy(c[0]));
  const WorkflowView view = view_of(c);
  if (!has_key) return fresh_dict(public_variables(view.variables));
  SQ_TRY(const std::string shown, c.rt.str(c[0]));
  return workflow_variable(view.variables, as_name(c[0]), shown);
}

Result<Value> item(Call& c) {
  SQ_TRY(const bool has_key, c.rt.truthy(c[0]));
  const WorkflowView view = view_of(c);
  if (!has_key) return view.current_item;
  SQ_TRY(const std::string shown, c.rt.str(c[0]));
  return workflow_item(view.current_item, as_name(c[0]), shown);
}

Result<Value> status(Call& c) {
  SQ_TRY(const std::string task, c.rt.str(c[0]));
  return task_status(view_of(c), task, c[1]);
}

template <Result<Value> (*F)(const WorkflowView&)>
Result<Value> of_task(Call& c) {
  return F(view_of(c));
}

Result<Value> json(Call& c) {
  if (const auto* map = as<PyMap>(c[0]); map != nullptr && !map->frozen) return c[0];
  if (!Runtime::is_text(c[0])) return py::type_error("Given object is not typeof string.");
  SQ_CHECK(c.rt.charge(1 + c[0].size() / 64));
  SQ_TRY(const Value parsed, parse_json(c[0].as_string(), JsonDialect::kPython));
  return c.rt.from_python(parsed);
}

Result<Value> zip(Call& c) {
  std::vector<List> columns;
  size_t rows = 0;
  if (c.rest.size() == 1) return c.rest[0].value.is_null() ? make_list({}) : c.rest[0].value;
  for (const Arg& arg : c.rest) {
    List column;
    if (!arg.value.is_null()) {
      SQ_TRY(column, c.rt.to_list(arg.value));
    }
    rows = std::max(rows, column.size());
    columns.push_back(std::move(column));
  }
  Value pad;
  for (const auto& [name, arg] : c.keywords) {
    if (name == "pad") pad = arg.value;
  }
  SQ_CHECK(c.rt.charge_elements(rows * columns.size()));
  List all;
  for (size_t row = 0; row < rows; ++row) {
    List items;
    for (const List& column : columns) items.push_back(row < column.size() ? column[row] : pad);
    all.push_back(Value::tuple(std::move(items)));
  }
  return make_list(std::move(all));
}

// --- StackStorm's functions, shared with Jinja
// -------------------------------------------------------------------------

// What YAQL hands over where Python expects its own types: shown like what it is, but no JSON, no YAML.
class Opaque final : public jinja::PyObject {
 public:
  Opaque(std::string type, std::string text) : type_(std::move(type)), text_(std::move(text)) {}
  std::string_view type_name() const override { return type_; }
  Result<std::string> show(jinja::Runtime&) const override { return text_; }

 private:
  std::string type_;
  std::string text_;
};

enum class Frozen : uint8_t {
  kRefused,    // a FrozenDict is no dict
  kConverted,  // it becomes one, as do those directly inside
  kData,       // everything is plain data
};

Result<Value> to_jinja(Runtime& rt, const Value& value, Frozen frozen, size_t depth = 0) {
  if (depth > kDepthMax) return py::limit_error("a value is nested too deep");
  const bool tuple = value.is_list() || value.kind() == Kind::kTuple;
  const auto* list = as<PyList>(value);
  if (tuple || list != nullptr) {
    // What is inside a tuple is not looked at by StackStorm's conversion.
    const Frozen inside = tuple && frozen == Frozen::kConverted ? Frozen::kRefused : frozen;
    List items;
    for (const Value& item_value : *rt.items_of(value)) {
      SQ_TRY(Value converted, to_jinja(rt, item_value, inside, depth + 1));
      items.push_back(std::move(converted));
    }
    return list != nullptr || frozen == Frozen::kData ? Value(std::move(items)) : Value::tuple(std::move(items));
  }
  const auto map = MapRef::of(value);
  if (map && (frozen != Frozen::kRefused || !map->is_frozen())) {
    jinja::Mapping::Entries entries;
    Dict dict;
    for (size_t i = 0; i < map->size(); ++i) {
      SQ_TRY(Value member, to_jinja(rt, map->value(i), frozen, depth + 1));
      if (map->plain() != nullptr) {
        dict.set(map->key(i).as_string(), std::move(member));
      } else {
        SQ_TRY(Value key, to_jinja(rt, map->key(i), Frozen::kRefused, depth + 1));
        entries.emplace_back(std::move(key), std::move(member));
      }
    }
    if (map->plain() != nullptr) return Value(std::move(dict));
    return jinja::make_object<jinja::Mapping>(std::move(entries));
  }
  if (value.kind() != Kind::kObject && value.kind() != Kind::kDict && value.kind() != Kind::kSet) return value;
  SQ_TRY(std::string text, rt.repr(value));
  // Messages about JSON name a class without its module.
  const std::string_view type = rt.type_name(value);
  return jinja::make_object<Opaque>(std::string(type.substr(type.rfind('.') + 1)), std::move(text));
}

Frozen treatment(std::string_view function) {
  if (function == "to_json_string" || function == "to_yaml_string") return Frozen::kConverted;
  return function == "jsonpath_query" ? Frozen::kData : Frozen::kRefused;
}

// Runs the Jinja filter of the same name.
Result<Value> st2_function(Call& c) {
  std::string_view name = c.function.name;
  for (const auto& [alias, original] : jinja::kOrquestaAliases) {
    if (alias == name) name = original;
  }
  const jinja::Filter* filter = jinja::find_filter(name, jinja::Environment::kOrquesta);
  jinja::CallArguments arguments;
  Value first;
  for (size_t i = 0; i < c.args.size(); ++i) {
    SQ_TRY(Value converted, to_jinja(c.rt, c[i], i == 0 ? treatment(name) : Frozen::kRefused));
    if (i == 0) {
      first = std::move(converted);
    } else if (c.has(i)) {
      arguments.keyword.set(filter->signature.parameters[i].name, std::move(converted));
    }
  }
  const Scope no_names;
  jinja::Runtime rt(no_names, {}, jinja::Environment::kOrquesta);
  SQ_TRY(const Value result, jinja::run_filter(rt, *filter, first, arguments));
  if (name == "use_none" && !c[0].is_null()) return c[0];
  SQ_CHECK(c.rt.charge_text(result.is_string() ? result.size() : 0));
  if (name != "jsonpath_query" || !result.is_list()) return c.rt.from_python(result);
  // A list of what was found, which is as frozen as it was.
  return make_list(result.as_list());
}

}  // namespace

const FunctionTable& orquesta_table() {
  static const Definition kFunctions[] = {
      {"ctx key=null", ctx},
      {"item key=null", item},
      {"task_status task_id route=null", status},
      {"succeeded", of_task<task_succeeded>},
      {"failed", of_task<task_failed>},
      {"completed", of_task<task_completed>},
      {"result", of_task<task_result>},
      {"json s", json},
      {"zip *args **kwargs", zip},
      {"basename path", st2_function},
      {"dirname path", st2_function},
      {"from_json_string value", st2_function},
      {"json_parse value", st2_function},
      {"from_yaml_string value", st2_function},
      {"yaml_parse value", st2_function},
      {"json_escape value", st2_function},
      {"jsonpath_query value query", st2_function},
      {"regex_match value pattern ignorecase:bool?=false", st2_function},
      {"regex_replace value pattern replacement ignorecase:bool?=false", st2_function},
      {"regex_search value pattern ignorecase:bool?=false", st2_function},
      {"regex_substring value pattern result_index:int?=0 ignorecase:bool?=false", st2_function},
      {"to_human_time_from_seconds seconds", st2_function},
      {"to_json_string value indent=none sort_keys:bool?=false separators:sequence?=none", st2_function},
      {"json_dump value indent=none sort_keys:bool?=false separators:sequence?=none", st2_function},
      {"to_yaml_string value indent=none allow_unicode:bool?=true", st2_function},
      {"yaml_dump value indent=none allow_unicode:bool?=true", st2_function},
      {"use_none value", st2_function},
      {"version_bump_major value", st2_function},
      {"version_bump_minor value", st2_function},
      {"version_bump_patch value", st2_function},
      {"version_compare value pattern", st2_function},
      {"version_equal value pattern", st2_function},
      {"version_less_than value pattern", st2_function},
      {"version_match value pattern", st2_function},
      {"version_more_than value pattern", st2_function},
      {"version_strip_patch value", st2_function},
  };
  static const FunctionTable kTable{kFunctions};
  return kTable;
}

}  // namespace squall::expr::yaql
