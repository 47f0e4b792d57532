#include "workflow/orquesta/model.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "value/yaml.hpp"
#include "workflow/orquesta/inline_params.hpp"

namespace squall::workflow::orquesta {

namespace {

// What Python would raise while Orquesta builds the object at `path`.
tl::unexpected<Error> refuse(std::string_view type, const std::string& message, std::string_view path) {
  Error error(ErrorCode::kInvalid, message + (path.empty() ? "" : " (at " + std::string(path) + ")"));
  return fail(error.with_type(std::string(type)));
}

tl::unexpected<Error> not_a_mapping(std::string_view path) {
  return refuse("ValueError", "The spec is not type of json or yaml.", path);
}

// An object of the document: a dict that is not empty.
Status need_mapping(const Value& value, std::string_view path) {
  if (!value.truthy()) return refuse("ValueError", "The spec cannot be type of None.", path);
  if (!value.is_dict()) return not_a_mapping(path);
  return {};
}

bool is_word(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c >= 0x80 || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

// First member of each dict in a list, which inspection will have made sure is the only one.
std::vector<std::pair<std::string, Value>> pairs_of(const Value& list) {
  std::vector<std::pair<std::string, Value>> pairs;
  if (!list.is_list()) return pairs;
  for (const Value& item : list.as_list()) {
    if (!item.is_dict() || item.empty()) continue;
    const Dict::Entry& first = *item.as_dict().begin();
    pairs.emplace_back(first.key, first.value);
  }
  return pairs;
}

std::vector<NamedValue> named_values(const Value& list) {
  std::vector<NamedValue> named;
  if (!list.is_list()) return named;
  for (const Value& item : list.as_list()) {
    if (item.is_string()) named.push_back({item.string(), Value()});
    if (!item.is_dict() || item.empty()) continue;
    const Dict::Entry& first = *item.as_dict().begin();
    named.push_back({first.key, first.value});
  }
  return named;
}

Value one_key_dicts(const std::vector<std::pair<std::string, Value>>& pairs) {
  List list;
  for (const auto& [name, value] : pairs) list.push_back(Value::dict({{name, value}}));
  return Value(std::move(list));
}

std::vector<std::string> target_names(const Value& targets) {
  std::vector<std::string> names;
  if (targets.is_string()) {
    for (const std::string& name : split(targets.as_string(), ',')) names.emplace_back(trim(name));
  } else if (targets.is_list()) {
    for (const Value& name : targets.as_list()) {
      if (name.is_string()) names.push_back(name.string());
    }
  }
  return names;
}

Result<Transition> parse_transition(const Value& document, const std::string& path) {
  SQ_CHECK(need_mapping(document, path));
  Transition transition;
  transition.document = document;
  transition.when = document["when"].truthy() ? document["when"] : Value();
  const Value& publish = document["publish"];
  if (publish.is_string() && !publish.empty()) {
    transition.publish = parse_inline_params(publish.as_string());
    transition.document.set("publish", one_key_dicts(transition.publish));
  } else {
    transition.publish = pairs_of(publish);
  }
  if (!document["do"].truthy()) transition.document.set("do", "continue");
  transition.targets = target_names(transition.document["do"]);
  return transition;
}

// "x, y in <% ctx(z) %>": split at the first " in ", wherever it stands.
WithItems parse_items(const Value& document) {
  WithItems items;
  items.concurrency = document["concurrency"];
  const std::string text = document["items"].string();
  const size_t in = text.find(" in ");
  if (in == std::string::npos) {
    items.expression = trim(text);
    return items;
  }
  items.expression = trim(std::string_view(text).substr(in + 4));
  items.keys = split(replace_all(text.substr(0, in), " ", ""), ',');
  return items;
}

Status parse_next(const Value& next, const std::string& path, TaskSpec& task) {
  if (!next.truthy()) return {};
  if (next.is_dict()) return refuse("ValueError", "The spec is not type of list.", path);
  if (!next.is_list()) return not_a_mapping(path);
  for (size_t i = 0; i < next.size(); ++i) {
    SQ_TRY(Transition transition, parse_transition(next[i], path + "[" + std::to_string(i) + "]"));
    task.next.push_back(std::move(transition));
  }
  return {};
}

// "core.echo message=1": the text up to the first blank is the action, and what `input` says is lost.
Status parse_action(TaskSpec& task, const std::string& path) {
  task.action = task.document["action"];
  task.input = task.document["input"];
  if (!task.action.is_string()) return {};
  const auto parameters = parse_inline_params(task.action.as_string());
  if (parameters.empty()) return {};
  const std::string text = task.action.string();
  const size_t blank = text.find(' ');
  if (blank == std::string::npos) return refuse("ValueError", "substring not found", path + ".action");
  task.action = text.substr(0, blank);
  task.input = Value::empty_dict();
  for (const auto& [name, value] : parameters) task.input.set(name, value);
  task.document.set("action", task.action);
  task.document.set("input", task.input);
  return {};
}

Result<TaskSpec> parse_task(const std::string& name, const Value& document, const std::string& path) {
  SQ_CHECK(need_mapping(document, path));
  TaskSpec task;
  task.name = name;
  task.document = document;
  task.delay = document["delay"];
  task.join = document["join"];
  const Value& with = document["with"];
  if (!with.is_null()) {
    if (with.truthy() && !with.is_dict()) return not_a_mapping(path + ".with");
    task.items = parse_items(with);
  }
  if (const Value& retry = document["retry"]; retry.truthy()) {
    if (!retry.is_dict()) return not_a_mapping(path + ".retry");
    task.retry = RetrySpec{retry["when"], retry["count"], retry["delay"]};
  }
  SQ_CHECK(parse_action(task, path));
  SQ_CHECK(parse_next(document["next"], path + ".next", task));
  return task;
}

// The short form `with: <text>` becomes `with: {items: <text>}`.
Value with_items_written_out(const Value& document) {
  const Value& tasks = document["tasks"];
  if (!tasks.is_dict()) return document;
  Value copy;  // made when the first task needs it
  for (const auto& [name, task] : tasks.as_dict()) {
    if (!task["with"].is_string()) continue;
    if (copy.is_null()) copy = tasks;
    Value written = task;
    written.set("with", Value::dict({{"items", task["with"]}}));
    copy.set(name, std::move(written));
  }
  if (copy.is_null()) return document;
  Value out = document;
  out.set("tasks", std::move(copy));
  return out;
}

}  // namespace

bool is_engine_command(std::string_view name) { return name == "continue" || name == "noop" || name == "fail"; }
bool is_reserved(std::string_view name) { return is_engine_command(name) || name == "retry"; }

Result<WorkflowSpec> WorkflowSpec::parse(std::string_view text, std::string_view file) {
  YamlOptions options;
  options.file = file;
  options.unique_keys = true;
  SQ_TRY(const Value document, parse_yaml(text, options));
  return from_document(document);
}

Result<WorkflowSpec> WorkflowSpec::from_document(const Value& document) {
  SQ_CHECK(need_mapping(document, ""));
  WorkflowSpec spec;
  spec.document_ = with_items_written_out(document);
  spec.input_ = named_values(document["input"]);
  spec.vars_ = named_values(document["vars"]);
  spec.output_ = named_values(document["output"]);
  const Value& tasks = spec.document_["tasks"];
  if (!tasks.truthy()) return spec;
  if (!tasks.is_dict()) return not_a_mapping("tasks");
  for (const auto& [name, task] : tasks.as_dict()) {
    const std::string path = "tasks." + name;
    if (!is_word(name)) {
      return refuse("ValueError",
                    "The task name \"" + name + "\" is not valid: it may have letters, digits and underscores only.",
                    path);
    }
    SQ_TRY(TaskSpec made, parse_task(name, task, path));
    spec.index_.emplace(name, spec.tasks_.size());
    spec.tasks_.push_back(std::move(made));
  }
  return spec;
}

std::optional<size_t> WorkflowSpec::index_of(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  return found == index_.end() ? std::nullopt : std::optional(found->second);
}

const TaskSpec* WorkflowSpec::find(std::string_view name) const {
  const auto index = index_of(name);
  return index ? &tasks_[*index] : nullptr;
}

}  // namespace squall::workflow::orquesta
