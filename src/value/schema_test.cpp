// Expected messages were recorded from jsonschema 4 and from StackStorm's functions.
#include "value/schema.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <regex>
#include <set>

#include "value/conformance.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::schema {
namespace {

bool match(std::string_view pattern, std::string_view text) {
  return std::regex_search(std::string(text), std::regex(std::string(pattern)));
}

class Schema : public testing::Test {
 protected:
  Schema() { set_pattern_matcher(match); }
  ~Schema() override { set_pattern_matcher(nullptr); }
};

Value json(std::string_view text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value) << text;
  return value ? *value : Value();
}

// All messages, with paths.
std::string judged(std::string_view value, std::string_view schema, Nulls nulls = Nulls::kAsWritten) {
  std::string lines;
  for (const Violation& violation : check(json(value), json(schema), nulls)) {
    lines += violation.path + ": " + violation.message + "\n";
  }
  return lines;
}

TEST_F(Schema, Types) {
  EXPECT_EQ(judged("1", R"({"type": "string"})"), "$: 1 is not of type 'string'\n");
  EXPECT_EQ(judged("1", R"({"type": ["string", "null"]})"), "$: 1 is not of type 'string', 'null'\n");
  EXPECT_EQ(judged("1.0", R"({"type": "integer"})"), "$: 1.0 is not of type 'integer'\n");
  EXPECT_EQ(judged("true", R"({"type": "number"})"), "$: True is not of type 'number'\n");
  EXPECT_EQ(judged("1", R"({"type": "number"})"), "");
  EXPECT_EQ(judged("1", R"({"type": "obj"})"), "");  // check_properties() complains
}

TEST_F(Schema, ValuesAndSizes) {
  EXPECT_EQ(judged(R"("c")", R"({"enum": ["a", 1, true]})"), "$: 'c' is not one of ['a', 1, True]\n");
  EXPECT_EQ(judged("1.0", R"({"enum": [1]})"), "");
  EXPECT_EQ(judged("true", R"({"enum": [1]})"), "$: True is not one of [1]\n");
  EXPECT_EQ(judged("5", R"({"maximum": 3})"), "$: 5 is greater than the maximum of 3\n");
  EXPECT_EQ(judged("3", R"({"maximum": 3, "exclusiveMaximum": true})"),
            "$: 3 is greater than or equal to the maximum of 3\n");
  EXPECT_EQ(judged("2.5", R"({"minimum": 3})"), "$: 2.5 is less than the minimum of 3\n");
  EXPECT_EQ(judged("7", R"({"multipleOf": 2})"), "$: 7 is not a multiple of 2\n");
  EXPECT_EQ(judged(R"("")", R"({"minLength": 1})"), "$: '' should be non-empty\n");
  EXPECT_EQ(judged("\"\xc3\xa9\"", R"({"minLength": 2})"), "$: '\xc3\xa9' is too short\n");
  EXPECT_EQ(judged("[1]", R"({"maxItems": 0})"), "$: [1] is expected to be empty\n");
  EXPECT_EQ(judged("{}", R"({"minProperties": 2})"), "$: {} does not have enough properties\n");
  EXPECT_EQ(judged("[1, 1.0]", R"({"uniqueItems": true})"), "$: [1, 1.0] has non-unique elements\n");
  EXPECT_EQ(judged(R"([1, true, "1", [1], {"a": 1}])", R"({"uniqueItems": true})"), "");
  EXPECT_EQ(judged(R"("ab")", R"({"pattern": "^b"})"), "$: 'ab' does not match '^b'\n");
}

