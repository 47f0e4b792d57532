// Executions: run, list, get, children, output, cancel, pause, resume, run again (stackstorm-features.md section F).
#include <algorithm>

#include "api/api.hpp"
#include "api/listing.hpp"
#include "api/request_body.hpp"
#include "api/resources.hpp"
#include "base/strings.hpp"
#include "model/execution.hpp"
#include "value/json.hpp"
#include "value/json_form.hpp"

namespace squall::api {
namespace {

using auth::Permission;
using store::Collection;
using store::Compare;

constexpr std::string_view kAlways[] = {"id"};
// Without these StackStorm could not mask what is secret, so it does not let go of more.
constexpr std::string_view kExcludable[] = {"result", "trigger_instance", "status"};
constexpr std::string_view kAttributes[] = {"id",
                                            "status",
                                            "start_timestamp",
                                            "end_timestamp",
                                            "elapsed_seconds",
                                            "web_url",
                                            "parameters",
                                            "context",
                                            "result",
                                            "result_size",
                                            "parent",
                                            "children",
                                            "log",
                                            "action",
                                            "runner",
                                            "liveaction",
                                            "trigger",
                                            "trigger_type",
                                            "trigger_instance",
                                            "rule",
                                            "delay",
                                            "workflow_execution",
                                            "task_execution"};
constexpr StoredFilter kFilters[] = {{"id", "id"},
                                     {"action", "action"},
                                     {"status", "status"},
                                     {"runner", "runner"},
                                     {"pack", "pack"},
                                     {"user", "user"},
                                     {"parent", "parent"},
                                     {"rule", "rule"},
                                     {"liveaction", "liveaction"},
                                     {"trigger_instance", "trigger_instance"},
                                     {"timestamp_gt", "start_timestamp", Compare::kGreater, true},
                                     {"timestamp_lt", "start_timestamp", Compare::kLess, true}};

// The document as the API shows it. The record of an orquesta or Mistral workflow does not name its tasks, so that a
// step of it costs the same however many there are; they are looked up.
Value shown(engine::Engine& engine, const Value& execution) {
  Value document = model::public_execution(execution);
  if (!model::is_journaled_runner(execution["runner"]["name"].string_or(""))) return document;
  store::Query query;
  query.filters = {{"parent", Compare::kEqual, execution["id"]}};
  query.sort = {{"id", false}};
  query.ids_only = true;
  store::Page page;
  const Status read = engine.store().read([&](store::ReadTx& tx) -> Status {
    SQ_TRY(page, tx.list(Collection::kExecutions, query));
    return {};
  });
  List children;
  for (store::Record& record : page.records) children.emplace_back(std::move(record.id));
  if (read && !children.empty()) document.set("children", Value(std::move(children)));
  return document;
}

ListSpec execution_spec(engine::Engine& engine) {
  ListSpec spec;
  spec.attributes = kAttributes;
  spec.always = kAlways;
  spec.excludable = kExcludable;
  spec.view = [&engine](const Value& execution) { return shown(engine, execution); };
  return spec;
}

// For the OpenAPI document; run() and its like tell mistakes in StackStorm's words.
constexpr std::string_view kRunModel = R"yaml(
action: {type: string, required: true}
parameters: {type: object}
user: {type: [string, "null"]}
context: {type: object}
delay: {type: integer, minimum: 0}
notify: {type: object}
)yaml";
constexpr std::string_view kAgainModel = R"yaml(
parameters: {type: object}
tasks: {type: array, items: {type: string}}
reset: {type: array, items: {type: string}}
inputs: {type: object}
)yaml";
constexpr std::string_view kStatusModel =
    "status: {type: string, required: true, enum: [pausing, paused, resuming, running]}";

// Executions of an isolated user are those that it started.
std::vector<store::Filter> own_executions(const Call& call) {
  if (const auto user = call.only_own(); user) return {{"user", Compare::kEqual, Value(*user)}};
  return {};
}

