// Action aliases: changes, matching, help, and their execution (stackstorm-features.md section L).
#include "api/alias_matching.hpp"
#include "api/api.hpp"
#include "api/content_kinds.hpp"
#include "api/request_body.hpp"
#include "api/resources.hpp"
#include "base/strings.hpp"
#include "expr/expr.hpp"
#include "expr/params.hpp"
#include "model/execution.hpp"
#include "text/alias_format.hpp"

namespace squall::api {
namespace {

using auth::Permission;

constexpr std::string_view kModel = R"yaml(
id: {type: string, default: null}
ref: {type: string}
uid: {type: string}
name: {type: string, required: true}
pack: {type: string, required: true}
description: {type: string}
enabled: {type: boolean, default: true}
action_ref: {type: string, required: true}
formats:
  type: array
  required: true
  items:
    anyOf:
    - type: string
    - type: object
      properties:
        display: {type: string}
        representation: {anyOf: [{type: string}, {type: array, items: {type: string}}]}
        match_multiple: {type: boolean, default: false}
ack:
  type: object
  default: {}
  properties:
    enabled: {type: boolean, default: true}
    format: {type: string}
    extra: {type: object}
    append_url: {type: boolean, default: true}
  additionalProperties: false
result:
  type: object
  default: {}
  properties:
    enabled: {type: boolean, default: true}
    format: {type: string}
    extra: {type: object}
  additionalProperties: false
extra: {type: object, default: {}}
immutable_parameters: {type: object, default: {}}
metadata_file: {type: string, default: ""}
)yaml";

constexpr std::string_view kCommandModel = "command: {type: string, required: true}";

constexpr std::string_view kMatchModel = R"yaml(
command: {type: string, required: true}
user: {type: string}
source_channel: {type: string, required: true}
source_context: {type: object}
notification_channel: {type: string}
notification_route: {type: string}
)yaml";

// Of an execution that names its alias and format, too.
std::string execution_model() {
  return "name: {type: string, required: true}\nformat: {type: string, required: true}" + std::string(kMatchModel);
}

std::vector<Value> all_aliases(engine::Engine& engine) { return engine.catalog().all(kAliasKind.collection); }

void put_alias(engine::Engine& engine, const Call& call, bool replace) {
  static const Value model = model_of(kModel);
  auto body = call.body();
  if (!body) return call.fail(body.error());
  // Only what was given is stored of `ack` and `result`: their defaults belong to whoever answers in a chat.
  const Value ack = (*body)["ack"], result = (*body)["result"];
  auto alias = check_model(*body, model);
  if (!alias) return call.fail(alias.error());
  const Value* found = nullptr;
  if (replace) {
    found = find_or_fail(engine, kAliasKind, call, call.parameter("id"));
    if (found == nullptr) return;
    if (const Status named = check_new_name(call, "action_alias", *found, *alias); !named)
      return call.fail(named.error());
  }
  if (const Status allowed = check_changeable_pack((*alias)["pack"].string_or("")); !allowed)
    return call.fail(allowed.error());
  alias->set("ack", ack.is_dict() ? ack : Value::empty_dict());
  alias->set("result", result.is_dict() ? result : Value::empty_dict());
  if ((*alias)["description"].is_null()) alias->mut_dict().erase("description");
  auto document = identified(engine, kAliasKind, *alias, found);
  if (!document) return call.fail(document.error());
  store_content(engine, kAliasKind, call, std::move(*document), replace ? 200 : 201);
}

void match(engine::Engine& engine, const Call& call) {
  static const Value model = model_of(kCommandModel);
  const auto body = checked_body(call, model);
  if (!body) return call.fail(body.error());
  const auto found = match_alias(all_aliases(engine), (*body)["command"].string());
  if (!found) return call.fail(found.error());
  call.reply(200, Value::dict({{"actionalias", found->alias},
                               {"display", found->display},
                               {"representation", found->representation}}));
}

void help(engine::Engine& engine, const Call& call) {
  const auto limit = read_integer(call, "limit", 0);
  if (!limit) return call.fail(limit.error());
  const auto offset = read_integer(call, "offset", 0);
  if (!offset) return call.fail(offset.error());
  call.reply(alias_help(all_aliases(engine), call.query("filter"), call.query("pack"), *limit, *offset));
}

