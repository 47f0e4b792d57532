#include "workflow/mistral/schemas.hpp"

#include <array>
#include <map>
#include <string>

#include "base/assert.hpp"
#include "text/regex.hpp"
#include "value/json.hpp"
#include "value/schema.hpp"

namespace squall::workflow::mistral {

namespace {

// Building blocks, by name. "$name" stands for one of them.
constexpr std::string_view kBlocks = R"json({
  "text": {"type": "string", "minLength": 1},
  "texts": {"type": "array", "items": "$text", "uniqueItems": true, "minItems": 1},
  "natural": {"type": "integer", "minimum": 0},
  "expression": {"oneOf": [{"type": "string", "pattern": "^{{.*}}\\s*$"},
                           {"type": "string", "pattern": "^<%.*?%>\\s*$"}]},
  "natural_or_expression": {"oneOf": ["$expression", "$natural"]},
  "boolean_or_expression": {"oneOf": ["$expression", {"type": "boolean"}]},
  "dict": {"type": "object", "minProperties": 1},
  "version": {"anyOf": ["$text", "$natural", {"type": "number", "minimum": 0.0}]},
  "workflow_type": {"enum": ["reverse", "direct"]},
  "inputs": {"type": "array", "uniqueItems": true, "minItems": 1,
             "items": {"oneOf": ["$text", {"type": "object", "minProperties": 1, "maxProperties": 1}]}},
  "requires": {"oneOf": ["$text", "$texts"]},
  "publish": {"type": "object", "additionalProperties": false,
              "properties": {"branch": "$dict", "global": "$dict", "atomic": "$dict"}},
  "step": {"oneOf": [{"type": "string", "pattern": "^\\S+$"},
                     {"type": "string", "pattern": "^\\w+ \\w+=(.*)$"},
                     {"type": "string", "pattern": "^\\w+\\(\\w+=(.*)\\)$"}]},
  "guarded_step": {"type": "object", "minProperties": 1, "maxProperties": 1,
                   "patternProperties": {"^\\S+$": "$expression", "^\\w+ \\w+=(.*)$": "$expression",
                                         "^\\w+\\(\\w+=(.*)\\)$": "$expression"}},
  "steps": {"type": "array", "items": {"oneOf": ["$step", "$guarded_step"]}, "uniqueItems": true, "minItems": 1},
  "clause": {"oneOf": ["$step", "$guarded_step", "$steps",
    {"type": "object", "minProperties": 1, "additionalProperties": false,
     "properties": {"publish": "$publish", "next": {"oneOf": ["$step", "$guarded_step", "$steps"]}}}]},
  "retry": {"oneOf": [
    {"type": "object", "required": ["delay", "count"], "additionalProperties": false,
     "properties": {"count": "$natural_or_expression", "break-on": "$expression", "continue-on": "$expression",
                    "delay": "$natural_or_expression"}},
    "$text"]}
})json";

constexpr std::string_view kPolicyProperties = R"json(
    "retry": "$retry", "wait-before": "$natural_or_expression", "wait-after": "$natural_or_expression",
    "timeout": "$natural_or_expression", "pause-before": "$boolean_or_expression",
    "concurrency": "$natural_or_expression", "fail-on": "$boolean_or_expression")json";

constexpr std::string_view kTaskProperties = R"json(
    "type": "$workflow_type", "action": "$text", "workflow": "$text",
    "input": {"oneOf": ["$dict", "$text"]}, "with-items": {"oneOf": ["$text", "$texts"]},
    "publish": "$dict", "publish-on-error": "$dict", "publish-on-skip": "$dict", "target": "$text",
    "keep-result": "$boolean_or_expression", "safe-rerun": "$boolean_or_expression",
    "name": "$text", "version": "$version", "description": "$text", "tags": "$texts")json";

constexpr std::string_view kTaskRest = R"json(
  "additionalProperties": false, "required": ["name", "version"],
  "anyOf": [{"not": {"type": "object", "required": ["action", "workflow"]}},
            {"oneOf": [{"type": "object", "required": ["action"]}, {"type": "object", "required": ["workflow"]}]}])json";

constexpr std::string_view kWorkflowProperties = R"json(
    "type": "$workflow_type", "task-defaults": "$dict", "input": "$inputs", "output": "$dict",
    "output-on-error": "$dict", "vars": "$dict", "tags": "$texts")json";

constexpr std::string_view kActionProperties = R"json(
    "base": "$text", "base-input": "$dict", "input": "$inputs", "output": {},
    "name": "$text", "version": "$version", "description": "$text", "tags": "$texts")json";

