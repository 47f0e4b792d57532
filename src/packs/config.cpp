#include "packs/config.hpp"

#include <fmt/format.h>

#include <string>

#include "expr/expr.hpp"
#include "text/regex.hpp"
#include "value/schema.hpp"

namespace squall::packs {
namespace {

bool has_template(const Value& value) {
  if (value.is_string()) return expr::is_template(value.as_string());
  if (value.is_list()) {
    for (const Value& item : value.as_list()) {
      if (has_template(item)) return true;
    }
  }
  if (value.is_dict()) {
    for (const auto& [key, member] : value.as_dict()) {
      if (has_template(member)) return true;
    }
  }
  return false;
}

// The schema of an object's member: `properties` go before `patternProperties`, these before `additionalProperties`.
Result<Value> member_schema(const Value& schema, const std::string& key) {
  if (schema["properties"].contains(key)) return schema["properties"][key];
  if (schema["patternProperties"].is_dict()) {
    for (const auto& [pattern, of_pattern] : schema["patternProperties"].as_dict()) {
      SQ_TRY(const Regex regex, Regex::compile_cached(pattern));
      SQ_TRY(const auto match, regex.search(key));
      if (match) return of_pattern;
    }
  }
  return schema["additionalProperties"].is_dict() ? schema["additionalProperties"] : Value();
}

Value item_schema(const Value& schema, size_t index) {
  const Value& items = schema["items"];
  if (items.is_dict()) return items;
  if (index < items.size()) return items[index];
  return schema["additionalItems"].is_dict() ? schema["additionalItems"] : Value();
}

std::string longer(const std::string& path, const std::string& key) { return path.empty() ? key : path + "." + key; }

// An exception's class as Python shows it, with its module.
std::string python_class(const std::string& type) {
  for (const std::string_view name :
       {"UndefinedError", "TemplateSyntaxError", "TemplateAssertionError", "TemplateRuntimeError", "SecurityError"}) {
    if (type == name) return "jinja2.exceptions." + type;
  }
  return type;
}

class Resolver {
 public:
  Resolver(std::string_view pack, const Value& st2kv, const DecryptText& decrypt)
      : pack_(pack), scope_(Value::dict({{"system", st2kv["system"]}, {"st2kv", st2kv}})), decrypt_(decrypt) {}

  // `members` is the dict of values; its schema is that of an object.
  Result<Value> members(const Value& values, const Value& object_schema, const std::string& path) const {
    Value resolved = values;
    for (const auto& [key, value] : values.as_dict()) {
      SQ_TRY(const Value schema, member_schema(object_schema, key));
      SQ_TRY(Value one, item(value, schema, longer(path, key)));
      if (!one.same_storage(value)) resolved.set(key, std::move(one));
    }
    return resolved;
  }

 private:
  Result<Value> item(const Value& value, const Value& schema, const std::string& path) const {
    if (value.is_dict()) return members(value, schema, path);
    if (value.is_list()) {
      Value resolved = Value::empty_list();
      for (size_t i = 0; i < value.size(); ++i) {
        SQ_TRY(Value one, item(value[i], item_schema(schema, i), longer(path, std::to_string(i))));
        resolved.push_back(std::move(one));
      }
      return resolved;
    }
    if (value.is_string() && expr::is_template(value.as_string())) return render(value, schema, path);
    return value;
  }

  Result<Value> render(const Value& value, const Value& schema, const std::string& path) const {
    auto text = render_text(value.as_string());
    if (!text) {
      // StackStorm's words, the blank at their end included.
      return fail(
          Error(text.error().code(),
                fmt::format("Failed to render dynamic configuration value for key \"{}\" with value \"{}\" for "
                            "pack \"{}\" config: <class '{}'> {} ",
                            path, value.as_string(), pack_, python_class(text.error().type()), text.error().message()))
              .with_type("RuntimeError"));
    }
    if (text->empty()) return Value();
    if (schema["secret"].truthy()) return decrypt(*text, value, path);
    return Value(std::move(*text));
  }

  // StackStorm lets the decoder's error through as it is; here it says what it is about, under the same type.
  Result<Value> decrypt(const std::string& stored, const Value& value, const std::string& path) const {
    const std::string about = fmt::format(
        "the configuration value \"{}\" is secret, so that its template \"{}\" has to give an encrypted value of the "
        "datastore",
        path, value.as_string());
    if (!decrypt_) {
      return fail(Error(ErrorCode::kUnavailable,
                        about + ", and there is no key to read one: set encryption_key_path to the key file"));
    }
    auto plain = decrypt_(stored);
    if (plain) return plain;
    return fail(Error(plain.error().code(),
                      about + ": " + plain.error().message() +
                          ". Store the value with secret: true, or remove \"secret: true\" from config.schema.yaml")
                    .with_type(plain.error().type()));
  }

