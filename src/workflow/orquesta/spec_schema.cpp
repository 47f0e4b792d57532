#include "workflow/orquesta/spec_schema.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "text/regex.hpp"
#include "value/json.hpp"

namespace squall::workflow::orquesta {

namespace {

// "x, y in <expression>", or just an expression; either in Jinja or in YAQL.
constexpr std::string_view kItemsPattern =
    R"(^(\s+)?({{.*?}}|<%.*?%>)(\s+)?$|^(\s+)?((\w+,\s?|\s+)+)?(\w+)\s+in\s+({{.*?}}|<%.*?%>)(\s+)?$)";
constexpr std::string_view kWord = R"(^\w+$)";

Value json(std::string_view text) { return *parse_json(text); }

Value text() { return json(R"({"type": "string", "minLength": 1})"); }
Value texts() { return Value::dict({{"type", "array"}, {"items", text()}, {"uniqueItems", true}, {"minItems", 1}}); }
Value natural() { return json(R"({"type": "integer", "minimum": 0})"); }
Value one_of(Value a, Value b) { return Value::dict({{"oneOf", Value::list({std::move(a), std::move(b)})}}); }
Value text_or_natural() { return one_of(text(), natural()); }

Value mapping_to(Value values) { return Value::dict({{kWord, std::move(values)}}); }
Value anything() {
  return json(R"({"anyOf": [{"type": "null"}, {"type": "array"}, {"type": "boolean"}, {"type": "integer"},
                            {"type": "number"}, {"type": "object"}, {"type": "string"}]})");
}
Value one_key_dict() {
  return Value::dict(
      {{"type", "object"}, {"minProperties", 1}, {"maxProperties", 1}, {"patternProperties", mapping_to(anything())}});
}
Value unique_list(Value items) {
  return Value::dict({{"type", "array"}, {"items", std::move(items)}, {"uniqueItems", true}, {"minItems", 1}});
}
Value object(Value properties) {
  return Value::dict({{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}});
}

Value transition_schema() {
  return object(Value::dict(
      {{"when", text()}, {"publish", one_of(text(), unique_list(one_key_dict()))}, {"do", one_of(text(), texts())}}));
}

Value task_schema() {
  Value retry = object(Value::dict({{"when", text()}, {"count", text_or_natural()}, {"delay", text_or_natural()}}));
  retry.set("required", Value::list({"count"}));
  const Value with =
      object(Value::dict({{"items", Value::dict({{"type", "string"}, {"minLength", 1}, {"pattern", kItemsPattern}})},
                          {"concurrency", text_or_natural()}}));
  const Value input = one_of(
      text(), Value::dict({{"type", "object"}, {"minProperties", 1}, {"patternProperties", mapping_to(anything())}}));
  return object(Value::dict({{"delay", text_or_natural()},
                             {"join", one_of(json(R"({"enum": ["all"]})"), natural())},
                             {"with", with},
                             {"action", text()},
                             {"input", input},
                             {"retry", retry},
                             {"next", Value::dict({{"type", "array"}, {"items", transition_schema()}})}}));
}

Value whole_schema() {
  Value schema = object(Value::dict(
      {{"name", text()},
       {"version", Value::dict({{"enum", Value::list({"1.0", 1.0})}})},
       {"description", text()},
       {"tags", texts()},
       {"vars", unique_list(one_key_dict())},
       {"input", unique_list(one_of(text(), one_key_dict()))},
       {"output", unique_list(one_key_dict())},
       {"tasks",
        Value::dict({{"type", "object"}, {"minProperties", 1}, {"patternProperties", mapping_to(task_schema())}})}}));
  schema.set("required", Value::list({"tasks"}));
  return schema;
}

// --- The quick look

bool is_text(const Value& value) { return value.is_string() && !value.empty(); }
bool is_natural(const Value& value) { return value.kind() == Kind::kUInt || (value.is_int() && value.as_int() >= 0); }
bool is_text_or_natural(const Value& value) { return is_text(value) || is_natural(value); }

bool only_has(const Value& dict, std::initializer_list<std::string_view> known) {
  return std::all_of(dict.as_dict().begin(), dict.as_dict().end(), [&](const Dict::Entry& entry) {
    return std::find(known.begin(), known.end(), entry.key) != known.end();
  });
}

