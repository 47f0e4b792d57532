// From YAML to specs, with the checks of the real engine in its order: the one that fails first is the one reported.
#include <algorithm>
#include <cctype>

#include "base/strings.hpp"
#include "expr/mistral_text.hpp"
#include "expr/text_scan.hpp"
#include "text/regex.hpp"
#include "value/json.hpp"
#include "value/python.hpp"
#include "workflow/mistral/schemas.hpp"
#include "workflow/mistral/spec.hpp"

namespace squall::workflow::mistral {

namespace {

tl::unexpected<Error> invalid(std::string message, std::string_view type = "InvalidModelException") {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type(std::string(type)));
}

// Where the parser is, for the position of an error.
class Place {
 public:
  explicit Place(std::string* path) : path_(path) {}
  std::string* path() const { return path_; }
  void enter(std::string_view step) const {
    if (path_ == nullptr) return;
    if (!path_->empty()) *path_ += '.';
    *path_ += step;
  }
  void leave(std::string_view step) const {
    if (path_ == nullptr) return;
    path_->resize(path_->size() - std::min(path_->size(), step.size() + 1));
  }

 private:
  std::string* path_;
};

// Texts of the value itself, of a list's items or a dict's members; no deeper.
Status check_expressions(const Value& value) {
  SQ_CHECK(expr::validate_mistral_text(value));
  if (value.is_list()) {
    for (const Value& item : value.as_list()) SQ_CHECK(expr::validate_mistral_text(item));
  } else if (value.is_dict()) {
    for (const auto& [key, member] : value.as_dict()) SQ_CHECK(expr::validate_mistral_text(member));
  }
  return {};
}

Status check_members(const Value& document, std::initializer_list<std::string_view> keys, const Place& place) {
  for (const std::string_view key : keys) {
    if (const Status status = check_expressions(document[key]); !status) {
      place.enter(key);
      return status;
    }
  }
  return {};
}

std::vector<InputSpec> parse_inputs(const Value& written) {
  std::vector<InputSpec> inputs;
  if (!written.is_list()) return inputs;
  for (const Value& item : written.as_list()) {
    if (item.is_dict()) {
      for (const auto& [name, fallback] : item.as_dict()) inputs.push_back({name, false, fallback});
    } else {
      inputs.push_back({python::str(item), true, Value()});
    }
  }
  return inputs;
}

Value or_null(const Value& value) { return value.truthy() ? value : Value(); }

Result<NextStep> parse_step(std::string_view written, const Value& guard) {
  SQ_TRY(InlineCommand command, parse_inline(written));
  NextStep step;
  step.name = std::move(command.command);
  step.parameters = std::move(command.parameters);
  step.guard = guard.string();
  return step;
}

Result<std::vector<NextStep>> parse_next(const Value& written) {
  std::vector<NextStep> steps;
  const auto add = [&](const Value& item) -> Status {
    if (!item.is_dict()) {
      SQ_TRY(NextStep step, parse_step(item.string_or(""), Value()));
      steps.push_back(std::move(step));
      return {};
    }
    for (const auto& [name, guard] : item.as_dict()) {
      SQ_TRY(NextStep step, parse_step(name, guard));
      steps.push_back(std::move(step));
    }
    return {};
  };
  if (!written.truthy()) return steps;
  if (written.is_list()) {
    for (const Value& item : written.as_list()) SQ_CHECK(add(item));
  } else {
    SQ_CHECK(add(written));
  }
  return steps;
}

Result<PublishSpec> parse_publish(const Value& written) {
  SQ_CHECK(check_schema(Schema::kPublish, written));
  if (!written["branch"].truthy() && !written["global"].truthy() && !written["atomic"].truthy()) {
    return invalid("Either 'branch', 'global' or 'atomic' must be specified: " + python::repr(written));
  }
  for (const std::string_view scope : {"branch", "global", "atomic"}) SQ_CHECK(check_expressions(written[scope]));
  return PublishSpec{or_null(written["branch"]), or_null(written["global"])};
}

Result<OnClause> parse_clause(const Value& document, std::string_view key, const Place& place) {
  OnClause clause;
  const Value& written = document[key];
  if (written.is_null()) return clause;
  place.enter(key);
  SQ_CHECK(check_schema(Schema::kOnClause, written));
  const bool advanced = written.is_dict() && (written["publish"].is_dict() || written.contains("next"));
  if (advanced && !written["publish"].is_null()) {
    SQ_TRY(clause.publish, parse_publish(written["publish"]));
  }
  SQ_TRY(clause.next, parse_next(advanced ? written["next"] : written));
  place.leave(key);
  return clause;
}

Status check_guards(const OnClause& clause, std::string_view key, const Place& place) {
  for (const NextStep& step : clause.next) {
    Status status = expr::validate_mistral_text(Value(step.name));
    if (status) status = expr::validate_mistral_text(Value(step.guard));
    if (!status) {
      place.enter(key);
      return status;
    }
  }
  return {};
}

Result<RetrySpec> parse_retry(const Value& written) {
  Value document = written;
  if (written.is_string()) {
    SQ_TRY(InlineCommand command, parse_inline(written.as_string()));
    document = std::move(command.parameters);
  }
  SQ_CHECK(check_schema(Schema::kRetry, document));
  for (const std::string_view key : {"count", "delay", "break-on", "continue-on"}) {
    SQ_CHECK(expr::validate_mistral_text(document[key]));
  }
  return RetrySpec{document["count"], document["delay"], document["break-on"].string(),
                   document["continue-on"].string()};
}

Result<Policies> parse_policies(const Value& document, const Place& place) {
  Value own = Value::empty_dict();
  for (const std::string_view key :
       {"retry", "wait-before", "wait-after", "timeout", "pause-before", "concurrency", "fail-on"}) {
    if (document[key].truthy()) own.set(key, document[key]);
  }
  SQ_CHECK(check_schema(Schema::kPolicies, own, place.path()));
  SQ_CHECK(
      check_members(own, {"wait-before", "wait-after", "timeout", "pause-before", "concurrency", "fail-on"}, place));
  Policies policies;
  policies.pause_before = own["pause-before"];
  policies.wait_before = own["wait-before"];
  policies.wait_after = own["wait-after"];
  policies.fail_on = own["fail-on"];
  policies.timeout = own["timeout"];
  policies.concurrency = own["concurrency"];
  if (own.contains("retry")) {
    place.enter("retry");
    SQ_TRY(policies.retry, parse_retry(own["retry"]));
    place.leave("retry");
  }
  return policies;
}

void fill_in(Policies& own, const Policies& defaults) {
  const auto fill = [](Value& value, const Value& fallback) {
    if (value.is_null()) value = fallback;
  };
  fill(own.pause_before, defaults.pause_before);
  fill(own.wait_before, defaults.wait_before);
  fill(own.wait_after, defaults.wait_after);
  fill(own.fail_on, defaults.fail_on);
  fill(own.timeout, defaults.timeout);
  fill(own.concurrency, defaults.concurrency);
  if (!own.retry) own.retry = defaults.retry;
}

std::vector<std::string> names_of(const Value& written) {
  std::vector<std::string> names;
  if (written.is_string() && !written.empty()) names.push_back(written.string());
  if (written.is_list()) {
    for (const Value& item : written.as_list()) names.push_back(python::str(item));
  }
  return names;
}

struct TaskDefaults {
  Policies policies;
  OnClause on_success, on_error, on_complete, on_skip;
  Value safe_rerun;
  std::vector<std::string> requirements;
};

Result<TaskDefaults> parse_defaults(const Value& document, const Place& place) {
  TaskDefaults defaults;
  if (document.is_null()) return defaults;
  SQ_CHECK(check_schema(Schema::kTaskDefaults, document, place.path()));
  SQ_CHECK(check_members(document, {"safe-rerun"}, place));
  SQ_TRY(defaults.policies, parse_policies(document, place));
  SQ_TRY(defaults.on_complete, parse_clause(document, "on-complete", place));
  SQ_TRY(defaults.on_success, parse_clause(document, "on-success", place));
  SQ_TRY(defaults.on_error, parse_clause(document, "on-error", place));
  SQ_TRY(defaults.on_skip, parse_clause(document, "on-skip", place));
  defaults.safe_rerun = document["safe-rerun"];
  defaults.requirements = names_of(document["requires"]);
  SQ_CHECK(check_guards(defaults.on_complete, "on-complete", place));
  SQ_CHECK(check_guards(defaults.on_success, "on-success", place));
  SQ_CHECK(check_guards(defaults.on_error, "on-error", place));
  SQ_CHECK(check_guards(defaults.on_skip, "on-skip", place));
  return defaults;
}

Status parse_with_items(TaskSpec& task, const Place& place) {
  const Value& written = task.document["with-items"];
  if (written.is_null()) return {};
  static const auto kPattern = Regex::compile(R"(\s*([\w\d_\-]+)\s*in\s*(\[.+\]|{{.*}}|<%.*?%>))");
  place.enter("with-items");
  for (const Value& item : written.is_list() ? written.as_list() : List{written}) {
    SQ_TRY(const auto match, kPattern->match(item.string_or("")));
    if (!match) {
      return invalid(
          "Wrong format of 'with-items' property. Please use format 'var in {[some, list] | <% $.array %> }: " +
          python::repr(task.document));
    }
    const std::string name(match->group(item.as_string(), 1));
    const std::string_view list = match->group(item.as_string(), 2);
    Value values(list);
    SQ_CHECK(expr::validate_mistral_text(values));
    if (list.starts_with('[')) {
      auto json = parse_json(list, JsonDialect::kPython);
      if (!json) {
        return invalid("Invalid array in 'with-items' clause: " + std::string(list) +
                       ", error: " + json.error().message());
      }
      values = *std::move(json);
    }
    task.with_items.emplace_back(name, std::move(values));
  }
  place.leave("with-items");
  return {};
}

Status check_task_texts(const Value& document, const Place& place) {
  const std::string name = document["name"].string();
  if (utf8_length(name) > kTaskNameMax) {
    return invalid("The length of a '" + name + "' task name must not exceed " + std::to_string(kTaskNameMax) +
                   " symbols");
  }
  const Value& command = document["action"].truthy() ? document["action"] : document["workflow"];
  if (command.truthy()) {
    const std::string_view key = document["action"].truthy() ? "action" : "workflow";
    place.enter(key);
    SQ_TRY(const InlineCommand parsed, parse_inline(command.string_or("")));
    SQ_CHECK(check_expressions(parsed.parameters));
    place.leave(key);
  }
  return check_members(document,
                       {"input", "publish", "publish-on-error", "publish-on-skip", "keep-result", "safe-rerun"}, place);
}

Status parse_command(TaskSpec& task) {
  const Value& document = task.document;
  const bool is_action = document["action"].truthy();
  Value parameters = Value::empty_dict();
  if (is_action || document["workflow"].truthy()) {
    SQ_TRY(InlineCommand command, parse_inline(document[is_action ? "action" : "workflow"].string_or("")));
    (is_action ? task.action : task.workflow) = std::move(command.command);
    parameters = std::move(command.parameters);
  } else {
    task.action = "std.noop";
  }
  task.input = document["input"];
  if (!task.input.is_string()) task.input = merged(std::move(parameters), task.input);
  return {};
}

void parse_join(TaskSpec& task) {
  const Value& join = task.document["join"];
  if (!join.truthy()) return;  // "join: 0" is none, too
  if (join.is_string()) {
    task.join = join.as_string() == "all" ? JoinKind::kAll : JoinKind::kCount;
    task.join_count = 1;
  } else {
    task.join = JoinKind::kCount;
    task.join_count = join.int_or(static_cast<int64_t>(join.double_or(1)));
  }
}

Result<TaskSpec> parse_task(const Value& document, bool reverse, const Place& place) {
  TaskSpec task;
  if (!document.is_dict()) {
    return invalid("A specification with polymorphic key must be backed by a dictionary, not " +
                   python::repr(document));
  }
  SQ_CHECK(check_schema(reverse ? Schema::kReverseTask : Schema::kDirectTask, document, place.path()));
  task.document = document;
  task.name = document["name"].string();
  SQ_CHECK(check_task_texts(document, place));
  SQ_CHECK(parse_with_items(task, place));
  task.publish.branch = or_null(document["publish"]);
  task.publish_on_error.branch = or_null(document["publish-on-error"]);
  task.publish_on_skip.branch = or_null(document["publish-on-skip"]);
  SQ_TRY(task.policies, parse_policies(document, place));
  task.target = document["target"];
  task.keep_result = document.contains("keep-result") ? document["keep-result"] : Value(true);
  task.safe_rerun = document["safe-rerun"];
  SQ_CHECK(parse_command(task));
  if (reverse) {
    task.requirements = names_of(document["requires"]);
    return task;
  }
  parse_join(task);
  SQ_TRY(task.on_complete, parse_clause(document, "on-complete", place));
  SQ_TRY(task.on_success, parse_clause(document, "on-success", place));
  SQ_TRY(task.on_error, parse_clause(document, "on-error", place));
  SQ_TRY(task.on_skip, parse_clause(document, "on-skip", place));
  SQ_CHECK(check_guards(task.on_complete, "on-complete", place));
  SQ_CHECK(check_guards(task.on_success, "on-success", place));
  SQ_CHECK(check_guards(task.on_error, "on-error", place));
  SQ_CHECK(check_guards(task.on_skip, "on-skip", place));
  if (task.join != JoinKind::kNone && utf8_length(task.name) > kJoinTaskNameMax) {
    return invalid("The length of a '" + task.name + "' join task name must not exceed " +
                   std::to_string(kJoinTaskNameMax) + " symbols");
  }
  return task;
}

void apply_defaults(TaskSpec& task, const TaskDefaults& defaults) {
  fill_in(task.policies, defaults.policies);
  if (task.safe_rerun.is_null()) task.safe_rerun = defaults.safe_rerun;
  const auto clause = [&](OnClause& own, const OnClause& fallback) {
    if (!own.next.empty()) return;
    for (const NextStep& step : fallback.next) {
      if (step.name != task.name) own.next.push_back(step);
    }
  };
  clause(task.on_success, defaults.on_success);
  clause(task.on_error, defaults.on_error);
  clause(task.on_complete, defaults.on_complete);
  clause(task.on_skip, defaults.on_skip);
  for (const std::string& name : defaults.requirements) {
    if (std::find(task.requirements.begin(), task.requirements.end(), name) == task.requirements.end()) {
      task.requirements.push_back(name);
    }
  }
  std::erase(task.requirements, task.name);
}

bool looks_like_uuid(std::string_view name) {
  std::string digits;
  for (const char c : name) {
    if (c != '-' && c != '{' && c != '}') digits += c;
  }
  return digits.size() == 32 &&
         std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

template <typename Visit>
void for_each_step(const TaskSpec& task, const Visit& visit) {
  for (const OnClause* clause : {&task.on_success, &task.on_error, &task.on_complete, &task.on_skip}) {
    for (const NextStep& step : clause->next) visit(step.name);
  }
}

void link(WorkflowSpec& workflow) {
  for (size_t i = 0; i < workflow.tasks.size(); ++i) workflow.task_index[workflow.tasks[i].name] = i;
  for (size_t i = 0; i < workflow.tasks.size(); ++i) {
    for_each_step(workflow.tasks[i], [&](const std::string& target) {
      auto& sources = workflow.inbound[target];
      if (sources.empty() || sources.back() != i) sources.push_back(i);
    });
  }
}

Status check_direct(const WorkflowSpec& workflow, const Place& place) {
  const bool has_start = std::any_of(workflow.tasks.begin(), workflow.tasks.end(),
                                     [&](const TaskSpec& task) { return workflow.inbound_of(task.name).empty(); });
  if (!has_start) {
    return invalid(
        "Failed to find start tasks in direct workflow. There must be at least one task without inbound "
        "transition.[workflow_name=" +
            workflow.name + "]",
        "DSLParsingException");
  }
  for (const TaskSpec& task : workflow.tasks) {
    std::string unknown;
    for_each_step(task, [&](const std::string& target) {
      if (workflow.find_task(target) == nullptr && !is_engine_command(target)) unknown = target;
    });
    if (unknown.empty()) continue;
    place.enter("tasks." + task.name);
    return invalid("Task '" + unknown + "' not found.");
  }
  std::vector<std::string> faults;
  for (const TaskSpec& task : workflow.tasks) {
    const size_t sources = workflow.inbound_of(task.name).size();
    if (task.join == JoinKind::kAll && sources == 0) {
      faults.push_back("No inbound tasks for task with 'join: all' [task_name=" + task.name + "]");
    } else if (task.join == JoinKind::kCount && static_cast<int64_t>(sources) < task.join_count) {
      faults.push_back("Not enough inbound tasks for task with 'join' [task_name=" + task.name + ", join=" +
                       std::to_string(task.join_count) + ", inbound_tasks=" + std::to_string(sources) + "]");
    }
    if (faults.size() == 1) place.enter("tasks." + task.name);
  }
  if (!faults.empty()) return invalid(join(faults, "\n"));
  return {};
}

Status check_reverse(const WorkflowSpec& workflow, const Place& place) {
  for (const TaskSpec& task : workflow.tasks) {
    for (const std::string& name : task.requirements) {
      if (workflow.find_task(name) != nullptr) continue;
      place.enter("tasks." + task.name);
      return invalid("Task '" + name + "' not found.");
    }
  }
  return {};
}

}  // namespace

Result<WorkflowSpec> parse_workflow(Value document, std::string* at) {
  const Place place(at);
  if (!document.is_dict()) {
    return invalid("A specification with polymorphic key must be backed by a dictionary, not " +
                   python::repr(document));
  }
  const Value type = document.contains("type") ? document["type"] : Value("direct");
  if (type != Value("direct") && type != Value("reverse")) {
    place.enter("type");
    return invalid(
        "Failed to find a specification class to instantiate: the type of a workflow is direct or reverse, "
        "not " +
            python::repr(type) + " [data=" + python::repr(document) + "]",
        "DSLParsingException");
  }
  SQ_CHECK(check_schema(Schema::kWorkflow, document, at));
  SQ_CHECK(check_members(document, {"output", "vars"}, place));

  WorkflowSpec workflow;
  workflow.name = document["name"].string();
  workflow.reverse = type == Value("reverse");
  workflow.inputs = parse_inputs(document["input"]);
  workflow.output = or_null(document["output"]);
  workflow.output_on_error = or_null(document["output-on-error"]);
  workflow.vars = or_null(document["vars"]);
  place.enter("task-defaults");
  SQ_TRY(const TaskDefaults defaults, parse_defaults(document["task-defaults"], place));
  place.leave("task-defaults");

  Value tasks = document["tasks"];
  place.enter("tasks");
  for (auto& [name, written] : document["tasks"].as_dict()) {
    place.enter(name);
    Value task_document = written;
    if (task_document.is_dict()) {
      task_document.set("type", type);
      task_document.set("name", Value(name));
      task_document.set("version", Value("2.0"));
    }
    SQ_TRY(TaskSpec task, parse_task(task_document, workflow.reverse, place));
    apply_defaults(task, defaults);
    tasks.set(name, std::move(task_document));
    workflow.tasks.push_back(std::move(task));
    place.leave(name);
  }
  place.leave("tasks");
  document.set("tasks", std::move(tasks));
  workflow.document = std::move(document);
  link(workflow);

  if (looks_like_uuid(workflow.name)) return invalid("Workflow name cannot be in the format of UUID.");
  SQ_CHECK(workflow.reverse ? check_reverse(workflow, place) : check_direct(workflow, place));
  return workflow;
}

Result<ActionSpec> parse_action(Value document, std::string* at) {
  const Place place(at);
  SQ_CHECK(check_schema(Schema::kAction, document, at));
  ActionSpec action;
  action.name = document["name"].string();
  action.inputs = parse_inputs(document["input"]);
  action.output = document["output"];
  place.enter("base");
  SQ_TRY(InlineCommand base, parse_inline(document["base"].string_or("")));
  SQ_CHECK(check_expressions(base.parameters));
  place.leave("base");
  SQ_CHECK(check_members(document, {"base-input"}, place));
  if (action.output.is_string()) SQ_CHECK(check_members(document, {"output"}, place));
  action.base = std::move(base.command);
  action.base_input = merged(std::move(base.parameters), document["base-input"]);
  return action;
}

}  // namespace squall::workflow::mistral