TEST_F(Schema, Members) {
  EXPECT_EQ(judged(R"({"b": 1, "a": 2})", R"({"properties": {}, "additionalProperties": false})"),
            "$: Additional properties are not allowed ('a', 'b' were unexpected)\n");
  EXPECT_EQ(judged(R"({"a-b": 1})", R"({"patternProperties": {"^\\w+$": {}}, "additionalProperties": false})"),
            "$: 'a-b' does not match any of the regexes: '^\\\\w+$'\n");
  EXPECT_EQ(judged(R"({"x": {"y": ["z"]}})",
                   R"({"properties": {"x": {"properties": {"y": {"items": {"type": "integer"}}}}}})"),
            "$.x.y[0]: 'z' is not of type 'integer'\n");
  EXPECT_EQ(judged("{}", R"({"required": ["a"]})"), "$: 'a' is a required property\n");
  EXPECT_EQ(judged("{}", R"({"properties": {"a": {"required": true}, "b": {"required": false}}})"),
            "$.a: 'a' is a required property\n");
  EXPECT_EQ(judged("[1, 2, 3]", R"({"items": [{}], "additionalItems": false})"),
            "$: Additional items are not allowed (2, 3 were unexpected)\n");
  EXPECT_EQ(judged(R"({"a": 1})", R"({"dependencies": {"a": ["b"]}})"), "$: 'b' is a dependency of 'a'\n");
}

TEST_F(Schema, Combinations) {
  EXPECT_EQ(judged("true", R"({"anyOf": [{"type": "string"}, {"type": "integer"}]})"),
            "$: True is not valid under any of the given schemas\n");
  EXPECT_EQ(judged("1", R"({"oneOf": [{"type": "string"}, {"type": "integer"}, {"minimum": 0}]})"),
            "$: 1 is valid under each of {'minimum': 0}, {'type': 'integer'}\n");
  EXPECT_EQ(judged("1", R"({"allOf": [{"type": "string"}, {"minimum": 5}]})"),
            "$: 1 is not of type 'string'\n$: 1 is less than the minimum of 5\n");
  EXPECT_EQ(judged("1", R"({"not": {"type": "integer"}})"), "$: 1 should not be valid under {'type': 'integer'}\n");
}

TEST_F(Schema, References) {
  EXPECT_EQ(judged(R"({"a": {"a": 1}})", R"({"type": "object", "properties": {"a": {"$ref": "#"}}})"),
            "$.a.a: 1 is not of type 'object'\n");
  EXPECT_EQ(judged("1", R"({"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"type": "string"}}})"),
            "$: 1 is not of type 'string'\n");
  EXPECT_EQ(judged("1", R"({"$ref": "#/definitions/none"})"), "$: Unresolvable: #/definitions/none\n");
  EXPECT_EQ(judged("1", R"({"$ref": "http://example.com/"})"), "$: Unresolvable: http://example.com/\n");
  EXPECT_EQ(judged("1", R"({"$ref": "#"})"), "$: the schema is nested deeper than 1000 levels\n");
}

TEST_F(Schema, WithoutRegularExpressionsPatternsAreNotPassedOver) {
  set_pattern_matcher(nullptr);
  EXPECT_EQ(judged(R"("a")", R"({"pattern": "a"})"),
            "$: regular expressions are not available to check the pattern 'a'\n");
  EXPECT_NE(judged(R"({"a": 1})", R"({"patternProperties": {"a": {}}})"), "");
}

TEST_F(Schema, TheBestMatchAndItsText) {
  const Value schema = json(R"({"type": "object", "properties": {"c": {"type": "string", "required": true}, "d": {}},
                                "additionalProperties": false})");
  const auto violations = check(json(R"({"c": 5, "x": 1})"), schema, Nulls::kAsWritten);
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(best_match(violations).text(),
            "Additional properties are not allowed ('x' was unexpected)\n\n"
            "Failed validating 'additionalProperties' in schema:\n"
            "    {'type': 'object',\n"
            "     'properties': {'c': {'type': 'string', 'required': True}, 'd': {}},\n"
            "     'additionalProperties': False}\n\n"
            "On instance:\n    {'c': 5, 'x': 1}");
  EXPECT_EQ(violations[0].text(),
            "5 is not of type 'string'\n\nFailed validating 'type' in schema['properties']['c']:\n"
            "    {'type': 'string', 'required': True}\n\nOn instance['c']:\n    5");
  // Of two alternatives, the one that went deeper.
  const auto either =
      check(json(R"({"a": 1})"), json(R"({"anyOf": [{"type": "string"}, {"properties": {"a": {"type": "string"}}}]})"));
  EXPECT_EQ(best_match(either).message, "1 is not of type 'string'");
}

TEST_F(Schema, NullForOptionalProperties) {
  constexpr std::string_view kSchema = R"({"type": "object", "properties": {
    "optional": {"type": "string"}, "required": {"type": "string", "required": true},
    "default": {"type": "string", "default": "x"}, "any": {"anyOf": [{"type": "string"}]},
    "object": {"type": "object", "properties": {"inner": {"type": "integer"}}}}})";
  EXPECT_EQ(judged(R"({"optional": null, "required": null, "default": null, "any": null, "object": {"inner": null}})",
                   kSchema, Nulls::kForOptional),
            "$.required: None is not of type 'string'\n$.default: None is not of type 'string'\n");
  EXPECT_EQ(judged(R"({"optional": 1, "required": ""})", kSchema, Nulls::kForOptional),
            "$.optional: 1 is not of type 'string', 'null'\n");
}

TEST_F(Schema, ObjectSchema) {
  const Value schema = object_schema(json(R"({"a": {"type": "string"}, "x": {}})"));
  EXPECT_EQ(to_json(schema["properties"]["a"]), R"({"type":"string"})");
  EXPECT_EQ(schema["properties"]["x"]["anyOf"].size(), 6u);
  EXPECT_FALSE(schema["additionalProperties"].as_bool());
  EXPECT_EQ(to_json(object_schema(Value())), "{}");
}

TEST_F(Schema, Defaults) {
  const Value properties = json(R"({"a": {"default": 1}, "n": {"default": 2}, "plain": {},
    "o": {"type": "object", "properties": {"p": {"default": "dp"}}},
    "l": {"type": "array", "items": {"properties": {"z": {"default": "dz"}}}}})");
  EXPECT_EQ(to_json(with_defaults(json(R"({"n": null, "o": {}, "l": [{}, {"z": 1}]})"), properties)),
            R"({"n":2,"o":{"p":"dp"},"l":[{"z":"dz"},{"z":1}],"a":1})");
  EXPECT_EQ(to_json(with_defaults(json("{}"), properties)), R"({"a":1,"n":2})");
}

