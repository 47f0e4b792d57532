#include "engine/workflow_loader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include "engine/results.hpp"
#include "expr/workflow_text.hpp"
#include "workflow/mistral/run.hpp"
#include "workflow/mistral/stackstorm.hpp"
#include "workflow/orquesta/inspect.hpp"
#include "workflow/orquesta/model.hpp"
#include "workflow/orquesta/orquesta.hpp"

namespace squall::engine {
namespace {

constexpr std::string_view kTaskSchema = "properties.tasks.patternProperties.^\\w+$";

Value content_entry(std::string message, const std::string& spec_path, const std::string& schema_path) {
  return Value::dict({{"type", "content"},
                      {"message", std::move(message)},
                      {"spec_path", spec_path},
                      {"schema_path", std::string(kTaskSchema) + schema_path}});
}

// Parameters that have to be given.
std::set<std::string> required_names(const Value& schemas) {
  std::set<std::string> names;
  for (const auto& [name, schema] : schemas.as_dict()) {
    if (schema["required"].bool_or(false) && !schema.contains("default")) names.insert(name);
  }
  return names;
}

void check_input(const workflow::orquesta::TaskSpec& task, const std::string& action, const Value& schemas,
                 List& entries) {
  const std::string path = "tasks." + task.name + ".input";
  const Value given = task.input.is_null() ? Value::empty_dict() : task.input;
  if (!given.is_dict()) return;  // an expression: known when it is evaluated
  for (const std::string& name : required_names(schemas)) {
    if (given.contains(name)) continue;
    entries.push_back(content_entry("Action \"" + action + "\" is missing required input \"" + name + "\".", path,
                                    ".properties.input"));
  }
  std::set<std::string> unexpected;
  for (const auto& [name, value] : given.as_dict()) {
    if (!schemas.contains(name)) unexpected.insert(name);
  }
  for (const std::string& name : unexpected) {
    entries.push_back(content_entry("Action \"" + action + "\" has unexpected input \"" + name + "\".",
                                    path + "." + name, ".properties.input.patternProperties.^\\w+$"));
  }
}

List check_content(const workflow::orquesta::WorkflowSpec& spec, const Catalog& catalog) {
  List entries;
  for (const workflow::orquesta::TaskSpec& task : spec.tasks()) {
    const std::string action = task.action.string();
    if (action.empty() || expr::has_workflow_expression(action)) continue;
    const std::string path = "tasks." + task.name + ".action";
    if (action.find('.') == std::string::npos) {
      entries.push_back(content_entry("The action reference \"" + action + "\" is not formatted correctly.", path,
                                      ".properties.action"));
      continue;
    }
    const auto schemas = catalog.merged_parameters(action);
    if (!schemas) {
      entries.push_back(content_entry("The action \"" + action + "\" is not registered in the database.", path,
                                      ".properties.action"));
      continue;
    }
    check_input(task, action, *schemas, entries);
  }
  return entries;
}

List inspect_spec(const workflow::orquesta::WorkflowSpec& spec, const Catalog& catalog) {
  List entries = check_content(spec, catalog);
  for (Value& entry : workflow::orquesta::inspect(spec, {"st2", "parent"}).flat()) entries.push_back(std::move(entry));
  std::stable_sort(entries.begin(), entries.end(), [](const Value& a, const Value& b) {
    return std::pair(a["type"].string_or(""), a["schema_path"].string_or("")) <
           std::pair(b["type"].string_or(""), b["schema_path"].string_or(""));
  });
  return entries;
}

Result<std::string> read_file_as_python(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(ErrorCode::kIo, "[Errno " + std::to_string(errno) + "] " + std::strerror(errno) + ": '" + path + "'");
  }
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

// In the words of PyYAML, which StackStorm shows: context, problem, place.
std::string load_failure(const Error& error) {
  constexpr std::string_view kPrefix = "Failed to load workflow definition because ";
  const std::string& message = error.message();
  if (message.starts_with(kPrefix) || error.where().line == 0) return message;
  const size_t context = message.rfind(", while ");
  std::string text =
      context == std::string::npos ? message : message.substr(context + 2) + "\n" + message.substr(0, context);
  return std::string(kPrefix) + text + "\n  in \"<unicode string>\", line " + std::to_string(error.where().line) +
         ", column " + std::to_string(error.where().column) + ".";
}

WorkflowLoad load_orquesta(const WorkflowSource& source) {
  WorkflowLoad load;
  std::string text = source.definition.string();
  if (source.definition.is_null()) {
    auto read = read_file_as_python(source.file);
    if (!read) {
      load.failure = error_result(read.error().message());
      return load;
    }
    text = std::move(*read);
  }
  auto spec = workflow::orquesta::WorkflowSpec::parse(text);
  if (!spec) {
    load.failure = refused_workflow_result(load_failure(spec.error()));
    return load;
  }
  // What runs already has passed; the actions that it names may have changed since.
  List problems = source.definition.is_null() ? inspect_spec(*spec, *source.catalog) : List();
  if (!problems.empty()) {
    load.failure = Value::dict({{"errors", Value(std::move(problems))}, {"output", Value()}});
    return load;
  }
  load.run = workflow::orquesta::make_run(std::make_shared<const workflow::orquesta::Workflow>(std::move(*spec)),
                                          source.environment);
  load.start = {source.action_parameters, source.context};
  load.definition = Value(std::move(text));
  return load;
}

workflow::mistral::StackStormAction mistral_action(const WorkflowSource& source, std::string text) {
  const Catalog* catalog = source.catalog;
  workflow::mistral::StackStormAction action;
  action.ref = source.action.string();
  action.text = std::move(text);
  action.file = source.file;
  action.workflow = source.runner_parameters["workflow"].string();
  action.find_action = [catalog](std::string_view ref) -> std::optional<workflow::mistral::ActionParameters> {
    const auto schemas = catalog->merged_parameters(ref);
    if (!schemas) return std::nullopt;
    workflow::mistral::ActionParameters parameters;
    for (const auto& [name, schema] : schemas->as_dict()) parameters.known.insert(name);
    parameters.required = required_names(*schemas);
    return parameters;
  };
  action.find_workflow = [catalog](std::string_view ref) -> std::optional<std::string> {
    const Value* found = catalog->action(ref);
    if (found == nullptr || (*found)["runner_type"].string_or("") != "mistral-v2") return std::nullopt;
    auto read = read_file_as_python(catalog->pack_path(*found) + "/actions/" + (*found)["entry_point"].string());
    return read ? std::optional(std::move(*read)) : std::nullopt;
  };
  return action;
}

Result<workflow::mistral::Prepared> prepare_mistral(const WorkflowSource& source) {
  if (source.definition.is_null()) {
    SQ_TRY(std::string text, read_file_as_python(source.file));
    return workflow::mistral::prepare(mistral_action(source, std::move(text)));
  }
  SQ_TRY(workflow::mistral::Library library,
         workflow::mistral::Library::from_documents(source.definition["documents"]));
  return workflow::mistral::Prepared{std::make_shared<const workflow::mistral::Library>(std::move(library)),
                                     source.definition["workflow"].string()};
}

WorkflowLoad load_mistral(const WorkflowSource& source) {
  WorkflowLoad load;
  auto prepared = prepare_mistral(source);
  auto run = prepared ? workflow::mistral::make_run(prepared->library, prepared->workflow, source.environment)
                      : Result<std::unique_ptr<workflow::WorkflowRun>>(fail(prepared.error()));
  if (!run) {
    load.failure = error_result(run.error().to_string());
    return load;
  }
  load.run = std::move(*run);
  load.definition = Value::dict({{"documents", prepared->library->documents()}, {"workflow", prepared->workflow}});
  Value inputs = source.action_parameters;
  const Value& more = source.runner_parameters["context"];
  if (more.is_dict()) {
    for (const auto& [key, value] : more.as_dict()) inputs.set(key, value);
  }
  const Value& st2 = source.context["st2"];
  Value params = Value::dict(
      {{"env", workflow::mistral::stackstorm_environment(st2["action_execution_id"].string_or(""), source.liveaction,
                                                         st2["api_url"].string_or(""))}});
  if (source.runner_parameters["task_name"].is_string()) params.set("task_name", source.runner_parameters["task_name"]);
  load.start = {std::move(inputs), Value::dict({{"params", std::move(params)}})};
  return load;
}

}  // namespace

WorkflowLoad load_workflow(const WorkflowSource& source) {
  return source.runner == "mistral-v2" ? load_mistral(source) : load_orquesta(source);
}

Result<List> inspect_workflow(std::string_view text, const Catalog& catalog) {
  auto spec = workflow::orquesta::WorkflowSpec::parse(text);
  if (!spec) return fail(ErrorCode::kInvalid, load_failure(spec.error()));
  return inspect_spec(*spec, catalog);
}

}  // namespace squall::engine