// Chat gives texts; the action wants its types. An array may be written with commas.
Result<Value> typed(engine::Engine& engine, const std::string& action, const Value& given) {
  const auto schemas = engine.catalog().merged_parameters(action);
  Value parameters = Value::empty_dict();
  for (const auto& [name, value] : given.as_dict()) {
    if (value.is_null()) continue;
    const std::string type = schemas ? (*schemas)[name]["type"].string() : std::string();
    const std::string text = value.string();
    if (type == "array" && value.is_string() && !trim(text).starts_with("[")) {
      Value items = Value::empty_list();
      for (const std::string& item : split(text, ',')) items.push_back(trim(item));
      parameters.set(name, std::move(items));
      continue;
    }
    SQ_TRY(Value cast, expr::cast(value, type));
    parameters.set(name, std::move(cast));
  }
  return parameters;
}

Result<Value> with_immutable(const Value& alias, Value parameters) {
  const Value& immutable = alias["immutable_parameters"];
  if (!immutable.is_dict()) return parameters;
  for (const auto& [name, value] : immutable.as_dict()) {
    if (parameters.contains(name)) {
      return fail(ErrorCode::kInvalid, "Immutable arguments cannot be overridden: the alias " + alias["ref"].string() +
                                           " sets \"" + name + "\" itself.");
    }
    parameters.set(name, value);
  }
  return parameters;
}

// What the chat is told at once: a text of the alias with the execution in it. A mistake in it is told in its place.
void acknowledge(const Value& alias, Value& answer) {
  const Value& ack = alias["ack"];
  const auto fill = [&](const char* member, const char* name) {
    if (!ack.contains(member)) return;
    auto rendered = expr::render_value(ack[member], expr::Scope(answer));
    answer.set(name, rendered ? *rendered
                              : Value("Cannot render \"" + std::string(member) + "\" in field \"ack\" for alias. " +
                                      rendered.error().message()));
  };
  fill("format", "message");
  fill("extra", "extra");
}

// One execution for each set of parameters; the answers come in that order.
struct AliasRun {
  Value alias;
  std::vector<Value> answers;
  size_t left = 0;
  std::optional<Error> error;
};

void run_alias(engine::Engine& engine, const Call& call, const Value& alias, const std::string& format,
               const Value& given, bool match_multiple, const std::function<Value(List)>& shape) {
  const std::string command = given["command"].string();
  auto found =
      match_multiple ? extract_all_alias_parameters(format, command) : extract_alias_parameters(format, command);
  if (!found) return call.fail(found.error());
  const List sets = found->is_list() ? found->as_list() : List{*found};
  const Value route =
      given["notification_route"].truthy() ? given["notification_route"] : given["notification_channel"];
  const Value data = Value::dict({{"user", given["user"]},
                                  {"source_channel", given["source_channel"]},
                                  {"source_context", given["source_context"]}});
  auto run = std::make_shared<AliasRun>(AliasRun{alias, std::vector<Value>(sets.size()), sets.size(), std::nullopt});
  if (sets.empty()) return call.reply(201, shape({}));
  std::vector<engine::ExecutionRequest> requests;
  for (const Value& one : sets) {
    engine::ExecutionRequest request;
    request.action = alias["action_ref"].string();
    auto parameters = typed(engine, request.action, one);
    if (parameters) parameters = with_immutable(alias, std::move(*parameters));
    if (!parameters) return call.fail(parameters.error());
    request.parameters = std::move(*parameters);
    request.user = call.user;
    request.full_schema_errors = false;
    request.context = Value::dict({{"action_alias_ref", alias["ref"]},
                                   {"api_user", given["user"]},
                                   {"user", call.user},
                                   {"source_channel", given["source_channel"]}});
    if (route.truthy()) {
      request.notify = Value::dict({{"on-complete", Value::dict({{"routes", Value::list({route})}, {"data", data}})}});
    }
    requests.push_back(std::move(request));
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    engine.run_action(std::move(requests[i]), [call, run, i, shape](const Result<Value>& execution) {
      if (execution) {
        run->answers[i] =
            Value::dict({{"execution", model::public_execution(*execution)}, {"actionalias", run->alias}});
        acknowledge(run->alias, run->answers[i]);
      } else if (!run->error) {
        run->error = execution.error();
      }
      if (--run->left > 0) return;
      if (run->error) return call.fail(*run->error);
      call.reply(201, shape(List(run->answers.begin(), run->answers.end())));
    });
  }
}

Result<Value> alias_named(engine::Engine& engine, const std::string& name) {
  Value alias;
  for (const Value& candidate : all_aliases(engine)) {
    if (candidate["name"].string_or("") == name) alias = candidate;
  }
  if (!alias.is_null()) return alias;
  return fail(ErrorCode::kNotFound, "Unable to identify action alias with name \"" + name + "\".");
}

