#include "api/request_body.hpp"

#include "base/assert.hpp"
#include "value/schema.hpp"
#include "value/yaml.hpp"

namespace squall::api {

Value model_of(std::string_view yaml_properties, bool additional_properties) {
  auto properties = parse_yaml(yaml_properties);
  SQ_ASSERT(properties.has_value());
  return schema::object_schema(*properties, additional_properties);
}

Result<Value> check_model(const Value& body, const Value& model) {
  const Value& properties = model["properties"];
  Value given = body;
  if (body.is_dict() && properties.is_dict()) {
    // Where a model has null for its default, a null means "not given".
    for (const auto& [name, value] : body.as_dict()) {
      const Value& property = properties[name];
      if (value.is_null() && property.contains("default") && property["default"].is_null())
        given.mut_dict().erase(name);
    }
    given = schema::with_defaults(given, properties);
    for (const auto& [name, property] : properties.as_dict()) {
      if (property.contains("default") && property["default"].is_null() && given[name].is_null())
        given.mut_dict().erase(name);
    }
  }
  const auto violations = schema::check(given, model, schema::Nulls::kAsWritten);
  if (!violations.empty()) return fail(ErrorCode::kInvalid, schema::best_match(violations).message);
  return given;
}

Result<Value> checked_body(const Call& call, const Value& model) {
  SQ_TRY(const Value body, call.body());
  return check_model(body, model);
}

}  // namespace squall::api
