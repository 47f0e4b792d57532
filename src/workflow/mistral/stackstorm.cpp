#include "workflow/mistral/stackstorm.hpp"

#include <vector>

#include "base/strings.hpp"
#include "expr/workflow_text.hpp"
#include "value/yaml.hpp"

namespace squall::workflow::mistral {

namespace {

tl::unexpected<Error> bad_definition(std::string message, const std::string& file) {
  SourcePosition where;
  where.file = file;
  return fail(Error(ErrorCode::kInvalid, std::move(message), where).with_type("WorkflowDefinitionException"));
}

std::string quoted(const std::set<std::string>& names) {
  std::vector<std::string> parts;
  for (const std::string& name : names) parts.push_back('"' + name + '"');
  return join(parts, ", ");
}

Status check_call(const StackStormAction& action, const std::string& task, const std::string& name,
                  const Value& input) {
  std::string ref = name;
  Value parameters = input;
  if (name == "st2.callback") {
    return bad_definition("The action \"st2.callback\" is not allowed in the task \"" + task + "\" for \"" +
                              action.ref + "\": it is how Mistral reported to StackStorm",
                          action.file);
  }
  if (name == "st2.action") {
    ref = input["ref"].string();
    parameters = input["parameters"];
    if (ref.empty()) return bad_definition("st2.action needs \"ref\" in the task \"" + task + "\"", action.file);
  }
  if (!action.find_action || expr::has_workflow_expression(ref) || ref.find('.') == std::string::npos) return {};
  const auto known = action.find_action(ref);
  if (!known) {
    if (name != "st2.action") return {};  // Mistral's own, or unknown: the run will tell
    return bad_definition("Action \"" + ref + "\" of the task \"" + task + "\" is not registered", action.file);
  }
  // Parameters that an expression gives are known at run time only.
  if (!parameters.is_dict() && !parameters.is_null()) return {};
  std::set<std::string> missing = known->required, unexpected;
  if (parameters.is_dict()) {
    for (const auto& [key, value] : parameters.as_dict()) {
      missing.erase(key);
      if (known->known.count(key) == 0) unexpected.insert(key);
    }
  }
  if (!missing.empty()) {
    return bad_definition(
        "Missing required parameters in \"" + task + "\" for action \"" + ref + "\": " + quoted(missing), action.file);
  }
  if (!unexpected.empty()) {
    return bad_definition("Unexpected parameters in \"" + task + "\" for action \"" + ref + "\": " + quoted(unexpected),
                          action.file);
  }
  return {};
}

Result<std::string> choose_workflow(const StackStormAction& action, const Value& document,
                                    const std::vector<std::string>& uploaded, bool is_workbook) {
  if (!is_workbook) {
    if (uploaded.size() != 1) {
      return bad_definition("There are no workflows (or too many workflows) defined in the definition of \"" +
                                action.ref + "\": a file that is no workbook holds exactly one",
                            action.file);
    }
    if (uploaded[0] != action.ref) {
      return bad_definition("Name of the workflow must be the same as the fully qualified action name \"" + action.ref +
                                "\", not \"" + uploaded[0] + "\"",
                            action.file);
    }
    return uploaded[0];
  }
  if (document["name"].string() != action.ref) {
    return bad_definition("Name of the workbook must be the same as the fully qualified action name \"" + action.ref +
                              "\", not \"" + document["name"].string() + "\"",
                          action.file);
  }
  if (!action.workflow.empty()) {
    for (const std::string& name : uploaded) {
      if (name == action.workflow || name == action.ref + "." + action.workflow) return name;
    }
    return bad_definition("The workbook \"" + action.ref + "\" has no workflow \"" + action.workflow + "\"",
                          action.file);
  }
  if (uploaded.size() == 1) return uploaded[0];
  return bad_definition("Default workflow cannot be determined. Name one with the parameter \"workflow\".",
                        action.file);
}

}  // namespace

Result<Prepared> prepare(const StackStormAction& action) {
  const auto document = parse_yaml(action.text);
  const bool is_workbook = document && guess_kind(*document) == DocumentKind::kWorkbook;
  auto library = std::make_shared<Library>();
  SQ_CHECK(library->upload(is_workbook ? DocumentKind::kWorkbook : DocumentKind::kWorkflows, action.text, action.file));
  Prepared prepared;
  const std::vector<std::string> uploaded = library->uploaded();
  SQ_TRY(prepared.workflow, choose_workflow(action, *document, uploaded, is_workbook));

  // Every workflow that can be reached by name.
  std::vector<std::string> open = uploaded;
  while (!open.empty()) {
    const Definition* definition = library->find_workflow(open.back());
    open.pop_back();
    for (const TaskSpec& task : definition->spec->tasks) {
      if (!task.runs_workflow()) {
        SQ_CHECK(check_call(action, task.name, task.action, task.input));
        continue;
      }
      const std::string& name = task.workflow;
      const bool is_known = library->find_workflow(name, definition->workbook) != nullptr;
      if (is_known || !action.find_workflow || expr::has_workflow_expression(name)) continue;
      const auto text = action.find_workflow(name);
      if (!text) continue;  // the task fails when it comes to it
      const auto other = parse_yaml(*text);
      SQ_CHECK(library->upload(other ? guess_kind(*other) : DocumentKind::kWorkflows, *text, name));
      for (const std::string& each : library->uploaded()) open.push_back(each);
    }
  }
  prepared.library = std::move(library);
  return prepared;
}

Value stackstorm_environment(std::string_view execution_id, std::string_view liveaction_id, std::string_view api_url) {
  const Value context = Value::dict({{"api_url", api_url}, {"parent", Value::dict({{"execution_id", execution_id}})}});
  return Value::dict({{"st2_execution_id", execution_id},
                      {"st2_liveaction_id", liveaction_id},
                      {"st2_action_api_url", api_url},
                      {"__actions", Value::dict({{"st2.action", Value::dict({{"st2_context", context}})}})}});
}

Value stackstorm_result(const Value& document) {
  Value result = document["output"].is_dict() ? document["output"] : Value::empty_dict();
  List tasks;
  if (document["tasks"].is_list()) {
    for (const Value& task : document["tasks"].as_list()) {
      Value told = task;
      for (const std::string_view key : {"type", "executions", "sub_workflows"}) told.erase(key);
      tasks.push_back(std::move(told));
    }
  }
  result.set("tasks", Value(std::move(tasks)));
  result.set("extra", Value::dict({{"state", document["state"]}, {"state_info", document["state_info"]}}));
  return result;
}

}  // namespace squall::workflow::mistral
