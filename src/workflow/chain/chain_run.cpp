#include "base/limits.hpp"
#include "expr/params.hpp"
#include "value/json.hpp"
#include "value/json_form.hpp"
#include "value/python.hpp"
#include "workflow/chain/chain.hpp"

namespace squall::workflow {
namespace {

// Templates look at the JSON text of containers, as StackStorm's messages show it.
std::string template_text(const Value& value) {
  return value.is_list() || value.is_dict() ? to_json(value) : python::str(value);
}

bool is_failure(std::string_view status) { return status == "failed" || status == "abandoned"; }

// What a template made goes into the chain's state, so it has to be something that a record can hold.
Result<Value> render_one(const std::string& key, const Value& value, const expr::Scope& names) {
  SQ_TRY(const Value rendered, expr::render_values(Value::dict({{key, value}}), names));
  return json_form(rendered[key]);
}

Value failed_result(const Error& error) {
  return Value::dict({{"error", error.message()}, {"traceback", error.to_string()}});
}

}  // namespace

ChainRun::ChainRun(const Chain& chain, ChainEnvironment environment)
    : chain_(chain),
      environment_(std::move(environment)),
      vars_(Value::empty_dict()),
      published_(Value::empty_dict()) {}

ChainRun::ChainRun(const Chain& chain, ChainEnvironment environment, const Value& document)
    : ChainRun(chain, std::move(environment)) {
  if (document["vars"].is_dict()) vars_ = document["vars"];
  if (document["published"].is_dict()) published_ = document["published"];
  if (document["tasks"].is_list()) tasks_ = document["tasks"].as_list();
  current_ = document["current"].string();
  last_status_ = document["last_status"].string();
  if (document["answered"].is_dict()) answered_ = document["answered"];
}

Value ChainRun::document() const {
  return Value::dict({{"vars", vars_},
                      {"published", published_},
                      {"tasks", Value(tasks_)},
                      {"current", current_},
                      {"last_status", last_status_},
                      {"answered", answered_}});
}

Value ChainRun::result() const {
  Value result = Value::dict({{"tasks", Value(tasks_)}});
  if (environment_.display_published) result.set("published", published_);
  return result;
}

Value ChainRun::results() const {
  Value results = Value::empty_dict();
  for (const Value& task : tasks_) {
    const std::string name = task["name"].string();
    Value result = task["result"];
    if (answered_.contains(name) && result.is_dict()) result.set("result", task["result"]);
    results.set(name, std::move(result));
  }
  return results;
}

// Later layers win: parameters, results by task name, variables, then the names of the engine (E-3).
expr::Scope ChainRun::scope() const {
  const Value task_results = results();
  expr::Scope scope(environment_.parameters.is_dict() ? environment_.parameters : Value::empty_dict());
  scope.push(task_results);
  scope.push(vars_);
  scope.push(Value::dict({{"__results", task_results},
                          {"system", environment_.st2kv["system"]},
                          {"st2kv", Value::dict({{"system", environment_.st2kv["system"]}})}}));
  return scope;
}

ChainCommand ChainRun::start() {
  expr::Scope parameters(environment_.parameters.is_dict() ? environment_.parameters : Value::empty_dict());
  parameters.push(Value::dict(
      {{"system", environment_.st2kv["system"]}, {"st2kv", Value::dict({{"system", environment_.st2kv["system"]}})}}));
  auto vars = expr::render_values(chain_.vars(), parameters);
  if (vars) vars = json_form(*vars);
  if (!vars) return fail_with_tasks("Failed initializing ``vars`` in chain.", vars.error().message());
  vars_ = std::move(*vars);
  return run_node(chain_.start(), "succeeded");
}

ChainCommand ChainRun::resume() {
  if (tasks_.empty()) return run_node(chain_.start(), "succeeded");
  const ChainNode* node = chain_.find(tasks_.back()["name"].string_or(""));
  if (node == nullptr) return finish(last_status_);
  return go_on(tasks_.back()["state"].string(), *node);
}

Result<Value> ChainRun::render_parameters(const ChainNode& node) const {
  expr::Scope names = scope();
  names.push(
      Value::dict({{"action_context", environment_.action_context}, {"config_context", environment_.config_context}}));
  Value rendered = Value::empty_dict();
  for (const auto& [key, value] : node.parameters.as_dict()) {
    auto one = render_one(key, value, names);
    if (!one) {
      return fail(Error(one.error().code(), "Failed rendering value for action parameter \"" + key + "\" in task \"" +
                                                node.name + "\" (template string=" + template_text(value) +
                                                "): " + one.error().message()));
    }
    rendered.set(key, std::move(*one));
  }
  return rendered;
}

ChainCommand ChainRun::run_node(const ChainNode* node, std::string_view chain_status) {
  if (node == nullptr) return finish(chain_status);
  if (tasks_.size() >= limits::kChainTasksRunMax) {
    return fail_with_tasks("Failed to run task \"" + node->name + "\".",
                           "The chain ran " + std::to_string(limits::kChainTasksRunMax) +
                               " tasks, which is the limit. Look for a loop in on-success and on-failure.");
  }
  const auto schema = environment_.action_parameters(node->ref);
  if (!schema) {
    return fail_with_tasks(
        "Failed to run task \"" + node->name + "\". Action with reference \"" + node->ref + "\" doesn't exist.",
        "Task :: " + node->name + " - Action with ref " + node->ref + " not registered.");
  }
  auto rendered = render_parameters(*node);
  if (!rendered) {
    return fail_with_tasks("Failed to run task \"" + node->name + "\". Parameter rendering failed.",
                           rendered.error().message());
  }
  Value parameters = Value::empty_dict();
  for (const auto& [key, value] : rendered->as_dict()) {
    const Value& type = (*schema)[key]["type"];
    auto cast = type.is_string() ? expr::cast(value, type.as_string()) : Result<Value>(value);
    if (!cast) {
      return fail_whole(Error(ErrorCode::kInvalid, "Failed to cast value \"" + python::str(value) +
                                                       "\" (type: " + std::string(value.type_name()) +
                                                       ") for parameter \"" + key + "\" of type \"" + type.string() +
                                                       "\": " + cast.error().message() +
                                                       ". Perhaps the value is of an invalid type?"));
    }
    parameters.set(key, std::move(*cast));
  }
  current_ = node->name;
  return {RunTask{node, std::move(parameters)}, std::nullopt};
}

Status ChainRun::publish(const ChainNode& node) {
  const expr::Scope names = scope();
  Value rendered = Value::empty_dict();
  for (const auto& [key, value] : node.publish.as_dict()) {
    auto one = render_one(key, value, names);
    if (!one) {
      return fail(ErrorCode::kInvalid, "Failed rendering value for publish parameter \"" + key + "\" in task \"" +
                                           node.name + "\" (template string=" + template_text(value) +
                                           "): " + one.error().message());
    }
    rendered.set(key, std::move(*one));
  }
  for (const auto& [key, value] : rendered.as_dict()) {
    vars_.set(key, value);
    published_.set(key, value);
  }
  return {};
}

ChainCommand ChainRun::on_task_end(const TaskEnd& end) {
  const ChainNode* node = chain_.find(current_);
  if (node == nullptr)
    return fail_whole(Error(ErrorCode::kInternal, "the chain has no node \"" + current_ + "\" any more"));
  record(*node, end);
  current_.clear();
  if (!end.execution_id.empty()) {
    // Nothing of the tasks is shown when publishing fails, as in StackStorm.
    if (auto published = publish(*node); !published) return fail_whole(published.error());
  }
  return go_on(end.status, *node);
}

void ChainRun::on_task_halted(const TaskEnd& end) {
  const ChainNode* node = chain_.find(current_);
  if (node == nullptr) return;
  record(*node, end);
  current_.clear();
}

void ChainRun::on_task_resumed() {
  if (tasks_.empty()) return;
  current_ = tasks_.back()["name"].string();
  tasks_.pop_back();
}

ChainCommand ChainRun::on_task_answered(const TaskEnd& end) {
  const bool asked = !tasks_.empty() && tasks_.back()["state"].string_or("") == "pending";
  on_task_resumed();
  if (asked) answered_.set(current_, true);
  return on_task_end(end);
}

void ChainRun::record(const ChainNode& node, const TaskEnd& end) {
  const bool started = !end.execution_id.empty();
  tasks_.push_back(Value::dict({{"id", node.name},
                                {"name", node.name},
                                {"execution_id", started ? Value(end.execution_id) : Value()},
                                {"liveaction_id", started ? end.liveaction_id : std::string("None")},
                                {"workflow", Value()},
                                {"created_at", end.created_at},
                                {"updated_at", end.updated_at},
                                {"state", end.status},
                                {"result", end.result}}));
}

ChainCommand ChainRun::go_on(const std::string& task_status, const ChainNode& node) {
  if (task_status == "canceled") return finish("canceled");
  if (task_status == "paused" || task_status == "pending") return finish("paused");
  const bool failed = is_failure(task_status) || task_status == "timeout";
  const std::string chain_status = task_status == "timeout" ? "timeout" : failed ? "failed" : "succeeded";
  const std::string& target = failed ? node.on_failure : node.on_success;
  const ChainNode* next = chain_.find(target);
  last_status_ = chain_status;
  if (next == nullptr && !target.empty()) {
    return fail_with_tasks("Failed to get next node \"" + node.name + "\".",
                           "Unable to find node with name \"" + target + "\".");
  }
  return run_node(next, chain_status);
}

ChainCommand ChainRun::finish(std::string_view status) {
  return {std::nullopt, FinishChain{std::string(status), result()}};
}

ChainCommand ChainRun::fail_whole(const Error& error) const {
  return {std::nullopt, FinishChain{"failed", failed_result(error)}};
}

ChainCommand ChainRun::fail_with_tasks(std::string_view message, const std::string& reason) {
  Value shown = result();
  const std::string error = std::string(message) + ". " + reason;
  shown.set("error", error);
  shown.set("traceback", error);
  return {std::nullopt, FinishChain{"failed", std::move(shown)}};
}

}  // namespace squall::workflow
