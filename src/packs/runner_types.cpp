#include "packs/runner_types.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "packs/runner_types_text.hpp"
#include "value/yaml.hpp"

namespace squall::packs {
namespace {

// What packs of older StackStorm versions call their runners.
constexpr std::pair<std::string_view, std::string_view> kOldNames[] = {
    {"run-local", "local-shell-cmd"},   {"run-local-script", "local-shell-script"},
    {"run-remote", "remote-shell-cmd"}, {"run-remote-script", "remote-shell-script"},
    {"run-python", "python-script"},    {"http-runner", "http-request"},
    {"orchestra", "orquesta"},
};

bool name_less(const Value& a, const Value& b) { return a["name"].string_or("") < b["name"].string_or(""); }

std::vector<Value> parse_runner_types() {
  const auto parsed = parse_yaml(kRunnerTypesText);
  SQ_ASSERT(parsed.has_value());
  std::vector<Value> types;
  for (const auto& [name, entry] : (*parsed)["runners"].as_dict()) {
    Value type = Value::dict({{"name", name},
                              {"description", entry["description"]},
                              {"uid", "runner_type:" + name},
                              {"enabled", true},
                              {"runner_package", entry["package"]},
                              {"runner_module", entry["module"]},
                              {"runner_parameters", entry["parameters"]}});
    if (entry.contains("output_key")) type.set("output_key", entry["output_key"]);
    type.set("output_schema", entry["output_schema"].is_dict() ? entry["output_schema"] : Value::empty_dict());
    types.push_back(std::move(type));
  }
  std::sort(types.begin(), types.end(), name_less);
  return types;
}

std::vector<Value>& types_in_use() {
  static std::vector<Value> types = parse_runner_types();
  return types;
}

}  // namespace

const std::vector<Value>& runner_types() { return types_in_use(); }

bool add_runner_type(const Value& type) {
  if (find_runner_type(type["name"].string_or("")) != nullptr) {
    log_error("a runner is left out: there is one of this name already", {{"name", type["name"].string()}});
    return false;
  }
  std::vector<Value>& types = types_in_use();
  types.push_back(type);
  std::sort(types.begin(), types.end(), name_less);
  return true;
}

const Value* find_runner_type(std::string_view name) {
  for (const auto& [old_name, new_name] : kOldNames) {
    if (name == old_name) name = new_name;
  }
  for (const Value& type : runner_types()) {
    if (type["name"].string_or("") == name) return &type;
  }
  return nullptr;
}

}  // namespace squall::packs