  Result<std::string> render_text(std::string_view text) const {
    SQ_TRY(const expr::JinjaTemplate compiled, expr::JinjaTemplate::compile_cached(text));
    return compiled.render(scope_);
  }

  std::string_view pack_;
  expr::Scope scope_;
  const DecryptText& decrypt_;
};

bool describes_members(const Value& schema) {
  return schema["type"].string_or("") == "object" &&
         (schema["properties"].truthy() || schema["patternProperties"].truthy() ||
          schema["additionalProperties"].truthy());
}

// Defaults cannot be put into what should be an object and is none.
Status check_objects(const Value& value, const Value& schema, const std::string& path) {
  if (describes_members(schema) && value.truthy() && !value.is_dict()) {
    return fail(Error(ErrorCode::kInvalid,
                      fmt::format("the configuration value \"{}\" has to be a map, as config.schema.yaml says; "
                                  "it is of type {}",
                                  path, value.json_type_name()))
                    .with_type("AttributeError"));
  }
  if (value.is_dict()) {
    for (const auto& [key, member] : value.as_dict()) {
      SQ_TRY(const Value of_member, member_schema(schema, key));
      SQ_CHECK(check_objects(member, of_member, longer(path, key)));
    }
  }
  if (value.is_list()) {
    for (size_t i = 0; i < value.size(); ++i) {
      SQ_CHECK(check_objects(value[i], item_schema(schema, i), longer(path, std::to_string(i))));
    }
  }
  return {};
}

}  // namespace

Result<Value> resolve_config(std::string_view pack, const Value& schema_attributes, const Value& values,
                             const Value& st2kv, const DecryptText& decrypt) {
  Value resolved = values.is_dict() ? values : Value::empty_dict();
  const Value schema = Value::dict({{"properties", schema_attributes}});
  if (has_template(resolved)) {
    SQ_TRY(resolved, Resolver(pack, st2kv, decrypt).members(resolved, schema, ""));
  }
  if (!schema_attributes.is_dict()) return resolved;
  SQ_CHECK(check_objects(resolved, schema, ""));
  return schema::with_defaults(resolved, schema_attributes, /*create_objects=*/true);
}

Status check_config(const Value& values, const Value& schema_attributes, const std::string& pack,
                    const std::string& path) {
  const Value masked = schema::mask(values, schema_attributes);
  const Value checked = schema::with_defaults(values, schema_attributes);
  auto violations = schema::check(checked, schema::object_schema(schema_attributes, true));
  // What a template will give is not known yet.
  std::erase_if(violations, [](const schema::Violation& violation) {
    return violation.instance.is_string() && expr::is_template(violation.instance.as_string());
  });
  if (violations.empty()) return {};
  const schema::Violation& violation = schema::best_match(violations);
  std::string attribute;
  const Value* hidden = &masked;
  for (const Value& step : violation.steps) {
    const std::string name = step.is_string() ? step.string() : std::to_string(step.int_or(0));
    attribute += (attribute.empty() ? "" : ".") + name;
    hidden = step.is_string() ? &(*hidden)[step.as_string()] : &(*hidden)[static_cast<size_t>(step.int_or(0))];
  }
  const bool secret = hidden->string_or("") == schema::kMask;
  return fail(ErrorCode::kInvalid,
              fmt::format("Failed validating attribute \"{}\" in config for pack \"{}\" ({}): {}", attribute, pack,
                          path, secret ? "the value (a secret) has the wrong type or form" : violation.text()));
}

Value keep_masked(const Value& given, const Value& stored) {
  if (given.is_string() && given.as_string() == schema::kMask && !stored.is_null()) return stored;
  if (given.is_dict() && stored.is_dict()) {
    Value kept = given;
    for (const auto& [key, value] : given.as_dict()) kept.set(key, keep_masked(value, stored[key]));
    return kept;
  }
  if (given.is_list() && stored.is_list() && given.size() == stored.size()) {
    Value kept = Value::empty_list();
    for (size_t i = 0; i < given.size(); ++i) kept.push_back(keep_masked(given[i], stored[i]));
    return kept;
  }
  return given;
}

}  // namespace squall::packs
