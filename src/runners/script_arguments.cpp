#include "runners/script_arguments.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/strings.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::runners {
namespace {

bool needs_no_quotes(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_@%+=:,./-").find(c) != std::string_view::npos;
}

// Names of positional parameters in order. Of two with the same position the later one counts.
std::map<int64_t, std::string> positions(const Value& schema) {
  std::map<int64_t, std::string> result;
  if (!schema.is_dict()) return result;
  for (const auto& [name, definition] : schema.as_dict())
    if (definition["position"].is_int()) result[definition["position"].int_or(0)] = std::string(name);
  return result;
}

std::string positional_text(const Value& value, std::string_view type) {
  if (value.is_null() || type == "null") return "";
  if (type == "string" || type == "number" || type == "float") return python::str(value);
  if (type == "boolean") return value.truthy() ? "1" : "0";
  if (!value.truthy()) return "";  // upstream, an integer 0 comes out empty too
  if ((type == "array" || type == "list") && value.is_list()) {
    std::vector<std::string> items;
    for (const Value& item : value.as_list()) items.push_back(python::str(item));
    return join(items, ",");
  }
  if (type == "object") return to_json(value);
  return python::str(value);
}

}  // namespace

std::string shell_quote(std::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), needs_no_quotes)) return std::string(text);
  return fmt::format("'{}'", replace_all(text, "'", "'\"'\"'"));
}

std::string script_arguments(const Value& parameters, const Value& parameter_schema, std::string_view kwarg_op) {
  const auto positional = positions(parameter_schema);
  const auto is_positional = [&](std::string_view name) {
    return std::any_of(positional.begin(), positional.end(), [&](const auto& entry) { return entry.second == name; });
  };
  std::vector<std::string> words;
  if (parameters.is_dict()) {
    for (const auto& [name, value] : parameters.as_dict()) {
      if (is_positional(name) || value.is_null() || (value.is_string() && value.empty())) continue;
      const std::string flag = std::string(kwarg_op) + std::string(name);
      if (!value.is_bool()) words.push_back(shell_quote(flag) + "=" + shell_quote(python::str(value)));
      else if (value.as_bool()) words.push_back(flag);
    }
  }
  for (const auto& [position, name] : positional)
    words.push_back(shell_quote(positional_text(parameters[name], parameter_schema[name]["type"].string_or(""))));
  return join(words, " ");
}

}  // namespace squall::runners