// While there are roles, an execution records those of the user that asked for it.
void record_roles(const Call& call, Value& context) {
  if (call.rbac == nullptr) return;
  List roles;
  for (const std::string& role : call.rbac->roles_of(call.user)) roles.emplace_back(role);
  if (!context.is_dict()) context = Value::empty_dict();
  context.set("rbac", Value::dict({{"user", call.user}, {"roles", Value(std::move(roles))}}));
}

void run(engine::Engine& engine, const Call& call) {
  const auto body = call.body();
  if (!body) return call.fail(body.error());
  if (!body->is_dict() || !(*body)["action"].is_string()) {
    return call.fail(Error(ErrorCode::kInvalid, "'action' is a required property"));
  }
  const Value& parameters = (*body)["parameters"];
  if (!parameters.is_null() && !parameters.is_dict()) {
    return call.fail(Error(ErrorCode::kInvalid, "'parameters' is not of type 'object'"));
  }
  const Value& delay = (*body)["delay"];
  if (!delay.is_null() && (!delay.is_int() || delay.int_or(0) < 0)) {
    return call.fail(Error(ErrorCode::kInvalid, "'delay' must be a number of milliseconds, 0 or more"));
  }
  engine::ExecutionRequest request;
  request.action = (*body)["action"].string();
  request.parameters = parameters;
  request.context = (*body)["context"];
  request.user = (*body)["user"].string();
  request.delay_ms = delay.int_or(0);
  request.notify = (*body)["notify"];
  request.full_schema_errors = false;
  if (request.user.empty()) request.user = call.user;
  if (request.user != call.user && !call.is_admin())
    return call.fail(Error(ErrorCode::kForbidden, "\"user\" attribute can only be provided by admins"));
  record_roles(call, request.context);
  engine.run_action(std::move(request), [call](const Result<Value>& execution) {
    if (!execution) return call.fail(execution.error());
    call.reply(201, model::public_execution(*execution));
  });
}

Status check_rerun_of_tasks(const Value& body, const Value& old) {
  if (!body["parameters"].empty()) {
    return fail(ErrorCode::kInvalid, "Parameters override is not supported when re-running task(s) for a workflow.");
  }
  if (old["runner"]["name"].string_or("") != "orquesta") {
    return fail(ErrorCode::kInvalid, "Task option is only supported for Orquesta workflows.");
  }
  if (!body["tasks"].is_list()) return fail(ErrorCode::kInvalid, "'tasks' must be a list of names of tasks");
  const Value& reset = body["reset"];
  if (reset.empty()) return {};
  if (!reset.is_list()) return fail(ErrorCode::kInvalid, "'reset' must be a list of names of tasks");
  for (const Value& name : reset.as_list()) {
    const List& tasks = body["tasks"].as_list();
    if (std::find(tasks.begin(), tasks.end(), name) == tasks.end()) {
      return fail(ErrorCode::kInvalid, "List of tasks to reset does not match the tasks to rerun.");
    }
  }
  return {};
}

