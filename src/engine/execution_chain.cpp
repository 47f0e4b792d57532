// The chain half of ExecutionDriver: feeds a ChainRun and carries out what it decides.
#include <filesystem>

#include "base/limits.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "engine/execution_live.hpp"
#include "engine/key_values.hpp"
#include "engine/notifications.hpp"
#include "expr/params.hpp"

namespace squall::engine {
namespace {

namespace status = model::status;

Value null_if_empty(const Value& value) { return value.truthy() ? value : Value(); }

// The node as StackStorm records it in the child's context: attribute names with underscores, absent ones as null.
Value node_context(const workflow::ChainNode& node) {
  return Value::dict({{"name", node.name},
                      {"ref", node.ref},
                      {"params", null_if_empty(node.document["params"])},
                      {"parameters", null_if_empty(node.document["parameters"])},
                      {"on_success", null_if_empty(node.document["on-success"])},
                      {"on_failure", null_if_empty(node.document["on-failure"])},
                      {"publish", null_if_empty(node.document["publish"])},
                      {"notify", null_if_empty(node.document["notify"])}});
}

}  // namespace

// Reads the chain's file and sets up its run, from the saved state if there is one.
Status ExecutionDriver::load_chain(Live& execution) {
  const Value& document = execution.document;
  const std::string pack = document["action"]["pack"].string();
  const Value* pack_document = deps_.catalog.find(store::Collection::kPacks, pack);
  const std::string entry_point = document["action"]["entry_point"].string();
  if (pack_document == nullptr) return fail(ErrorCode::kInvalid, "the pack \"" + pack + "\" is not registered");
  const Value* action = deps_.catalog.action(document["action"]["ref"].string_or(""));
  const std::string file =
      deps_.catalog.pack_path(action != nullptr ? *action : document["action"]) + "/actions/" + entry_point;
  if (const std::string extension = std::filesystem::path(file).extension();
      extension != ".yaml" && extension != ".yml") {
    return fail(ErrorCode::kInvalid, "Failed to parse action chain definition from \"" + file +
                                         "\": Unsupported meta type " + extension + ", file " + file +
                                         ". Allowed: ['.yaml', '.yml']");
  }
  SQ_TRY(const std::string text, read_file(file));
  SQ_TRY(workflow::Chain chain, workflow::Chain::parse(text, document["action"]["name"].string_or(""), file));
  const std::string user = document["context"]["user"].string();

  expr::ParamInputs inputs;
  inputs.runner_parameters = document["runner"]["runner_parameters"];
  inputs.action_parameters = document["action"]["parameters"];
  inputs.params = execution.parameters;
  inputs.action_context = document["context"];
  SQ_TRY(inputs.config_context, config_of(pack, user));
  inputs.st2kv = make_st2kv(deps_.store, user);
  SQ_TRY(expr::FinalParams final, expr::render_final_params(inputs));

  workflow::ChainEnvironment environment;
  environment.parameters = std::move(final.action);
  environment.action_context = Value::dict({{"parent", parent_context(execution.id, document["context"])}});
  environment.config_context = inputs.config_context;
  environment.st2kv = inputs.st2kv;
  execution.skip_notify = final.runner["skip_notify"];
  environment.display_published = final.runner["display_published"].bool_or(true);
  environment.action_parameters = [this](std::string_view ref) { return deps_.catalog.merged_parameters(ref); };

  execution.chain = std::make_unique<workflow::Chain>(std::move(chain));
  const Value& saved = model::private_state(document, "chain");
  execution.child = model::private_state(document, "child").string();
  execution.run = saved.is_null()
                      ? std::make_unique<workflow::ChainRun>(*execution.chain, std::move(environment))
                      : std::make_unique<workflow::ChainRun>(*execution.chain, std::move(environment), saved);
  return {};
}

// False when the execution is nested too deep: it has failed then, and is gone.
bool ExecutionDriver::fits_depth(Live& execution, const char* kind, Changes& changes) {
  if (nesting_of(execution.document["context"]) <= limits::kWorkflowDepthMax) return true;
  finish(execution, status::kFailed,
         error_result(std::string(kind) + " are nested more than " + std::to_string(limits::kWorkflowDepthMax) +
                      " deep: does one call itself?"),
         changes);
  return false;
}

void ExecutionDriver::begin_chain(Live& execution, Changes& changes) {
  if (!fits_depth(execution, "Chains", changes)) return;
  if (auto loaded = load_chain(execution); !loaded) {
    finish(execution, status::kFailed, error_result(loaded.error().message()), changes);
    return;
  }
  apply(execution, execution.run->start(), changes);
}

// Carries out commands until the chain waits for a task or is over. `execution` may be gone afterwards.
void ExecutionDriver::apply(Live& execution, workflow::ChainCommand command, Changes& changes) {
  while (command.run) {
    if (execution.status() == status::kCanceling) {
      finish_canceled(execution, changes);
      return;
    }
    if (execution.status() == status::kPausing) {
      execution.child.clear();
      set_paused(execution, execution.run->result(), changes);
      return;
    }
    const auto not_started = start_task(execution, *command.run, changes);
    if (!not_started) return;
    command = execution.run->on_task_end(*not_started);
  }
  if (command.finish->status == status::kPaused) {
    set_paused(execution, command.finish->result, changes);
    return;
  }
  if (execution.status() == status::kCanceling) {
    finish_canceled(execution, changes);
  } else {
    finish(execution, command.finish->status, command.finish->result, changes);
  }
}

// A chain above that waits for this one is paused with it.
void ExecutionDriver::set_paused(Live& execution, Value result, Changes& changes) {
  model::set_status(execution.document, status::kPaused, deps_.clock.now());
  execution.document.set("result", std::move(result));
  const Value document = execution.document;
  const std::string action = execution.action_ref();
  if (!save(execution, changes)) return;
  tell_parent(document, changes);
  release(action, changes);
}

// "resuming", then "running".
void ExecutionDriver::set_resumed(Live& execution) {
  execution.document.mut_dict().erase("result");
  const Timestamp now = deps_.clock.now();
  model::set_status(execution.document, status::kResuming, now);
  model::set_status(execution.document, status::kRunning, now);
  execution.halted = false;
}

void ExecutionDriver::finish_canceled(Live& execution, Changes& changes) {
  finish(execution, status::kCanceled, canceled_result(execution.document["context"]["cancelled_by"].string()),
         changes);
}

// Nothing when the task runs (or has ended already inside the call); else why it could not be started.
std::optional<workflow::TaskEnd> ExecutionDriver::start_task(Live& execution, const workflow::RunTask& task,
                                                             Changes& changes) {
  ExecutionRequest child;
  child.action = task.node->ref;
  child.parameters = task.parameters;
  child.render = false;
  child.user = execution.document["context"]["user"].string();
  child.context = Value::dict(
      {{"parent", parent_context(execution.id, execution.document["context"])}, {"chain", node_context(*task.node)}});
  child.embedded = Value::dict({{"parent", execution.id}, {model::kTrace, execution.document[model::kTrace]}});
  if (!has_text(execution.skip_notify, task.node->name)) {
    child.notify = task_notify(task.node->document["notify"], execution.document["liveaction"]["notify"]);
  }
  const std::string created_at = format_timestamp(deps_.clock.now());
  const std::string parent_id = execution.id;
  // The parent is saved first: request() may run the child to its end, which continues this chain from within.
  const std::string name = task.node->name;
  const Value* action = deps_.catalog.action(child.action);
  const Value* runner = action != nullptr ? deps_.catalog.runner_type((*action)["runner_type"].string_or("")) : nullptr;
  Error error(ErrorCode::kInvalid, "Action \"" + child.action + "\" cannot be found.");
  bool ok = false;
  if (runner != nullptr && !(*action)["enabled"].bool_or(true)) {
    error = Error(ErrorCode::kInvalid, "Unable to execute. Action \"" + child.action + "\" is disabled.");
  } else if (runner != nullptr) {
    bool rendering_failed = false;
    auto parameters = check_and_render(child, *action, *runner, child.context, rendering_failed);
    ok = parameters.has_value();
    if (ok) {
      Live& live = add_live(build_document(child, *action, *runner, *parameters), *parameters);
      const std::string child_id = live.id;
      execution.child = child_id;
      execution.document.mut_dict()["children"].push_back(live.id);
      // A parent that cannot be saved has failed in there, and its new task is nobody's.
      if (save(execution, changes)) {
        activate(live, changes);
      } else {
        live_.erase(child_id);
      }
      return std::nullopt;
    }
    error = parameters.error();
  }
  const std::string message = "Failed running task \"" + name + "\".. " + error.message();
  return workflow::TaskEnd{std::string(status::kFailed),       error_result(message), "", "", created_at,
                           format_timestamp(deps_.clock.now())};
}

void ExecutionDriver::task_ended(const Value& child, int64_t number, Changes& changes) {
  if (number != 0) return flow_task_ended(child, number, changes);
  const std::string parent_id = child["parent"].string();
  const auto found = live_.find(parent_id);
  if (found == live_.end() || found->second->run == nullptr || found->second->child != child["id"].string_or(""))
    return;
  Live& parent = *found->second;
  parent.child.clear();
  if (parent.status() == status::kPaused && !parent.halted) {
    // Somebody paused the chain and then let its task alone go on: what follows waits for the chain's own resume.
    parent.run->on_task_end(task_end(child));
    parent.document.set("result", parent.run->result());
    save(parent, changes);
    return;
  }
  if (parent.status() != status::kPaused) return apply(parent, parent.run->on_task_end(task_end(child)), changes);
  set_resumed(parent);
  apply(parent, parent.run->on_task_answered(task_end(child)), changes);
}

}  // namespace squall::engine