TEST_F(Schema, DefaultsOfPackConfigs) {
  SQ_LOAD_TOPIC(topic, "config_dynamic");
  int checked = 0;
  for (const Value& vector : topic["vectors"].as_list()) {
    // Only those without expressions are decided here.
    if (to_json(vector["values"]).find("{{") != std::string::npos || vector["schema"].is_null()) continue;
    if (!vector.contains("value") || to_json(vector["values"]).find("{%") != std::string::npos) continue;
    ++checked;
    EXPECT_EQ(with_defaults(vector["values"], vector["schema"], true), vector["value"]) << vector["id"].string();
  }
  EXPECT_GT(checked, 10);
}

TEST_F(Schema, Mask) {
  const Value properties = json(R"({"s": {"secret": true}, "p": {},
    "o": {"type": "object", "properties": {"k": {"secret": true}, "l": {}}},
    "pattern": {"type": "object", "patternProperties": {"^k_": {"secret": true}}, "additionalProperties": {}},
    "list": {"type": "array", "items": {"type": "object", "properties": {"k": {"secret": true}}}},
    "secrets": {"type": "array", "items": {"secret": true}}, "null": {"secret": true},
    "whole": {"type": "object", "secret": true}})");
  const Value value = json(R"({"s": 5, "p": "plain", "o": {"k": "x", "l": "y"}, "pattern": {"k_1": "x", "b": "y"},
    "list": [{"k": "x", "b": 1}], "secrets": ["a", null], "null": null, "whole": {"k": 1}, "unknown": "u"})");
  EXPECT_EQ(
      to_json(mask(value, properties)),
      R"({"s":"********","p":"plain","o":{"k":"********","l":"y"},"pattern":{"k_1":"********","b":"y"},)"
      R"("list":[{"k":"********","b":1}],"secrets":["********",null],"null":null,"whole":"********","unknown":"u"})");
  // Nothing secret: nothing is copied.
  const Value plain = json(R"({"o": {"l": [1, 2]}})");
  EXPECT_TRUE(mask(plain, properties).same_storage(plain));
}