void run_again(engine::Engine& engine, const Call& call) {
  const auto body = call.body();
  if (!body) return call.fail(body.error());
  const auto old = find_execution(engine, call.parameter("id"));
  if (!old) return call.fail(old.error());
  const bool from_tasks = !(*body)["tasks"].empty();
  if (from_tasks) {
    if (const Status checked = check_rerun_of_tasks(*body, *old); !checked) return call.fail(checked.error());
  }
  engine::ExecutionRequest request;
  request.action = (*old)["action"]["ref"].string();
  const bool merge = call.query("no_merge") != "true" && call.query("no_merge") != "True";
  request.parameters = merge && (*old)["parameters"].is_dict() ? (*old)["parameters"] : Value::empty_dict();
  if ((*body)["parameters"].is_dict()) {
    for (const auto& [key, value] : (*body)["parameters"].as_dict()) request.parameters.set(key, value);
  }
  for (const auto& [key, value] : request.parameters.as_dict()) {
    if (value.string_or("") == "********" && !from_tasks) {
      return call.fail(
          Error(ErrorCode::kInvalid,
                "The parameter \"" + key + "\" is a secret that squall has not kept; give it again in parameters."));
    }
  }
  Value again = Value::dict({{"ref", (*old)["id"]}});
  for (const char* key : {"tasks", "reset", "inputs"}) {
    if (from_tasks && !(*body)[key].empty()) again.set(key, (*body)[key]);
  }
  request.context = Value::dict({{"re-run", std::move(again)}});
  if (const Value& trace = (*old)[model::kTrace]; trace.is_string())
    request.context.set("trace_context", Value::dict({{"id_", trace}}));
  request.full_schema_errors = false;
  request.user = call.user;
  record_roles(call, request.context);
  engine.run_action(std::move(request), [call](const Result<Value>& execution) {
    if (!execution) return call.fail(execution.error());
    call.reply(201, model::public_execution(*execution));
  });
}

void cancel(engine::Engine& engine, const Call& call) {
  const auto execution = find_execution(engine, call.parameter("id"));
  if (!execution) return call.fail(execution.error());
  const std::string status = (*execution)["status"].string();
  if (status == model::status::kCanceled) return call.reply(200, shown(engine, *execution));
  if (engine.executions().live(call.parameter("id")) == nullptr) {
    // StackStorm answers 200 with a fault here, and its client relies on it (F-6).
    return call.reply(200, Value::dict({{"faultstring", "Action cannot be canceled. State = " + status + "."}}));
  }
  engine.cancel(call.parameter("id"), call.user, [&engine, call](const Result<Value>& canceled) {
    if (!canceled) return call.reply(200, Value::dict({{"faultstring", canceled.error().message()}}));
    call.reply(200, shown(engine, *canceled));
  });
}

void change_status(engine::Engine& engine, const Call& call) {
  const auto body = call.body();
  if (!body) return call.fail(body.error());
  const auto execution = find_execution(engine, call.parameter("id"));
  if (!execution) return call.fail(execution.error());
  const std::string wanted = (*body)["status"].string();
  const auto answer = [&engine, call](const Result<Value>& changed) {
    if (!changed) return call.fail(changed.error());
    call.reply(200, shown(engine, *changed));
  };
  if (model::is_final((*execution)["status"].string_or(""))) {
    return call.fail(Error(ErrorCode::kInvalid, "Execution is already in completed state."));
  }
  if (wanted == model::status::kPausing || wanted == model::status::kPaused) {
    engine.pause(call.parameter("id"), call.user, answer);
  } else if (wanted == model::status::kResuming || wanted == model::status::kRunning) {
    engine.resume(call.parameter("id"), call.user, answer);
  } else {
    call.fail(Error(ErrorCode::kInvalid,
                    "The status can be changed to \"pausing\" or \"resuming\" only, not to \"" + wanted + "\"."));
  }
}

Status collect_children(store::ReadTx& tx, const std::string& parent, int64_t depth, List& found) {
  store::Query query;
  query.filters = {{"parent", Compare::kEqual, parent}};
  query.sort = {{"id", false}};
  SQ_TRY(const store::Page page, tx.list(Collection::kExecutions, query));
  for (const store::Record& record : page.records) {
    found.push_back(model::public_execution(record.document));
    if (depth != 1) SQ_CHECK(collect_children(tx, record.id, depth - 1, found));
  }
  return {};
}

void children(engine::Engine& engine, const Call& call) {
  const auto depth = read_integer(call, "depth", -1);
  if (!depth) return call.fail(depth.error());
  const auto execution = find_execution(engine, call.parameter("id"));
  if (!execution) return call.fail(execution.error());
  List found;
  const Status read = engine.store().read([&](store::ReadTx& tx) {
    return collect_children(tx, (*execution)["id"].string(), *depth <= 0 ? -1 : *depth, found);
  });
  if (!read) return call.fail(read.error());
  // Whole documents: StackStorm does not select here.
  call.reply(200, Value(std::move(found)));
}

