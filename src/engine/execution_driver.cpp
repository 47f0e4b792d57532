#include "engine/execution_driver.hpp"

#include <unistd.h>

#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "engine/execution_live.hpp"
#include "engine/key_values.hpp"
#include "engine/traces.hpp"
#include "expr/params.hpp"
#include "packs/config.hpp"
#include "value/json_form.hpp"
#include "value/python.hpp"
#include "value/schema.hpp"

namespace squall::engine {
namespace {

namespace status = model::status;
using store::Collection;

// Names of immutable parameters that the caller gave, in Python's list form.
std::string overridden_immutables(const Value& given, const Value& schemas) {
  std::string names;
  for (const auto& [name, value] : given.as_dict()) {
    if (!schemas[name]["immutable"].bool_or(false)) continue;
    names += (names.empty() ? "" : ", ") + python::repr(Value(name));
  }
  return names;
}

}  // namespace

ExecutionDriver::ExecutionDriver(Dependencies dependencies, DriverOptions options)
    : deps_(dependencies), options_(std::move(options)) {}

ExecutionDriver::~ExecutionDriver() = default;

const Value* ExecutionDriver::live(std::string_view id) {
  if (live_.find(id) == live_.end()) read_back_all();
  const auto found = live_.find(id);
  return found == live_.end() ? nullptr : &found->second->document;
}

std::vector<std::string> ExecutionDriver::find_live(const std::function<bool(const Value&)>& predicate) {
  read_back_all();
  std::vector<std::string> ids;
  for (const auto& [id, execution] : live_) {
    if (predicate(execution->document)) ids.push_back(id);
  }
  return ids;
}

bool ExecutionDriver::at_work(std::string_view id) {
  read_back_all();
  const auto found = live_.find(id);
  if (found == live_.end()) return false;
  const Live& execution = *found->second;
  if (execution.dispatched || (!execution.child.empty() && at_work(execution.child))) return true;
  return std::any_of(execution.actions.begin(), execution.actions.end(),
                     [this](const auto& action) { return at_work(action.second); });
}

Result<Value> ExecutionDriver::config_of(const std::string& pack, const std::string& user) {
  const Value* schema = deps_.catalog.find(Collection::kConfigSchemas, pack);
  const Value* config = deps_.catalog.find(Collection::kConfigs, pack);
  packs::DecryptText decrypt;
  if (const crypto::SymmetricKey* key = deps_.datastore_key)
    decrypt = [key](std::string_view stored) { return decrypt_kv(*key, Value(stored)); };
  return packs::resolve_config(pack, schema != nullptr ? (*schema)["attributes"] : Value(),
                               config != nullptr ? (*config)["values"] : Value(), make_st2kv(deps_.store, user),
                               decrypt);
}

Result<Value> ExecutionDriver::check_and_render(const ExecutionRequest& request, const Value& action,
                                                const Value& runner, const Value& context, bool& rendering_failed) {
  Value parameters = request.parameters.is_dict() ? request.parameters : Value::empty_dict();
  if (request.render) {
    expr::ParamInputs inputs;
    inputs.runner_parameters = runner["runner_parameters"];
    inputs.action_parameters = action["parameters"];
    inputs.params = parameters;
    inputs.action_context = context;
    SQ_TRY(inputs.config_context, config_of(action["pack"].string(), context["user"].string()));
    inputs.st2kv = make_st2kv(deps_.store, context["user"].string());
    if (!request.trigger_payload.is_null()) inputs.extra = Value::dict({{"trigger", request.trigger_payload}});
    auto rendered = expr::render_live_params(inputs);
    if (!rendered) {
      rendering_failed = true;
      return fail(rendered.error());
    }
    parameters = std::move(*rendered);
  }
  // Before anything is recorded: a template may have made what no record can hold, e.g. {{ 2 ** 100 }}.
  auto form = json_form(parameters);
  if (!form) return fail(form.error().with_context("The parameters cannot be recorded"));
  parameters = std::move(*form);
  const Value schemas = merge_parameter_schemas(runner["runner_parameters"], action["parameters"]);
  const Value checked = schema::with_defaults(parameters, schemas);
  const auto violations = schema::check(checked, schema::object_schema(schemas));
  if (!violations.empty()) {
    const schema::Violation& violation = schema::best_match(violations);
    return fail(ErrorCode::kInvalid, request.full_schema_errors ? violation.text() : violation.message);
  }
  const std::string immutable =
      overridden_immutables(request.parameters.is_dict() ? request.parameters : parameters, schemas);
  if (!immutable.empty()) {
    return fail(ErrorCode::kInvalid, "Override of immutable parameter(s) [" + immutable + "] is unsupported.");
  }
  return parameters;
}

Value ExecutionDriver::build_document(const ExecutionRequest& request, const Value& action, const Value& runner,
                                      const Value& parameters) {
  const Timestamp now = deps_.clock.now();
  const std::string id = new_object_id(deps_.clock);
  const Value schemas = merge_parameter_schemas(runner["runner_parameters"], action["parameters"]);
  const Value masked = schema::mask(parameters, schemas);
  Value document = request.embedded.is_dict() ? request.embedded : Value::empty_dict();
  document.set("action", action);
  document.set("runner", runner);
  document.set("liveaction",
               Value::dict({{"action", request.action},
                            {"action_is_workflow", model::is_workflow_runner(runner["name"].string_or(""))},
                            {"parameters", masked},
                            {"callback", Value::empty_dict()},
                            {"runner_info", Value::empty_dict()},
                            {"id", new_object_id(deps_.clock)}}));
  const Value& notify = request.notify.truthy() ? request.notify : action["notify"];
  if (notify.truthy()) document.mut_dict()["liveaction"].set("notify", notify);
  document.set("start_timestamp", format_timestamp(now));
  document.set("parameters", masked);
  Value context = request.context.is_dict() ? request.context : Value::empty_dict();
  context.set("user", request.user.empty() ? options_.user : request.user);
  context.set("pack", action["pack"]);
  document.set("context", context);
  document.set("web_url", options_.web_url + "/#/history/" + id + "/general");
  document.set("id", id);
  if (request.delay_ms > 0) document.set("delay", request.delay_ms);
  model::set_status(document, status::kRequested, now);
  const Value sealed = sealed_or_null(parameters, masked);
  if (!sealed.is_null()) model::set_private_state(document, "sealed_parameters", sealed);
  return document;
}

std::string ExecutionDriver::trace_of(const ExecutionRequest& request, const Value& document, Changes& changes) {
  const Value& given = request.context["trace_context"];
  if (given["id_"].truthy()) return given["id_"].string();
  if (request.embedded[model::kTrace].is_string()) return request.embedded[model::kTrace].string();
  if (const auto parent = live_.find(document["parent"].string_or("")); parent != live_.end())
    return parent->second->document[model::kTrace].string();
  const std::string tag =
      given["trace_tag"].truthy() ? given["trace_tag"].string() : "execution-" + document["liveaction"]["id"].string();
  return begin_trace(deps_.clock, tag, changes);
}

Value ExecutionDriver::sealed_or_null(const Value& parameters, const Value& masked) const {
  return parameters == masked ? Value() : Value(deps_.sealer.seal(parameters));
}

ExecutionDriver::Live& ExecutionDriver::add_live(Value document, Value parameters) {
  auto live = std::make_unique<Live>();
  live->id = document["id"].string();
  live->document = std::move(document);
  live->parameters = std::move(parameters);
  Live& reference = *live;
  live_[live->id] = std::move(live);
  return reference;
}

// Adds an execution that is allowed to run; it still has to be launched. `rendering_failed` tells errors of parameters
// that could not be rendered from all others.
Result<ExecutionDriver::Live*> ExecutionDriver::admit(const ExecutionRequest& request, bool& rendering_failed,
                                                      Changes& changes) {
  const Value* action = deps_.catalog.action(request.action);
  if (action == nullptr) return fail(ErrorCode::kInvalid, "Action \"" + request.action + "\" cannot be found.");
  const Value* runner = deps_.catalog.runner_type((*action)["runner_type"].string_or(""));
  if (runner == nullptr) {
    return fail(ErrorCode::kInvalid, "Action \"" + request.action + "\" needs the runner \"" +
                                         (*action)["runner_type"].string() + "\", which squall does not have.");
  }
  if (!(*action)["enabled"].bool_or(true)) {
    return fail(ErrorCode::kInvalid, "Unable to execute. Action \"" + request.action + "\" is disabled.");
  }
  Value context = request.context.is_dict() ? request.context : Value::empty_dict();
  context.set("user", request.user.empty() ? options_.user : request.user);
  SQ_TRY(Value parameters, check_and_render(request, *action, *runner, context, rendering_failed));
  Value document = build_document(request, *action, *runner, parameters);
  document.set(model::kTrace, trace_of(request, document, changes));
  return &add_live(std::move(document), std::move(parameters));
}

// Starts an admitted execution, or lets it wait for its time.
void ExecutionDriver::launch(Live& execution, int64_t delay_ms, Changes& changes) {
  if (delay_ms <= 0) return activate(execution, changes);
  const Timestamp due = deps_.clock.now() + std::chrono::milliseconds(delay_ms);
  model::set_status(execution.document, status::kDelayed, deps_.clock.now());
  changes.put(Collection::kWakeups, execution.id,
              Value::dict({{"execution", execution.id}, {"due", format_timestamp(due)}}));
  changes.after_commit([this, id = execution.id, due] { arm(id, due); });
  save(execution, changes);
}

Result<Value> ExecutionDriver::request(ExecutionRequest request, Changes& changes) {
  bool rendering_failed = false;
  auto admitted = admit(request, rendering_failed, changes);
  if (!admitted) {
    if (rendering_failed) {
      // StackStorm keeps the attempt as a failed execution. Its parameters are the unrendered ones.
      const Value* action = deps_.catalog.action(request.action);
      const Value* runner = deps_.catalog.runner_type((*action)["runner_type"].string_or(""));
      Value attempt = build_document(request, *action, *runner,
                                     request.parameters.is_dict() ? request.parameters : Value::empty_dict());
      attempt.set(model::kTrace, trace_of(request, attempt, changes));
      const Value document =
          finished_document(attempt, status::kFailed, error_result(admitted.error().message()), deps_.clock.now());
      changes.put(Collection::kExecutions, document["id"].string(), document);
    }
    return fail(admitted.error());
  }
  Value document = (*admitted)->document;
  launch(**admitted, request.delay_ms, changes);
  return document;
}

// Takes an execution from requested to running, or leaves it waiting: for its policies, or for a slot.
void ExecutionDriver::activate(Live& execution, Changes& changes) {
  if (!pass_policies(execution, changes)) return;
  const std::string runner_name = execution.runner_name();
  execution.runner = execution.is_workflow() ? nullptr : deps_.runners.find(runner_name);
  if (!execution.is_workflow() && execution.runner == nullptr) {
    finish(execution, status::kFailed,
           error_result("squall cannot run actions of runner type \"" + runner_name + "\"."), changes);
    return;
  }
  if (execution.runner != nullptr && execution.runner->uses_process()) {
    if (running_processes_ >= options_.running_processes_max) {
      waiting_.push_back(execution.id);
      save(execution, changes);
      return;
    }
    ++running_processes_;
    execution.holds_process_slot = true;
  }
  const Timestamp now = deps_.clock.now();
  model::set_status(execution.document, status::kScheduled, now);
  model::set_status(execution.document, status::kRunning, now);
  execution.document.mut_dict()["liveaction"].set(
      "runner_info", Value::dict({{"hostname", options_.hostname}, {"pid", static_cast<int>(getpid())}}));
  if (execution.is_flow()) {
    begin_flow(execution, changes);
  } else if (execution.is_chain()) {
    begin_chain(execution, changes);
  } else {
    begin_action(execution, changes);
  }
}

// Renders the final parameters. They are not stored: after a restart they are rendered anew.
Status ExecutionDriver::prepare(Live& execution) {
  expr::ParamInputs inputs;
  inputs.runner_parameters = execution.document["runner"]["runner_parameters"];
  inputs.action_parameters = execution.document["action"]["parameters"];
  inputs.params = execution.parameters;
  inputs.action_context = execution.document["context"];
  const std::string user = execution.document["context"]["user"].string();
  SQ_TRY(inputs.config_context, config_of(execution.document["action"]["pack"].string(), user));
  inputs.st2kv = make_st2kv(deps_.store, user);
  SQ_TRY(expr::FinalParams final, expr::render_final_params(inputs));
  execution.runner_parameters = std::move(final.runner);
  execution.action_parameters = std::move(final.action);
  return {};
}

void ExecutionDriver::begin_action(Live& execution, Changes& changes) {
  if (auto prepared = prepare(execution); !prepared) {
    finish(execution, status::kFailed, error_result(prepared.error().to_string()), changes);
    return;
  }
  if (save(execution, changes)) changes.after_commit([this, id = execution.id] { dispatch(id); });
}

runners::ActionRequest ExecutionDriver::action_request(const Live& execution) {
  const Value& document = execution.document;
  runners::ActionRequest request;
  request.execution_id = execution.id;
  request.liveaction_id = document["liveaction"]["id"].string();
  request.action_ref = document["action"]["ref"].string();
  request.pack = document["action"]["pack"].string();
  const Value* action = deps_.catalog.action(request.action_ref);
  request.pack_path = deps_.catalog.pack_path(action != nullptr ? *action : document["action"]);
  request.entry_point = document["action"]["entry_point"].string();
  request.runner_parameters = execution.runner_parameters;
  request.action_parameters = execution.action_parameters;
  request.parameter_schema = document["action"]["parameters"];
  request.context = document["context"];
  request.user = document["context"]["user"].string();
  request.api_url = options_.api_url;
  if (options_.auth_token) request.auth_token = options_.auth_token(execution.id);
  request.wait_state = execution.wait_state;
  if (auto config = config_of(request.pack, request.user)) request.config = std::move(*config);
  if (auto config = config_of("vault", request.user)) request.vault_config = std::move(*config);
  if (execution.runner != nullptr) {
    for (const std::string& service : execution.runner->configs_needed(request.entry_point)) {
      if (auto config = config_of(service, request.user)) request.service_configs.set(service, std::move(*config));
    }
  }
  return request;
}

void ExecutionDriver::dispatch(const std::string& id) {
  const auto found = live_.find(id);
  if (found == live_.end() || stopping_) return;
  Live& execution = *found->second;
  if (model::is_final(execution.status()) || execution.dispatched) return;
  execution.dispatched = true;
  SQ_CRASH_POINT("engine.dispatch");
  runners::RunHandlers handlers;
  handlers.on_done = [this, id](runners::ActionOutcome outcome) { on_outcome(id, std::move(outcome)); };
  handlers.on_output = [this, id](runners::OutputKind kind, std::string_view chunk) {
    const auto running = live_.find(id);
    if (running == live_.end() || !output_observer_) return;
    output_observer_(running->second->document, kind == runners::OutputKind::kStdout ? "stdout" : "stderr", chunk);
  };
  execution.runner->start(action_request(execution), execution.stop.token(), std::move(handlers));
}

void ExecutionDriver::on_outcome(const std::string& id, runners::ActionOutcome outcome) {
  const auto found = live_.find(id);
  // Finished meanwhile, e.g. canceled: the late result does not count (F-6).
  if (found == live_.end() || stopping_) return;
  SQ_CRASH_POINT("engine.outcome");
  Live& execution = *found->second;
  execution.dispatched = false;
  Changes changes;
  if (outcome.wait != nullptr && execution.status() == status::kRunning) {
    on_wait(execution, *outcome.wait, std::move(outcome.result), changes);
  } else if (outcome.status == status::kPending && execution.status() == status::kRunning) {
    set_pending(execution, std::move(outcome.result), changes);
  } else {
    const std::string_view end = model::is_final(outcome.status) ? std::string_view(outcome.status) : status::kFailed;
    finish(execution, execution.status() == status::kCanceling ? status::kCanceled : end, std::move(outcome.result),
           changes);
  }
  deps_.committer.commit(std::move(changes));
}

void ExecutionDriver::on_wait(Live& execution, const runners::Wait& wait, Value shown, Changes& changes) {
  const Timestamp due = deps_.clock.now() + wait.delay;
  auto state = json_form(wait.state);
  if (!state) {
    finish(execution, status::kFailed,
           error_result("The state that the action waits with cannot be recorded: " + state.error().message()),
           changes);
    return;
  }
  execution.wait_state = std::move(*state);
  model::set_private_state(execution.document, "wait_state", execution.wait_state);
  // What it waits for, for whoever looks; the real result replaces it.
  if (auto form = json_form(shown); form && !form->is_null()) execution.document.set("result", std::move(*form));
  changes.put(Collection::kWakeups, execution.id,
              Value::dict({{"execution", execution.id}, {"due", format_timestamp(due)}}));
  if (save(execution, changes)) changes.after_commit([this, id = execution.id, due] { arm(id, due); });
}

void ExecutionDriver::arm(const std::string& id, Timestamp due) {
  const auto found = live_.find(id);
  if (found == live_.end()) return;
  const Duration delay = std::max(Duration::zero(), due - deps_.clock.now());
  found->second->timer = deps_.executor.post_after(delay, [this, id] { on_due(id); });
}

void ExecutionDriver::on_due(const std::string& id) {
  const auto found = live_.find(id);
  if (found == live_.end() || stopping_) return;
  SQ_CRASH_POINT("engine.wakeup");
  Live& execution = *found->second;
  execution.timer = 0;
  if (execution.status() == status::kRunning) {
    // "running" and what it waited for are durable already, so the next attempt needs no commit of its own.
    dispatch(id);
  } else if (execution.status() == status::kDelayed) {
    Changes changes;
    changes.erase(Collection::kWakeups, id);
    activate(execution, changes);
    deps_.committer.commit(std::move(changes));
  }
}

void ExecutionDriver::stop() {
  stopping_ = true;
  for (auto& [id, execution] : live_) execution->stop.stop();
}

}  // namespace squall::engine
