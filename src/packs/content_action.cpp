#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "model/reference.hpp"
#include "packs/content.hpp"
#include "packs/runner_types.hpp"
#include "value/schema.hpp"

namespace squall::packs {
namespace {

// Runners whose entry_point is a file below actions/. A native action's entry_point is the name of its C++ function.
constexpr std::string_view kFileRunners[] = {
    "local-shell-script", "remote-shell-script", "python-script", "action-chain", "orquesta", "winrm-ps-script"};
// What an action may change of a parameter of its runner (StackStorm's RUNNER_PARAM_OVERRIDABLE_ATTRS).
constexpr std::string_view kOverridable[] = {"default", "description", "enum", "immutable", "required"};

template <size_t N>
bool contains(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

Result<const Value*> runner_of(const Fields& fields) {
  SQ_TRY(const std::string written, fields.text("runner_type"));
  if (const Value* runner = find_runner_type(written); runner != nullptr) return runner;
  std::vector<std::string> known;
  for (const Value& runner : runner_types()) known.push_back(runner["name"].string());
  return fail(fields.error("runner_type", fmt::format("the runner type \"{}\" is not known; use one of: {}", written,
                                                      fmt::join(known, ", "))));
}

// The rules for one parameter that also is a parameter of the runner (B-3).
Status check_override(const Fields& fields, const std::string& name, const Value& attributes, const Value& of_runner) {
  for (const auto& [attribute, value] : attributes.as_dict()) {
    if (contains(kOverridable, attribute) || value == of_runner[attribute]) continue;
    return fail(fields.error(
        "parameters." + name + "." + attribute,
        fmt::format("the attribute \"{}\" of the runner's parameter \"{}\" cannot be changed by an action; "
                    "remove it, or give the parameter another name",
                    attribute, name)));
  }
  if (attributes.contains("immutable") && of_runner.contains("immutable")) {
    return fail(fields.error("parameters." + name + ".immutable",
                             fmt::format("the runner declares \"{}\" immutable already; remove \"immutable\"", name)));
  }
  return {};
}

Status check_parameters(const Fields& fields, const Value& parameters, const Value& runner_parameters) {
  std::map<int64_t, std::string> positions;
  for (const auto& [name, attributes] : parameters.as_dict()) {
    const std::string path = "parameters." + name;
    const Value& of_runner = runner_parameters[name];
    if (!of_runner.is_null()) SQ_CHECK(check_override(fields, name, attributes, of_runner));
    if (attributes["immutable"].bool_or(false) && !attributes.contains("default") && !of_runner.contains("default")) {
      return fail(fields.error(path, fmt::format("the parameter \"{}\" is immutable, so it needs a default", name)));
    }
    const Value& position = attributes["position"];
    if (!position.is_int()) continue;
    const auto [taken, added] = positions.emplace(position.int_or(0), name);
    if (!added) {
      return fail(fields.error(
          path + ".position", fmt::format("the parameters \"{}\" and \"{}\" have the same position; number them from 0",
                                          taken->second, name)));
    }
  }
  return {};
}

}  // namespace

Result<Value> action_document(const ContentFile& file) {
  static constexpr std::string_view kKnown[] = {"name",        "description", "pack", "enabled",      "runner_type",
                                                "entry_point", "parameters",  "tags", "notify",       "output_schema",
                                                "id",          "ref",         "uid",  "metadata_file"};
  const Fields fields = file.fields();
  SQ_TRY(const std::string name, content_name(file));
  SQ_CHECK(fields.only(kKnown));
  SQ_TRY(const Value description, fields.optional_text("description"));
  SQ_TRY(const bool enabled, fields.flag("enabled", true));
  SQ_TRY(const Value* runner, runner_of(fields));
  const std::string runner_name = (*runner)["name"].string();
  SQ_TRY(const Value entry_point, fields.optional_text("entry_point"));
  SQ_TRY(const Value declared, fields.dict("parameters"));
  SQ_TRY(const Value parameters, usable_properties(fields, "parameters", declared, "parameter", file.warnings));
  SQ_CHECK(check_parameters(fields, parameters, (*runner)["runner_parameters"]));
  SQ_TRY(const Value output_schema, fields.dict("output_schema"));
  SQ_TRY(const Value tags, fields.list("tags"));
  SQ_TRY(const Value notify, fields.dict("notify"));
  const bool needs_file = contains(kFileRunners, runner_name);
  if ((needs_file || runner_name == "native") && entry_point.empty()) {
    return fail(fields.error(
        "runner_type",
        fmt::format("\"entry_point\" is missing; the runner {} needs {}", runner_name,
                    needs_file ? "the name of a file below actions/" : "the name of an action built into squall")));
  }
  if (needs_file) {
    SQ_CHECK(check_entry_point(file, "actions", entry_point.string()));
    // As in StackStorm it is registered all the same, and fails when it is run.
    if (auto missing = missing_entry_point(file, "actions", entry_point.string())) {
      file.warnings.push_back(std::move(*missing));
    }
  }
  return without_nulls(Value::dict({{"tags", tags},
                                    {"uid", model::make_uid("action", file.pack.ref, name)},
                                    {"metadata_file", file.relative},
                                    {"name", name},
                                    {"ref", file.pack.ref + "." + name},
                                    {"description", description},
                                    {"enabled", enabled},
                                    {"entry_point", entry_point.string()},
                                    {"pack", file.pack.ref},
                                    {"runner_type", runner_name},
                                    {"parameters", parameters},
                                    {"output_schema", output_schema},
                                    {"notify", notify}}));
}

}  // namespace squall::packs