std::string source(Schema schema) {
  const auto object = [](std::string_view properties, std::string_view rest) {
    return "{\"type\": \"object\", \"properties\": {" + std::string(properties) + "}, " + std::string(rest) + "}";
  };
  const std::string closed = "\"additionalProperties\": false";
  const std::string policies(kPolicyProperties);
  const std::string task(kTaskProperties);
  switch (schema) {
    case Schema::kWorkflowFile:
      return object(R"("version": "$version")", R"("additionalProperties": "$dict", "required": ["version"])");
    case Schema::kWorkbook: {
      const auto members = [&](const std::string& item) {
        return R"({"type": "object", "minProperties": 1, "additionalProperties": false,
                   "patternProperties": {"^version$": {"enum": ["2.0", 2.0]}, "^(?!version$)[\\w-]+$": )" +
               item + "}}";
      };
      const std::string action = object(kActionProperties, closed + R"(, "required": ["base"])");
      const std::string workflow = "{\"type\": \"object\", \"properties\": {" + std::string(kWorkflowProperties) + "}}";
      return object(R"("version": {"enum": ["2.0", 2.0]}, "name": "$text", "description": "$text", "tags": "$texts",
                       "actions": )" +
                        members(action) + ", \"workflows\": " + members(workflow),
                    closed + R"(, "required": ["name", "version"])");
    }
    case Schema::kWorkflow:
      return object(
          std::string(kWorkflowProperties) +
              R"(, "tasks": {"type": "object", "minProperties": 1, "patternProperties": {"^\\w+$": "$dict"}})",
          R"("required": ["tasks"])");
    case Schema::kAction: return object(kActionProperties, closed + R"(, "required": ["base", "name", "version"])");
    case Schema::kDirectTask:
      return object(task + "," + policies +
                        R"(, "join": {"oneOf": [{"enum": ["all", "one"]}, "$natural"]}, "on-complete": "$clause",
                           "on-success": "$clause", "on-error": "$clause", "on-skip": "$clause")",
                    kTaskRest);
    case Schema::kReverseTask: return object(task + "," + policies + R"(, "requires": "$requires")", kTaskRest);
    case Schema::kTaskDefaults:
      return object(policies + R"(, "on-complete": "$clause", "on-success": "$clause", "on-error": "$clause",
                                   "on-skip": "$clause", "safe-rerun": "$boolean_or_expression",
                                   "requires": "$requires")",
                    closed);
    case Schema::kPolicies: return object(policies, closed);
    case Schema::kRetry: return R"("$retry")";
    case Schema::kOnClause: return R"("$clause")";
    case Schema::kPublish: return R"("$publish")";
  }
  return "{}";
}

// With every "$name" replaced by its block.
Value expanded(const Value& schema, const Value& blocks) {
  if (schema.is_string() && schema.as_string().starts_with('$')) {
    const Value& block = blocks[schema.as_string().substr(1)];
    SQ_ASSERT(!block.is_null());
    return expanded(block, blocks);
  }
  if (schema.is_list()) {
    List items;
    for (const Value& item : schema.as_list()) items.push_back(expanded(item, blocks));
    return Value(std::move(items));
  }
  if (!schema.is_dict()) return schema;
  Dict members;
  // "^\S+$" is a key and a pattern, never a block: only values are replaced.
  for (const auto& [key, member] : schema.as_dict()) members.set(key, expanded(member, blocks));
  return Value(std::move(members));
}

Value compiled(Schema schema) {
  const auto blocks = parse_json(kBlocks);
  const auto text = parse_json(source(schema));
  SQ_ASSERT(blocks && text);  // texts of ours
  return expanded(*text, *blocks);
}

const Value& schema_of(Schema schema) {
  static const std::map<Schema, Value> kSchemas = [] {
    std::map<Schema, Value> made;
    for (const Schema each : {Schema::kWorkflowFile, Schema::kWorkbook, Schema::kWorkflow, Schema::kAction,
                              Schema::kDirectTask, Schema::kReverseTask, Schema::kTaskDefaults, Schema::kPolicies,
                              Schema::kRetry, Schema::kOnClause, Schema::kPublish}) {
      made.emplace(each, compiled(each));
    }
    return made;
  }();
  return kSchemas.at(schema);
}

bool search(std::string_view pattern, std::string_view text) {
  const auto regex = Regex::compile_cached(pattern);
  if (!regex) return false;
  const auto match = regex->search(text);
  return match && match->has_value();
}

// Steps to the value that `wanted` is about; those of an alternative begin where the ones around it end.
bool collect_steps(const std::vector<schema::Violation>& violations, const schema::Violation& wanted, List& steps) {
  for (const schema::Violation& each : violations) {
    const size_t before = steps.size();
    steps.insert(steps.end(), each.steps.begin(), each.steps.end());
    if (&each == &wanted || collect_steps(each.alternatives, wanted, steps)) return true;
    steps.resize(before);
  }
  return false;
}

// Before main() and so before threads; programs that never look at a pack or a workflow have no patterns to match.
[[maybe_unused]] const bool kInstalled = [] {
  schema::set_pattern_matcher(search);
  return true;
}();

}  // namespace

Status check_schema(Schema schema, const Value& value, std::string* at) {
  const auto violations = schema::check(value, schema_of(schema), schema::Nulls::kAsWritten);
  if (violations.empty()) return {};
  const schema::Violation& worst = schema::best_match(violations);
  if (at != nullptr) {
    List steps;
    collect_steps(violations, worst, steps);
    for (const Value& step : steps) {
      if (!at->empty()) *at += '.';
      *at += step.is_string() ? step.string() : std::to_string(step.int_or(0));
    }
  }
  return fail(Error(ErrorCode::kInvalid, "Invalid DSL: " + worst.message).with_type("InvalidModelException"));
}

}  // namespace squall::workflow::mistral