TEST_F(Schema, PropertiesThemselves) {
  EXPECT_TRUE(check_properties(json(R"({"a": {"type": "string", "required": true, "position": 0, "secret": false,
    "items": {"type": "integer"}, "enum": ["a"], "default": null}, "b": {}})")));
  const auto complaint = [](std::string_view text) {
    const Status status = check_properties(json(text));
    return status ? std::string("fine") : status.error().message();
  };
  EXPECT_EQ(complaint(R"({"a-b": {}})"), "$: 'a-b' does not match any of the regexes: '^\\\\w+$'");
  EXPECT_EQ(complaint(R"({"a": {"type": "obj"}})"), "$.a.type: 'obj' is not valid under any of the given schemas");
  EXPECT_EQ(complaint(R"({"a": {"required": "maybe", "requried": true}})"),
            "$.a: Additional properties are not allowed ('requried' was unexpected); "
            "$.a.required: 'maybe' is not of type 'boolean'");
  EXPECT_EQ(complaint(R"({"a": {"properties": {"b": {"enum": []}}}})"),
            "$.a.properties.b.enum: [] should be non-empty");
  EXPECT_EQ(complaint("[]"), "$: [] is not of type 'object'");
}

// Every error text of jsonschema in the recorded answers of StackStorm names its schema and its instance: both are
// checked again, and the text has to come out the same.
struct Recorded {
  std::string message, keyword, schema, instance;
};

// The text between two marks; moves `text` behind the second.
std::optional<std::string> take_between(std::string_view& text, std::string_view from, std::string_view to) {
  const size_t start = text.find(from);
  if (start == std::string_view::npos) return std::nullopt;
  const size_t end = text.find(to, start + from.size());
  if (end == std::string_view::npos) return std::nullopt;
  const std::string between(text.substr(start + from.size(), end - start - from.size()));
  text.remove_prefix(end);
  return between;
}

std::optional<Recorded> parse_recorded(std::string_view text) {
  const auto message = take_between(text, "", "\n\nFailed validating '");
  const auto keyword = take_between(text, "Failed validating '", "' in schema");
  const auto schema = take_between(text, ":\n", "\n\nOn instance");
  const size_t instance = text.find(":\n");
  if (!message || !keyword || !schema || instance == std::string_view::npos) return std::nullopt;
  return Recorded{*message, *keyword, *schema, std::string(text.substr(instance + 2))};
}

void collect_texts(const Value& value, std::set<std::string>& texts) {
  if (value.is_string() && value.as_string().find("\n\nFailed validating '") != std::string_view::npos) {
    texts.insert(value.string());
  }
  for (size_t i = 0; value.is_list() && i < value.size(); ++i) collect_texts(value[i], texts);
  if (!value.is_dict()) return;
  for (const auto& [key, member] : value.as_dict()) collect_texts(member, texts);
}

TEST_F(Schema, RecordedTextsComeOutTheSame) {
  SQ_LOAD_TOPIC(chains, "action_chain");
  SQ_LOAD_TOPIC(rules, "rule_flow");
  SQ_LOAD_TOPIC(transcripts, "api/transcripts");
  std::set<std::string> texts;
  for (const Value& document : {chains, rules, transcripts}) collect_texts(document, texts);
  int passed = 0;
  for (const std::string& text : texts) {
    const auto recorded = parse_recorded(text);
    ASSERT_TRUE(recorded) << text;
    const auto schema = python::literal_eval("(" + recorded->schema + ")");
    const auto instance = python::literal_eval("(" + recorded->instance + ")");
    ASSERT_TRUE(schema && instance) << text;
    bool found = false;
    for (const Violation& violation : check(*instance, *schema, Nulls::kAsWritten)) {
      const auto again = parse_recorded(violation.text());
      found = found || (again && recorded->message.ends_with(again->message) && again->keyword == recorded->keyword &&
                        again->schema == recorded->schema && recorded->instance.starts_with(again->instance));
    }
    EXPECT_TRUE(found) << text;
    passed += found ? 1 : 0;
  }
  std::cout << "jsonschema texts: " << passed << " of " << texts.size() << " reproduced\n";
  EXPECT_GT(passed, 10);
}

}  // namespace
}  // namespace squall::schema
