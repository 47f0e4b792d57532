#include "api/openapi.hpp"

#include "base/strings.hpp"

namespace squall::api {
namespace {

// "{url*}" takes the rest of a path; OpenAPI has no word for it.
std::string documented_path(const std::string& pattern) { return replace_all(pattern, "*}", "}"); }

List path_parameters(const std::string& pattern) {
  List parameters;
  for (const std::string& part : split(documented_path(pattern), '/')) {
    if (!part.starts_with("{")) continue;
    parameters.push_back(Value::dict({{"name", part.substr(1, part.size() - 2)},
                                      {"in", "path"},
                                      {"required", true},
                                      {"schema", Value::dict({{"type", "string"}})}}));
  }
  return parameters;
}

// "get_actions_id": of the letters and digits of method and path.
std::string operation_id(const Route& route) {
  std::string id = to_lower(route.method);
  bool gap = true;
  for (const char c : route.pattern) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain && gap) id += '_';
    if (plain) id += c;
    gap = !plain;
  }
  return id;
}

std::string tag_of(const std::string& pattern) {
  const auto parts = split(std::string_view(pattern).substr(1), '/');
  return parts.empty() || parts.front().empty() ? "server" : parts.front();
}

Value content(const std::string& type, const Value& schema) {
  return Value::dict({{type, Value::dict({{"schema", schema}})}});
}

Value operation(const Route& route) {
  const RouteDoc& doc = route.doc;
  List parameters = path_parameters(route.pattern);
  for (const RouteDoc::Parameter& parameter : doc.parameters()) {
    parameters.push_back(
        Value::dict({{"name", parameter.name}, {"in", "query"}, {"schema", Value::dict({{"type", parameter.type}})}}));
  }
  Value success = Value::dict({{"description", "Done"}});
  constexpr int kNoContent = 204;
  if (doc.status() != kNoContent) success.set("content", content(doc.answer_type(), Value::empty_dict()));
  const Value fault = Value::dict({{"$ref", "#/components/responses/Fault"}});
  Value shown = Value::dict({{"operationId", operation_id(route)},
                             {"summary", doc.summary()},
                             {"tags", Value::list({tag_of(route.pattern)})},
                             {"parameters", Value(std::move(parameters))},
                             {"responses", Value::dict({{std::to_string(doc.status()), success}, {"default", fault}})},
                             {"x-access", route.access.describe()}});
  if (route.access.is_open()) shown.set("security", Value::empty_list());
  if (!doc.body_type().empty()) {
    const Value schema = doc.body_model().is_null() ? Value::empty_dict() : json_schema(doc.body_model());
    shown.set("requestBody", Value::dict({{"required", true}, {"content", content(doc.body_type(), schema)}}));
  }
  return shown;
}

Value security_scheme(const char* in, const char* name) {
  return Value::dict({{"type", "apiKey"}, {"in", in}, {"name", name}});
}

}  // namespace

Value json_schema(const Value& model) {
  if (model.is_list()) {
    List items;
    for (const Value& item : model.as_list()) items.push_back(json_schema(item));
    return Value(std::move(items));
  }
  if (!model.is_dict()) return model;
  Value schema = Value::empty_dict();
  List required;
  for (const auto& [name, member] : model.as_dict()) {
    if (name == "required" && member.is_bool()) continue;  // said by the schema around it
    if (name != "properties" || !member.is_dict()) {
      schema.set(name, name == "default" || name == "enum" ? member : json_schema(member));
      continue;
    }
    Value properties = Value::empty_dict();
    for (const auto& [property, described] : member.as_dict()) {
      properties.set(property, json_schema(described));
      if (described["required"].bool_or(false)) required.emplace_back(property);
    }
    schema.set("properties", properties);
  }
  if (!required.empty()) schema.set("required", Value(std::move(required)));
  return schema;
}

Value openapi_document(const std::vector<Route>& routes, const std::string& version) {
  Value paths = Value::empty_dict();
  for (const Route& route : routes) {
    const std::string path = documented_path(route.pattern);
    Value item = paths[path].is_dict() ? paths[path] : Value::empty_dict();
    item.set(to_lower(route.method), operation(route));
    paths.set(path, item);
  }
  const Value fault = Value::dict({{"type", "object"},
                                   {"required", Value::list({"faultstring"})},
                                   {"properties", Value::dict({{"faultstring", Value::dict({{"type", "string"}})}})}});
  const Value schemes = Value::dict({{"token", security_scheme("header", "X-Auth-Token")},
                                     {"key", security_scheme("header", "St2-Api-Key")},
                                     {"tokenInQuery", security_scheme("query", "x-auth-token")},
                                     {"keyInQuery", security_scheme("query", "st2-api-key")},
                                     {"cookie", security_scheme("cookie", "auth-token")}});
  List security;
  for (const auto& [name, scheme] : schemes.as_dict()) security.push_back(Value::dict({{name, Value::empty_list()}}));
  return Value::dict(
      {{"openapi", "3.1.0"},
       {"info", Value::dict({{"title", "squall"},
                             {"version", version},
                             {"description",
                              "StackStorm's API, and squall's additions under /squall. Every path is known "
                              "with and without /v1 and /api/v1, and with a trailing slash."}})},
       {"servers", Value::list({Value::dict({{"url", "/api/v1"}})})},
       {"security", Value(std::move(security))},
       {"paths", paths},
       {"components",
        Value::dict({{"securitySchemes", schemes},
                     {"responses",
                      Value::dict({{"Fault", Value::dict({{"description", "What is wrong"},
                                                          {"content", content("application/json", fault)}})}})}})}});
}

}  // namespace squall::api
