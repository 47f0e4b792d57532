#include "cli/commands.hpp"

#include <algorithm>
#include <cstdio>

#include "base/strings.hpp"
#include "cli/kinds.hpp"
#include "value/json.hpp"

namespace squall::cli {
namespace {

Result<Value> parse_scalar(const std::string& name, const std::string& text, const std::string& type) {
  if (type == "integer") {
    const auto number = parse_int(text);
    if (!number) return fail(ErrorCode::kInvalid, "parameter " + name + ": '" + text + "' is not an integer");
    return Value(*number);
  }
  if (type == "number") {
    auto number = parse_json(text);
    if (!number || !number->is_number())
      return fail(ErrorCode::kInvalid, "parameter " + name + ": '" + text + "' is not a number");
    return *number;
  }
  if (type == "boolean") {
    const std::string lower = to_lower(text);
    if (lower == "true" || lower == "1" || lower == "yes" || lower == "y" || lower == "on") return Value(true);
    if (lower == "false" || lower == "0" || lower == "no" || lower == "n" || lower == "off") return Value(false);
    return fail(ErrorCode::kInvalid, "parameter " + name + ": '" + text + "' is neither true nor false");
  }
  return Value(text);
}

// JSON, or "a,b,c".
Result<Value> parse_array(const std::string& text) {
  if (auto json = parse_json(text); json && json->is_list()) return *json;
  Value list = Value::empty_list();
  for (const std::string& item : split(text, ',')) {
    if (!trim(item).empty()) list.push_back(trim(item));
  }
  return list;
}

// JSON, or "key=value,key=value".
Result<Value> parse_object(const std::string& name, const std::string& text) {
  if (auto json = parse_json(text); json && json->is_dict()) return *json;
  Value object = Value::empty_dict();
  for (const std::string& pair : split(text, ',')) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) {
      return fail(ErrorCode::kInvalid,
                  "parameter " + name + ": '" + text + "' is neither a JSON object nor key=value pairs");
    }
    object.set(trim(std::string_view(pair).substr(0, equals)), pair.substr(equals + 1));
  }
  return object;
}

}  // namespace

int exit_code_of(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kNotFound: return kExitNotFound;
    case ErrorCode::kUnauthorized:
    case ErrorCode::kForbidden: return kExitNotAllowed;
    case ErrorCode::kUnavailable: return kExitNoServer;
    case ErrorCode::kTimeout: return kExitTimeout;
    default: return kExitFailed;
  }
}

int report(const Error& error) {
  std::fprintf(stderr, "squall: %s\n", error.to_string().c_str());
  return exit_code_of(error);
}

int list_resources(ApiClient& api, const Format& format, const std::string& name, const ListArguments& arguments) {
  const Kind& kind = kind_of(name);
  Query query = arguments.filters;
  query.emplace_back("limit", std::to_string(arguments.limit));
  const auto list = api.get(kind.path, query);
  if (!list) return report(list.error());
  print_list(format, *list, kind.columns, kind.plural, api.total());
  return 0;
}

int get_resource(ApiClient& api, const Format& format, const std::string& name, const std::string& id) {
  const Kind& kind = kind_of(name);
  const auto document = api.get(resource_path(kind, id));
  if (!document) return report(document.error());
  print_one(format, *document, kind.fields);
  return 0;
}

int enable_sensor(ApiClient& api, const std::string& id, bool enabled) {
  const auto sensor = api.put("/sensortypes/" + percent_encode(id), Value::dict({{"enabled", enabled}}));
  if (!sensor) return report(sensor.error());
  std::printf("%s is %s\n", (*sensor)["ref"].string().c_str(), enabled ? "enabled" : "disabled");
  return 0;
}

// A file with a warning is used all the same.
bool has_errors(const Value& problems) {
  if (!problems.is_list()) return false;
  return std::any_of(problems.as_list().begin(), problems.as_list().end(),
                     [](const Value& problem) { return problem["severity"].string_or("") != "warning"; });
}

int register_packs(ApiClient& api, const Format& format, const std::vector<std::string>& packs) {
  Value body = Value::dict({{"types", Value::list({"all"})}});
  for (const std::string& pack : packs) body.mut_dict()["packs"].push_back(pack);
  const auto counts = api.post("/packs/register", body);
  if (!counts) return report(counts.error());
  if (!format.is_table()) {
    print_one(format, *counts, {});
    return has_errors((*counts)["problems"]) ? 1 : 0;
  }
  for (const auto& [kind, count] : counts->as_dict()) {
    if (kind != "problems") std::printf("%-10s %s\n", kind.c_str(), cell_text(count).c_str());
  }
  for (const Value& problem : (*counts)["problems"].is_list() ? (*counts)["problems"].as_list() : List()) {
    std::fprintf(stderr, "%s: %s%s\n", problem["where"].string().c_str(),
                 problem["severity"].string_or("") == "warning" ? "warning: " : "",
                 problem["message"].string().c_str());
  }
  return has_errors((*counts)["problems"]) ? 1 : 0;
}

Value list_of(const std::vector<std::string>& texts) {
  Value list = Value::empty_list();
  for (const std::string& text : texts) list.push_back(text);
  return list;
}

Result<Value> parse_parameters(const std::vector<std::string>& texts, const Value& schema) {
  Value parameters = Value::empty_dict();
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::kInvalid, "'" + text + "' is not name=value");
    }
    const std::string name = text.substr(0, equals);
    const std::string value = text.substr(equals + 1);
    if (schema.is_dict() && !schema.contains(name)) {
      std::string known;
      for (const auto& [key, ignored] : schema.as_dict()) known += (known.empty() ? "" : ", ") + key;
      return fail(ErrorCode::kInvalid,
                  "the action has no parameter '" + name + "'; it has " + (known.empty() ? "none" : known));
    }
    const std::string type = schema[name]["type"].string();
    Result<Value> parsed = type == "array"    ? parse_array(value)
                           : type == "object" ? parse_object(name, value)
                                              : parse_scalar(name, value, type);
    if (!parsed) return parsed;
    parameters.set(name, std::move(*parsed));
  }
  return parameters;
}

}  // namespace squall::cli