// Lists with many members are left to the schema, for the comparison of each with each.
constexpr size_t kQuickListMax = 64;

template <typename Judge>
bool is_unique_list(const Value& value, const Judge& judge) {
  if (!value.is_list() || value.empty() || value.size() > kQuickListMax) return false;
  const List& items = value.as_list();
  for (size_t i = 0; i < items.size(); ++i) {
    if (!judge(items[i])) return false;
    for (size_t j = 0; j < i; ++j) {
      if (items[i] == items[j]) return false;
    }
  }
  return true;
}

// Values of members may be anything that JSON has.
bool is_one_key_dict(const Value& value) {
  return value.is_dict() && value.size() == 1 && value.as_dict().begin()->value.is_json_kind();
}

template <typename Judge>
bool absent_or(const Value& dict, std::string_view key, const Judge& judge) {
  return !dict.contains(key) || judge(dict[key]);
}

bool is_items_text(const Value& value) {
  static const Regex kItems = *Regex::compile(kItemsPattern);
  if (!is_text(value)) return false;
  const auto match = kItems.search(value.as_string());
  return match && match->has_value();
}

bool is_transition(const Value& value) {
  return value.is_dict() && only_has(value, {"when", "publish", "do"}) && absent_or(value, "when", is_text) &&
         absent_or(value, "publish", [](const Value& v) { return is_text(v) || is_unique_list(v, is_one_key_dict); }) &&
         absent_or(value, "do", [](const Value& v) { return is_text(v) || is_unique_list(v, is_text); });
}

bool is_next(const Value& value) {
  return value.is_list() && std::all_of(value.as_list().begin(), value.as_list().end(), is_transition);
}

bool is_with(const Value& value) {
  return value.is_dict() && only_has(value, {"items", "concurrency"}) && absent_or(value, "items", is_items_text) &&
         absent_or(value, "concurrency", is_text_or_natural);
}

bool is_retry(const Value& value) {
  return value.is_dict() && only_has(value, {"when", "count", "delay"}) && value.contains("count") &&
         absent_or(value, "when", is_text) && is_text_or_natural(value["count"]) &&
         absent_or(value, "delay", is_text_or_natural);
}

bool is_input(const Value& value) {
  if (is_text(value)) return true;
  if (!value.is_dict() || value.empty()) return false;
  return std::all_of(value.as_dict().begin(), value.as_dict().end(),
                     [](const Dict::Entry& entry) { return entry.value.is_json_kind(); });
}

bool is_join(const Value& value) { return value == Value("all") || is_natural(value); }

bool is_task(const Value& value) {
  return value.is_dict() && only_has(value, {"delay", "join", "with", "action", "input", "retry", "next"}) &&
         absent_or(value, "delay", is_text_or_natural) && absent_or(value, "join", is_join) &&
         absent_or(value, "with", is_with) && absent_or(value, "action", is_text) &&
         absent_or(value, "input", is_input) && absent_or(value, "retry", is_retry) &&
         absent_or(value, "next", is_next);
}

}  // namespace

const Value& workflow_schema() {
  static const Value kSchema = whole_schema();
  return kSchema;
}

bool surely_valid(const Value& document) {
  if (!document.is_dict()) return false;
  const auto one_key_dicts = [](const Value& v) { return is_unique_list(v, is_one_key_dict); };
  const auto inputs = [](const Value& v) {
    return is_unique_list(v, [](const Value& item) { return is_text(item) || is_one_key_dict(item); });
  };
  const Value& tasks = document["tasks"];
  return only_has(document, {"name", "version", "description", "tags", "vars", "input", "output", "tasks"}) &&
         absent_or(document, "name", is_text) && absent_or(document, "description", is_text) &&
         absent_or(document, "version", [](const Value& v) { return v == Value("1.0") || v == Value(1.0); }) &&
         absent_or(document, "tags", [](const Value& v) { return is_unique_list(v, is_text); }) &&
         absent_or(document, "vars", one_key_dicts) && absent_or(document, "output", one_key_dicts) &&
         absent_or(document, "input", inputs) && tasks.is_dict() && !tasks.empty() &&
         std::all_of(tasks.as_dict().begin(), tasks.as_dict().end(),
                     [](const Dict::Entry& entry) { return is_task(entry.value); });
}

}  // namespace squall::workflow::orquesta