// The document of a list's first page of a field, for documents that hold the field at `path`.
const Value& value_of_field(const Value& document, const std::string& field) {
  for (const store::IndexedField& indexed : store::schema_of(Collection::kExecutions).fields) {
    if (indexed.name == field) return document.at_path(indexed.path);
  }
  return document[field];
}

// Goes from each value to the next greater one, which the index makes as cheap as the values are few.
Result<Value> distinct_values(store::ReadTx& tx, Collection collection, const std::string& field) {
  Value values = Value::empty_list();
  store::Query query;
  query.filters = {{field, Compare::kNotNull, Value()}};
  query.sort = {{field, false}};
  query.limit = 1;
  while (true) {
    SQ_TRY(const store::Page page, tx.list(collection, query));
    if (page.records.empty()) return values;
    const Value& value = value_of_field(page.records.front().document, field);
    values.push_back(value);
    query.filters = {{field, Compare::kGreater, value}};
  }
}

// Text of an action's standard output and error: what it has printed so far, or at the end as far as its result has it.
void output(engine::Engine& engine, const Call& call) {
  const auto execution = find_execution(engine, call.parameter("id"));
  if (!execution) return call.fail(execution.error());
  const std::string type = call.query("output_type");
  net::ServerResponse response;
  response.content_type = "text/plain; charset=utf-8";
  for (const char* name : {"stdout", "stderr"}) {
    if (!type.empty() && type != "all" && type != name) continue;
    const Value& text = (*execution)["result"][name];
    const std::string so_far(engine.events().printed((*execution)["id"].string(), name));
    const std::string part = !so_far.empty()    ? valid_text(so_far)
                             : text.is_string() ? text.string()
                             : text.is_null()   ? ""
                                                : to_json(text);
    if (!part.empty()) response.body += part + (part.ends_with("\n") ? "" : "\n");
  }
  call.reply(std::move(response));
}

// The result as a file: compact or pretty JSON.
void result(engine::Engine& engine, const Call& call) {
  const auto pretty = read_flag(call, "pretty_format", false);
  if (!pretty) return call.fail(pretty.error());
  const auto execution = find_execution(engine, call.parameter("id"));
  if (!execution) return call.fail(execution.error());
  JsonStyle style;
  if (*pretty) style = JsonStyle::pretty();
  const auto text = write_json((*execution)["result"], style);
  if (!text) return call.fail(text.error());
  net::ServerResponse response;
  response.content_type = "text/json";
  response.headers.set("Content-Disposition", "attachment; filename=" + call.parameter("id") + ".json");
  response.body = *text;
  call.reply(std::move(response));
}

void attribute(engine::Engine& engine, const Call& call) {
  const std::string& name = call.parameter("name");
  if (std::find(std::begin(kExcludable), std::end(kExcludable), name) == std::end(kExcludable)) {
    return call.fail(Error(ErrorCode::kInvalid, "Invalid attribute \"" + name +
                                                    "\" specified. Valid attributes are: result, trigger_instance, "
                                                    "status"));
  }
  const auto execution = find_execution(engine, call.parameter("id"));
  if (!execution) return call.fail(execution.error());
  const Value& value = (*execution)[name];
  call.reply(200, value.is_null() ? Value::empty_dict() : value);
}

// What the web interface offers as filters: for each, the values that occur. `types` asks for some of them.
void filter_values(engine::Engine& engine, const Call& call) {
  constexpr StoredFilter kOffered[] = {
      {"action", "action"}, {"status", "status"}, {"runner", "runner"}, {"rule", "rule"}, {"user", "user"}};
  const std::vector<std::string> types = split(call.query("types"), ',');
  const bool all = call.query("types").empty();
  Value shown = Value::empty_dict();
  const Status read = engine.store().read([&](store::ReadTx& tx) -> Status {
    for (const StoredFilter& filter : kOffered) {
      const bool wanted = std::find(types.begin(), types.end(), filter.parameter) != types.end();
      if (!all && !wanted) continue;
      SQ_TRY(Value values, distinct_values(tx, Collection::kExecutions, std::string(filter.field)));
      shown.set(filter.parameter, std::move(values));
    }
    return {};
  });
  if (!read) return call.fail(read.error());
  call.reply(200, shown);
}

}  // namespace

