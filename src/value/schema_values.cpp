// What StackStorm does with schemas besides checking: defaults, nulls, masks, and the check of schemas themselves.
#include <algorithm>
#include <array>

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "value/json.hpp"
#include "value/schema.hpp"
#include "value/schema_rules.hpp"

namespace squall::schema {

bool is_known_type(std::string_view type) {
  constexpr std::array<std::string_view, 8> kTypes = {"array",  "boolean", "integer", "null",
                                                      "number", "object",  "string",  "raw_string"};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

bool is_type(const Value& value, std::string_view type) {
  if (type == "array") return value.is_list();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return value.is_int() || value.kind() == Kind::kBigInt;
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  if (type == "object") return value.is_dict();
  if (type == "string" || type == "raw_string") return value.is_string() || value.kind() == Kind::kMarkup;
  return true;
}

bool names_type(const Value& type, std::string_view name) {
  if (type.is_string()) return type.as_string() == name;
  if (!type.is_list()) return false;
  return std::any_of(type.as_list().begin(), type.as_list().end(),
                     [&](const Value& each) { return each.string_or("") == name; });
}

Value member_schema(const Value& object_schema, std::string_view key) {
  const Value& properties = object_schema["properties"];
  if (properties.contains(key)) return properties[key];
  const Value& patterns = object_schema["patternProperties"];
  Value merged;
  if (patterns.is_dict() && pattern_matcher() != nullptr) {
    for (const auto& [pattern, schema] : patterns.as_dict()) {
      if (!schema.is_dict() || !pattern_matcher()(pattern, key)) continue;
      for (const auto& [name, wanted] : schema.as_dict()) merged.set(name, wanted);
    }
  }
  if (!merged.is_null()) return merged;
  const Value& additional = object_schema["additionalProperties"];
  return additional.is_dict() ? additional : Value();
}

Value item_schema(const Value& array_schema, size_t index) {
  const Value& items = array_schema["items"];
  if (items.is_dict()) return items;
  if (items.is_list() && index < items.size()) return items[index];
  const Value& additional = array_schema["additionalItems"];
  return additional.is_dict() ? additional : Value();
}

Value object_schema(const Value& properties, bool additional_properties) {
  Value schema = Value::empty_dict();
  if (!properties.is_dict() || properties.empty()) return schema;
  Dict normalized;
  for (const auto& [name, property] : properties.as_dict()) {
    if (property.truthy()) {
      normalized.set(name, property);
      continue;
    }
    Value types = Value::empty_list();
    for (const char* type : {"array", "boolean", "integer", "number", "object", "string"}) {
      types.push_back(Value::dict({{"type", type}}));
    }
    normalized.set(name, Value::dict({{"anyOf", types}}));
  }
  schema.set("type", "object");
  schema.set("properties", Value(std::move(normalized)));
  schema.set("additionalProperties", additional_properties);
  return schema;
}

namespace {

bool has_members(const Value& value) { return value.is_dict() && !value.empty(); }

// Do the alternatives (of anyOf, oneOf or a list of types) have null among them?
bool allows_null(const Value& alternatives) {
  if (!alternatives.is_list()) return false;
  return std::any_of(alternatives.as_list().begin(), alternatives.as_list().end(), [](const Value& each) {
    return each.string_or("") == "null" || each["type"].string_or("") == "null";
  });
}

void add_null(Value& property) {
  for (const char* alternatives : {"anyOf", "oneOf"}) {
    if (!property[alternatives].is_list() || allows_null(property[alternatives])) continue;
    Value list = property[alternatives];
    list.push_back(Value::dict({{"type", "null"}}));
    property.set(alternatives, list);
    return;
  }
  Value types = property["type"];
  if (types.is_list()) {
    if (!allows_null(types)) types.push_back("null");
  } else if (property.contains("anyOf") || property.contains("oneOf")) {
    return;
  } else {
    types = Value::list({types.is_null() ? Value("string") : types, "null"});
  }
  property.set("type", types);
}

}  // namespace

Value with_nulls(const Value& full_schema) {
  const Value& properties = full_schema["properties"];
  if (!properties.is_dict()) return full_schema;
  Dict changed;
  changed.reserve(properties.size());
  for (const auto& [name, original] : properties.as_dict()) {
    Value property = original;
    if (property.is_dict()) {
      const bool optional = !property["required"].bool_or(false);
      if ((optional || property.contains("default")) && property["default"].is_null()) add_null(property);
      const Value type = original["type"];
      if (names_type(type, "array") && has_members(property["items"]["properties"])) {
        property.set("items", with_nulls(property["items"]));
      }
      if (names_type(type, "object") && has_members(property["properties"])) property = with_nulls(property);
    }
    changed.set(name, std::move(property));
  }
  Value schema = full_schema;
  schema.set("properties", Value(std::move(changed)));
  return schema;
}

namespace {

Value with_plain_defaults(const Value& value, const Value& properties) {
  if (value.is_list()) {
    List items;
    for (const Value& item : value.as_list()) items.push_back(with_plain_defaults(item, properties));
    return Value(std::move(items));
  }
  if (!value.is_dict() || !properties.is_dict()) return value;
  Value filled = value;
  for (const auto& [name, property] : properties.as_dict()) {
    if (property.contains("default") && filled[name].is_null()) filled.set(name, property["default"]);
    if (filled[name].is_null()) continue;
    for (const auto& [type, inner] :
         {std::pair("array", property["items"]["properties"]), std::pair("object", property["properties"])}) {
      if (!names_type(property["type"], type) || !has_members(inner)) continue;
      filled.set(name, with_plain_defaults(Value(filled[name]), inner));
    }
  }
  return filled;
}

// The value of a pack config at a place with this schema; null when missing.
Value with_config_defaults(const Value& value, const Value& schema);

Value fill_config_object(const Value& value, const Value& schema) {
  if (!value.is_dict()) return value;
  Value filled = value;
  const auto fill = [&](const std::string& name) {
    const Value inner = member_schema(schema, name);
    if (!inner.is_dict()) return;
    const bool missing = !filled.contains(name);
    const Value member = missing && inner.contains("default") ? inner["default"] : filled[name];
    Value made = with_config_defaults(member, inner);
    if (!missing || inner.contains("default") || !made.is_null()) filled.set(name, std::move(made));
  };
  for (const auto& [name, member] : value.as_dict()) fill(name);
  if (schema["properties"].is_dict()) {
    for (const auto& [name, property] : schema["properties"].as_dict()) {
      if (!value.contains(name)) fill(name);
    }
  }
  return filled;
}

Value with_config_defaults(const Value& value, const Value& schema) {
  const auto given = [&](const char* keyword) { return schema[keyword].truthy(); };
  if (schema["type"].string_or("") == "object") {
    if (!given("properties") && !given("patternProperties") && !given("additionalProperties")) return value;
    return fill_config_object(value.truthy() ? value : Value::empty_dict(), schema);
  }
  if (schema["type"].string_or("") != "array" || (!given("items") && !given("additionalItems"))) return value;
  if (!value.truthy()) return Value::empty_list();
  if (!value.is_list()) return value;
  List items;
  for (size_t i = 0; i < value.size(); ++i) items.push_back(with_config_defaults(value[i], item_schema(schema, i)));
  return Value(std::move(items));
}

Value masked(const Value& value, const Value& schema) {
  if (value.is_null() || !schema.is_dict()) return value;
  if (schema["secret"].truthy()) return Value(kMask);
  Value result = value;
  if (value.is_dict()) {
    for (const auto& [name, member] : value.as_dict()) {
      Value shown = masked(member, member_schema(schema, name));
      if (!shown.same_storage(member) && !(shown == member)) result.set(name, std::move(shown));
    }
  } else if (value.is_list()) {
    for (size_t i = 0; i < value.size(); ++i) {
      Value shown = masked(value[i], item_schema(schema, i));
      if (!shown.same_storage(value[i]) && !(shown == value[i])) result.mut_list()[i] = std::move(shown);
    }
  }
  return result;
}

}  // namespace

Value with_defaults(const Value& value, const Value& properties, bool create_objects) {
  if (!create_objects) return with_plain_defaults(value, properties);
  return fill_config_object(value.is_null() ? Value::empty_dict() : value, Value::dict({{"properties", properties}}));
}

Value mask(const Value& value, const Value& properties) {
  return masked(value, Value::dict({{"properties", properties}}));
}

namespace {

// What StackStorm demands of a parameter's schema: draft 4's own schema, `required` a boolean, three more attributes.
constexpr std::string_view kMetaSchema = R"json({
  "type": "object",
  "patternProperties": {"^\\w+$": {"$ref": "#/definitions/schema"}},
  "additionalProperties": false,
  "definitions": {
    "schemas": {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/schema"}},
    "map": {"type": "object", "additionalProperties": {"$ref": "#/definitions/schema"}},
    "count": {"type": "integer", "minimum": 0},
    "flag_or_schema": {"anyOf": [{"type": "boolean"}, {"$ref": "#/definitions/schema"}]},
    "types": {"enum": ["array", "boolean", "integer", "null", "number", "object", "string", "raw_string"]},
    "schema": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "id": {"type": "string"}, "$schema": {"type": "string"}, "$ref": {"type": "string"},
        "title": {"type": "string"}, "description": {"type": "string"}, "format": {"type": "string"},
        "default": {},
        "type": {"anyOf": [
          {"$ref": "#/definitions/types"},
          {"type": "array", "items": {"$ref": "#/definitions/types"}, "minItems": 1, "uniqueItems": true}]},
        "enum": {"type": "array", "minItems": 1, "uniqueItems": true},
        "multipleOf": {"type": "number", "minimum": 0, "exclusiveMinimum": true},
        "minimum": {"type": "number"}, "exclusiveMinimum": {"type": "boolean"},
        "maximum": {"type": "number"}, "exclusiveMaximum": {"type": "boolean"},
        "minLength": {"$ref": "#/definitions/count"}, "maxLength": {"$ref": "#/definitions/count"},
        "pattern": {"type": "string"},
        "items": {"anyOf": [{"$ref": "#/definitions/schema"}, {"$ref": "#/definitions/schemas"}]},
        "additionalItems": {"$ref": "#/definitions/flag_or_schema"},
        "minItems": {"$ref": "#/definitions/count"}, "maxItems": {"$ref": "#/definitions/count"},
        "uniqueItems": {"type": "boolean"},
        "properties": {"$ref": "#/definitions/map"}, "patternProperties": {"$ref": "#/definitions/map"},
        "additionalProperties": {"$ref": "#/definitions/flag_or_schema"},
        "minProperties": {"$ref": "#/definitions/count"}, "maxProperties": {"$ref": "#/definitions/count"},
        "dependencies": {"type": "object", "additionalProperties": {
          "anyOf": [{"$ref": "#/definitions/schema"},
                    {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": true}]}},
        "definitions": {"$ref": "#/definitions/map"},
        "allOf": {"$ref": "#/definitions/schemas"}, "anyOf": {"$ref": "#/definitions/schemas"},
        "oneOf": {"$ref": "#/definitions/schemas"}, "not": {"$ref": "#/definitions/schema"},
        "required": {"type": "boolean"}, "secret": {"type": "boolean"}, "immutable": {"type": "boolean"},
        "position": {"type": "number", "minimum": 0}
      },
      "dependencies": {"exclusiveMaximum": ["maximum"], "exclusiveMinimum": ["minimum"]}
    }
  }
})json";

const Value& meta_schema() {
  static const Value schema = [] {
    auto parsed = parse_json(kMetaSchema);
    SQ_ASSERT(parsed.has_value());
    return std::move(*parsed);
  }();
  return schema;
}

// What nearly all parameters of packs are made of, without the way through the schema above: a pack has thousands of
// them.
bool is_plain_attribute(std::string_view name, const Value& value) {
  if (name == "default") return true;
  if (name == "description") return value.is_string();
  if (name == "required" || name == "secret" || name == "immutable") return value.is_bool();
  if (name == "position") return value.is_int() && value.int_or(-1) >= 0;
  if (name != "type" || !value.is_string()) return false;
  const std::string_view type = value.as_string();
  return type == "string" || type == "boolean" || type == "integer" || type == "number" || type == "object" ||
         type == "array";
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

// True: there is nothing to complain of. False: nobody knows yet.
bool are_plain(const Value& properties) {
  if (!properties.is_dict()) return false;
  for (const auto& [name, attributes] : properties.as_dict()) {
    if (!is_plain_name(name) || !attributes.is_dict()) return false;
    for (const auto& [attribute, value] : attributes.as_dict()) {
      if (!is_plain_attribute(attribute, value)) return false;
    }
  }
  return true;
}

}  // namespace

std::vector<Violation> property_violations(const Value& properties) {
  return check(properties, meta_schema(), Nulls::kAsWritten);
}

Status check_properties(const Value& properties) {
  if (are_plain(properties)) return {};
  const std::vector<Violation> violations = property_violations(properties);
  if (violations.empty()) return {};
  std::vector<std::string> lines;
  for (const Violation& violation : violations) lines.push_back(violation.path + ": " + violation.message);
  return fail(Error(ErrorCode::kInvalid, join(lines, "; ")).with_type("ValidationError"));
}

}  // namespace squall::schema