// What an alias runs is up to the permissions on that action.
ResourceOf action_of_alias(engine::Engine& engine) {
  return [&engine](const Call& call) -> Result<auth::Resource> {
    SQ_TRY(const Value body, call.body());
    SQ_TRY(const Value alias, alias_named(engine, body["name"].string()));
    return resource_of_action_ref(engine, alias["action_ref"].string());
  };
}

ResourceOf action_of_command(engine::Engine& engine) {
  return [&engine](const Call& call) -> Result<auth::Resource> {
    SQ_TRY(const Value body, call.body());
    SQ_TRY(const AliasMatch found, match_alias(all_aliases(engine), body["command"].string()));
    return resource_of_action_ref(engine, found.alias["action_ref"].string());
  };
}

void execute(engine::Engine& engine, const Call& call) {
  static const Value model = model_of(execution_model());
  const auto body = checked_body(call, model);
  if (!body) return call.fail(body.error());
  const std::string name = (*body)["name"].string(), format = (*body)["format"].string();
  const auto found = alias_named(engine, name);
  if (!found) return call.fail(found.error());
  const Value& alias = *found;
  if (!alias["enabled"].bool_or(true))
    return call.fail(Error(ErrorCode::kInvalid, "Action alias with name \"" + name + "\" is disabled."));
  bool known = false;
  for (const AliasFormat& one : formats_of(alias)) {
    for (const std::string& representation : one.representations) known = known || representation == format;
  }
  if (!known) {
    return call.fail(
        Error(ErrorCode::kInvalid, "Format string \"" + format + "\" is not available on the alias \"" + name + "\""));
  }
  run_alias(engine, call, alias, format, *body, false,
            [](List results) { return results.empty() ? Value() : results.front(); });
}

void match_and_execute(engine::Engine& engine, const Call& call) {
  static const Value model = model_of(kMatchModel);
  const auto body = checked_body(call, model);
  if (!body) return call.fail(body.error());
  const auto found = match_alias(all_aliases(engine), (*body)["command"].string());
  if (!found) return call.fail(found.error());
  run_alias(engine, call, found->alias, found->representation, *body, found->match_multiple, [](List results) {
    return Value::dict({{"results", Value(std::move(results))}});
  });
}

}  // namespace

void add_alias_routes(Router& router, engine::Engine& engine) {
  router.add("GET", "/actionalias/help", RouteAccess::needs(Permission::kActionAliasHelp),
             RouteDoc("What can be said in a chat")
                 .query("filter")
                 .query("pack")
                 .query("limit", "integer")
                 .query("offset", "integer"),
             [&engine](const Call& call) { help(engine, call); });
  router.add("POST", "/actionalias/match", RouteAccess::needs(Permission::kActionAliasMatch),
             RouteDoc("The alias that a command means").body(model_of(kCommandModel)),
             [&engine](const Call& call) { match(engine, call); });
  add_content_views(router, engine, kAliasKind);
  router.add("POST", "/actionalias",
             RouteAccess::needs(Permission::kActionAliasCreate, content_in_body("action_alias")),
             RouteDoc("Make an action alias").body(model_of(kModel)).answers(201),
             [&engine](const Call& call) { put_alias(engine, call, false); });
  router.add("PUT", "/actionalias/{id}",
             RouteAccess::needs(Permission::kActionAliasModify, named_content(engine, kAliasKind)),
             RouteDoc("Replace an action alias").body(model_of(kModel)),
             [&engine](const Call& call) { put_alias(engine, call, true); });
  router.add("DELETE", "/actionalias/{id}",
             RouteAccess::needs(Permission::kActionAliasDelete, named_content(engine, kAliasKind)),
             RouteDoc("Remove an action alias").answers(204),
             [&engine](const Call& call) { remove_content(engine, kAliasKind, call); });
  router.add("POST", "/aliasexecution", RouteAccess::needs(Permission::kActionExecute, action_of_alias(engine)),
             RouteDoc("Run the action of an alias").body(model_of(execution_model())).answers(201),
             [&engine](const Call& call) { execute(engine, call); });
  router.add("POST", "/aliasexecution/match_and_execute",
             RouteAccess::needs(Permission::kActionExecute, action_of_command(engine)),
             RouteDoc("Find the alias of a command and run its action").body(model_of(kMatchModel)).answers(201),
             [&engine](const Call& call) { match_and_execute(engine, call); });
}

}  // namespace squall::api