void add_execution_routes(Router& router, engine::Engine& engine) {
  for (const std::string base : {"/executions", "/actionexecutions"}) {
    router.add("GET", base, RouteAccess::needs(Permission::kExecutionList),
               RouteDoc("List executions").page().filters(kFilters), [&engine](const Call& call) {
                 reply_stored_list(call, engine.store(), Collection::kExecutions, kFilters, "-start_timestamp",
                                   execution_spec(engine), own_executions(call));
               });
    router.add("GET", base + "/views/filters", RouteAccess::needs(Permission::kExecutionViewsFiltersList),
               RouteDoc("The values that lists can be filtered by").query("types"),
               [&engine](const Call& call) { filter_values(engine, call); });
    router.add("POST", base, RouteAccess::needs(Permission::kActionExecute, action_in_body(engine, "action")),
               RouteDoc("Run an action").body(model_of(kRunModel, true)).answers(201),
               [&engine](const Call& call) { run(engine, call); });
    router.add("GET", base + "/{id}", RouteAccess::needs(Permission::kExecutionView, named_execution(engine)),
               RouteDoc("One execution")
                   .query("show_secrets", "boolean")
                   .query("include_attributes")
                   .query("exclude_attributes"),
               [&engine](const Call& call) {
                 // Known, but without effect: records hold no secrets that could be shown.
                 if (const auto show = read_flag(call, "show_secrets", false); !show) return call.fail(show.error());
                 const auto execution = find_execution(engine, call.parameter("id"));
                 if (!execution) return call.fail(execution.error());
                 reply_one(call, *execution, execution_spec(engine));
               });
    router.add("GET", base + "/{id}/children", RouteAccess::needs(Permission::kExecutionView, named_execution(engine)),
               RouteDoc("The tasks of a chain").query("depth", "integer"),
               [&engine](const Call& call) { children(engine, call); });
    router.add("GET", base + "/{id}/output", RouteAccess::needs(Permission::kExecutionView, named_execution(engine)),
               RouteDoc("Output of an action").query("output_type").answers(200, "text/plain"),
               [&engine](const Call& call) { output(engine, call); });
    router.add("GET", base + "/{id}/result", RouteAccess::needs(Permission::kExecutionView, named_execution(engine)),
               RouteDoc("The result alone").query("pretty_format", "boolean").answers(200, "text/json"),
               [&engine](const Call& call) { result(engine, call); });
    router.add("GET", base + "/{id}/attribute/{name}",
               RouteAccess::needs(Permission::kExecutionView, named_execution(engine)), "One attribute of an execution",
               [&engine](const Call& call) { attribute(engine, call); });
    router.add("POST", base + "/{id}/re_run", RouteAccess::needs(Permission::kExecutionRerun, named_execution(engine)),
               RouteDoc("Run again with the same parameters")
                   .query("no_merge", "boolean")
                   .body(model_of(kAgainModel, true))
                   .answers(201),
               [&engine](const Call& call) { run_again(engine, call); });
    router.add("PUT", base + "/{id}", RouteAccess::needs(Permission::kExecutionStop, named_execution(engine)),
               RouteDoc("Pause or resume").body(model_of(kStatusModel, true)),
               [&engine](const Call& call) { change_status(engine, call); });
    router.add("DELETE", base + "/{id}", RouteAccess::needs(Permission::kExecutionStop, named_execution(engine)),
               "Cancel", [&engine](const Call& call) { cancel(engine, call); });
  }
}

}  // namespace squall::api
