// Actions: views, changes, clones (stackstorm-features.md section B).
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "api/api.hpp"
#include "api/content_kinds.hpp"
#include "api/pack_files.hpp"
#include "api/request_body.hpp"
#include "api/resources.hpp"
#include "base/strings.hpp"
#include "model/reference.hpp"
#include "packs/runner_types.hpp"
#include "value/schema.hpp"
#include "value/yaml.hpp"

namespace squall::api {
namespace {

using auth::Permission;

constexpr std::string_view kModel = R"yaml(
id: {type: string, default: null}
ref: {type: string}
uid: {type: string}
name: {type: string, required: true}
description: {type: string}
enabled: {type: boolean, default: true}
runner_type: {type: string, required: true}
entry_point: {type: string, default: ""}
pack: {type: string}
parameters: {type: object, default: {}}
output_schema: {type: object}
tags:
  type: array
  default: []
  items:
    type: object
    properties: {name: {type: string, required: true}, value: {type: string, required: true}}
notify: {type: object, default: {}}
metadata_file: {type: string, default: ""}
data_files:
  type: array
  default: []
  items:
    type: object
    properties: {file_path: {type: string, required: true}, content: {type: string, required: true}}
    additionalProperties: false
)yaml";

// What StackStorm's model puts into every output_schema that comes through the API.
constexpr std::string_view kOutputSchemaDefaults = R"yaml(
{additionalItems: {}, items: {}, uniqueItems: false, required: false, secret: false, additionalProperties: {},
 definitions: {}, properties: {}, patternProperties: {}, immutable: false}
)yaml";

// What an action may change of a parameter of its runner (B-3).
constexpr std::string_view kOverridable[] = {"default", "description", "enum", "immutable", "required"};

Status check_override(const std::string& action, const std::string& name, const Value& attributes,
                      const Value& of_runner) {
  for (const auto& [attribute, value] : attributes.as_dict()) {
    const bool free = std::find(std::begin(kOverridable), std::end(kOverridable), attribute) != std::end(kOverridable);
    if (free || value == of_runner[attribute]) continue;
    return fail(
        ErrorCode::kInvalid,
        fmt::format("The attribute \"{}\" for the runner parameter \"{}\" in action \"{}\" cannot be overridden.",
                    attribute, name, action));
  }
  if (attributes.contains("immutable") && of_runner.contains("immutable")) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Param {} is declared immutable in runner. Cannot override in action.", name));
  }
  return {};
}

Status check_positions(const Value& parameters) {
  std::map<int64_t, std::string> taken;
  for (const auto& [name, attributes] : parameters.as_dict()) {
    if (!attributes["position"].is_int()) continue;
    const int64_t position = attributes["position"].int_or(0);
    const auto [other, added] = taken.emplace(position, name);
    if (!added) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Parameters {} and {} have same position {}. Position values have to be unique.", name,
                              other->second, position));
    }
  }
  int64_t expected = taken.empty() ? 0 : taken.begin()->first;
  for (const auto& [position, name] : taken) {
    if (position == expected++) continue;
    return fail(ErrorCode::kInvalid, "Parameters have non-contiguous positions: number them without gaps.");
  }
  return {};
}

Status check_parameters(const std::string& action, const Value& parameters, const Value& of_runner) {
  const auto violations = schema::property_violations(parameters);
  if (!violations.empty()) return fail(ErrorCode::kInvalid, schema::best_match(violations).message);
  for (const auto& [name, attributes] : parameters.as_dict()) {
    const Value& base = of_runner[name];
    if (base.is_dict()) SQ_CHECK(check_override(action, name, attributes, base));
    if (attributes.contains("immutable") && !attributes.contains("default") && !base.contains("default")) {
      return fail(ErrorCode::kInvalid, fmt::format("Immutable param {} requires a default value.", name));
    }
  }
  return check_positions(parameters);
}

// The action of a request, checked, without id.
Result<Value> checked_action(const Value& body, const std::string& pack_of_old) {
  Value action = body;
  if (action["pack"].is_null()) action.set("pack", pack_of_old.empty() ? "default" : pack_of_old);
  SQ_CHECK(check_changeable_pack(action["pack"].string_or("")));
  const Value* runner = packs::find_runner_type(action["runner_type"].string_or(""));
  if (runner == nullptr) {
    return fail(ErrorCode::kInvalid,
                fmt::format("RunnerType {} is not found. If you are using old and deprecated runner name, you need to "
                            "switch to a new one. For more information, please see "
                            "https://docs.stackstorm.com/upgrade_notes.html#st2-v0-9",
                            action["runner_type"].string()));
  }
  action.set("runner_type", (*runner)["name"]);
  const std::string ref = action["pack"].string() + "." + action["name"].string();
  SQ_CHECK(check_parameters(ref, action["parameters"], (*runner)["runner_parameters"]));
  return action;
}

Result<Value> body_of(const Call& call) {
  static const Value model = model_of(kModel);
  static const Value output_defaults = *parse_yaml(kOutputSchemaDefaults);
  SQ_TRY(Value body, call.body());
  // Parameters are told before the rest is judged: a name or type in them is what is mistaken most often.
  if (body["parameters"].is_dict()) {
    const auto violations = schema::property_violations(body["parameters"]);
    if (!violations.empty()) return fail(ErrorCode::kInvalid, schema::best_match(violations).message);
  }
  if (body.is_dict() && !body.contains("name")) return fail(ErrorCode::kInvalid, "'name' is a required property");
  SQ_TRY(body, check_model(body, model));
  Value output = output_defaults;
  if (body["output_schema"].is_dict()) {
    for (const auto& [name, value] : body["output_schema"].as_dict()) output.set(name, value);
  }
  body.set("output_schema", output);
  return body;
}

Value stored_form(const Value& body) {
  Value action = Value::empty_dict();
  for (const char* name : {"tags", "uid", "metadata_file", "name", "ref", "description", "enabled", "entry_point",
                           "pack", "runner_type", "parameters", "output_schema", "notify"}) {
    if (!body[name].is_null()) action.set(name, body[name]);
  }
  return action;
}

// Files that come with an action are written into its pack before it is registered.
Status write_data_files(engine::Engine& engine, const Value& action, const Value& files) {
  if (files.empty()) return {};
  const std::string directory = engine.catalog().pack_path(action);
  if (directory.empty()) {
    return fail(ErrorCode::kInvalid,
                "Pack \"" + action["pack"].string() + "\" is not registered, so its files have no place");
  }
  for (const Value& file : files.as_list()) {
    SQ_TRY(const std::string path, path_in_pack(directory, file["file_path"].string()));
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    if (error) return fail(ErrorCode::kIo, path + ": " + error.message());
    SQ_CHECK(write_file_atomically(path, file["content"].string()));
  }
  return {};
}

void make_action(engine::Engine& engine, const Call& call) {
  const auto body = body_of(call);
  if (!body) return call.fail(body.error());
  const auto action = checked_action(*body, "");
  if (!action) return call.fail(action.error());
  auto document = identified(engine, kActionKind, stored_form(*action), nullptr);
  if (!document) return call.fail(document.error());
  if (const Status written = write_data_files(engine, *document, (*body)["data_files"]); !written)
    return call.fail(written.error());
  store_content(engine, kActionKind, call, std::move(*document), 201);
}

void replace_action(engine::Engine& engine, const Call& call) {
  const auto body = body_of(call);
  if (!body) return call.fail(body.error());
  const Value* found = find_changeable_or_fail(engine, kActionKind, call);
  if (found == nullptr) return;
  const auto action = checked_action(*body, (*found)["pack"].string());
  if (!action) return call.fail(action.error());
  if (const Status named = check_new_name(call, "action", *found, *action); !named) return call.fail(named.error());
  auto document = identified(engine, kActionKind, stored_form(*action), found);
  if (!document) return call.fail(document.error());
  if (const Status written = write_data_files(engine, *document, (*body)["data_files"]); !written)
    return call.fail(written.error());
  store_content(engine, kActionKind, call, std::move(*document), 200);
}

// The metadata file and, where the runner has one, the entry point.
std::vector<std::string> files_of(const Value& action) {
  std::vector<std::string> files;
  if (action["metadata_file"].truthy()) files.push_back(action["metadata_file"].string());
  if (action["entry_point"].truthy() && action["runner_type"].string_or("") != "native")
    files.push_back("actions/" + action["entry_point"].string());
  return files;
}

void remove_action(engine::Engine& engine, const Call& call) {
  const auto body = call.body();
  if (!body) return call.fail(body.error());
  const Value* found = find_or_fail(engine, kActionKind, call, call.parameter("id"));
  if (found == nullptr) return;
  const Status allowed = check_changeable_pack((*found)["pack"].string_or(""));
  if (allowed && (*body)["remove_files"].bool_or(false)) {
    const std::string directory = engine.catalog().pack_path(*found);
    for (const std::string& file : files_of(*found)) {
      const auto path = path_in_pack(directory, file);
      std::error_code error;
      if (path) std::filesystem::remove(*path, error);
      if (error) return call.fail(Error(ErrorCode::kForbidden, "No permission to delete \"" + *path + "\" from disk"));
    }
  }
  remove_content(engine, kActionKind, call);
}

// An action's files under another name, in the same or another pack, and its registration.
Status copy_files(const Value& source, Value& copy, const std::string& from, const std::string& to) {
  namespace fs = std::filesystem;
  const std::string name = copy["name"].string();
  std::error_code error;
  if (const std::string old = source["entry_point"].string();
      !old.empty() && source["runner_type"] != Value("native")) {
    const fs::path path(old);
    const std::string entry = (path.parent_path() / (name + path.extension().string())).string();
    SQ_TRY(const std::string target, path_in_pack(to, "actions/" + entry));
    fs::create_directories(fs::path(target).parent_path(), error);
    if (!error) fs::copy_file(from + "/actions/" + old, target, fs::copy_options::overwrite_existing, error);
    if (error) return fail(ErrorCode::kInvalid, "Unable to copy \"" + old + "\": " + error.message());
    copy.set("entry_point", entry);
  }
  copy.set("metadata_file", "actions/" + name + ".yaml");
  Value metadata = copy;
  for (const char* member : {"id", "ref", "uid", "metadata_file"}) metadata.mut_dict().erase(member);
  SQ_TRY(const std::string text, write_yaml(metadata));
  fs::create_directories(to + "/actions", error);
  return write_file_atomically(to + "/actions/" + name + ".yaml", text);
}

Value clone_model() {
  return model_of(R"yaml(
dest_pack: {type: string, required: true}
dest_action: {type: string, required: true}
overwrite: {type: boolean, required: false, default: false}
)yaml");
}

// The action that a clone makes.
ResourceOf clone_target() {
  return [](const Call& call) -> Result<auth::Resource> {
    SQ_TRY(const Value body, call.body());
    if (!body["dest_pack"].is_string() || !body["dest_action"].is_string())
      return fail(ErrorCode::kInvalid, "'dest_pack' and 'dest_action' are required properties");
    return auth::pack_resource("action", body["dest_pack"].string(), body["dest_action"].string());
  };
}

void clone_action(engine::Engine& engine, const Call& call) {
  static const Value model = clone_model();
  const auto body = checked_body(call, model);
  if (!body) return call.fail(body.error());
  const Value* source = find_or_fail(engine, kActionKind, call, call.parameter("ref"));
  if (source == nullptr) return;
  if (const Status seen = call.check(Permission::kActionView, resource_of_content("action", *source)); !seen)
    return call.fail(seen.error());
  const std::string pack = (*body)["dest_pack"].string(), name = (*body)["dest_action"].string();
  const Value* target = engine.catalog().find(store::Collection::kPacks, pack);
  if (target == nullptr) return call.fail(Error(ErrorCode::kInvalid, "Destination pack '" + pack + "' doesn't exist"));
  if (const Status allowed = check_changeable_pack(pack); !allowed) return call.fail(allowed.error());
  const Value* existing = engine.catalog().action(pack + "." + name);
  if (existing != nullptr && !(*body)["overwrite"].bool_or(false)) {
    return call.fail(Error(ErrorCode::kInvalid, "The requested destination action already exists with pack name as \"" +
                                                    pack + "\" and action name as \"" + name +
                                                    "\". Set overwrite to true to replace it."));
  }
  Value copy = stored_form(*source);
  copy.set("pack", pack);
  copy.set("name", name);
  auto document = identified(engine, kActionKind, copy, existing);
  if (!document) return call.fail(document.error());
  const std::string directory = (*target)["path"].string();
  if (const Status copied = copy_files(*source, *document, engine.catalog().pack_path(*source), directory); !copied)
    return call.fail(copied.error());
  store_content(engine, kActionKind, call, std::move(*document), 201);
}

void action_parameters(engine::Engine& engine, const Call& call) {
  const Value* action = find_or_fail(engine, kActionKind, call, call.parameter("ref"));
  if (action == nullptr) return;
  const auto parameters = engine.catalog().merged_parameters((*action)["ref"].string_or(""));
  call.reply(200, Value::dict({{"parameters", parameters ? *parameters : Value::empty_dict()}}));
}

Value overview(engine::Engine& engine, const Value& action) {
  Value shown = action;
  const auto parameters = engine.catalog().merged_parameters(action["ref"].string_or(""));
  if (parameters) shown.set("parameters", *parameters);
  return shown;
}

void entry_point(engine::Engine& engine, const Call& call) {
  const Value* action = find_or_fail(engine, kActionKind, call, call.parameter("ref"));
  if (action == nullptr) return;
  const std::string file = (*action)["entry_point"].string();
  if (file.empty()) {
    return call.fail(
        Error(ErrorCode::kNotFound, "Action ref=" + (*action)["ref"].string() + " does not have an entry point."));
  }
  const auto text = read_file(engine.catalog().pack_path(*action) + "/actions/" + file);
  if (!text)
    return call.fail(
        Error(ErrorCode::kNotFound, "Action ref=" + (*action)["ref"].string() + ": " + text.error().message()));
  net::ServerResponse response;
  response.content_type = content_type_of(file);
  response.body = *text;
  call.reply(std::move(response));
}

}  // namespace

void add_action_routes(Router& router, engine::Engine& engine) {
  router.add("GET", "/actions/views/parameters/{ref}",
             RouteAccess::needs(Permission::kActionView, named_content(engine, kActionKind, "ref")),
             "Parameters of an action, with those of its runner",
             [&engine](const Call& call) { action_parameters(engine, call); });
  router.add("GET", "/actions/views/entry_point/{ref}",
             RouteAccess::needs(Permission::kActionView, named_content(engine, kActionKind, "ref")),
             RouteDoc("The file an action runs").answers(200, "*/*"),
             [&engine](const Call& call) { entry_point(engine, call); });
  router.add("GET", "/actions/views/overview", RouteAccess::needs(Permission::kActionList),
             RouteDoc("Actions with all their parameters").page().filters(kActionKind.filters),
             [&engine](const Call& call) {
               ListSpec spec = spec_of(kActionKind);
               spec.view = [&engine](const Value& action) { return overview(engine, action); };
               reply_list(call, engine.catalog().all(kActionKind.collection), spec);
             });
  router.add("GET", "/actions/views/overview/{ref}",
             RouteAccess::needs(Permission::kActionView, named_content(engine, kActionKind, "ref")),
             "An action with all its parameters", [&engine](const Call& call) {
               const Value* action = find_or_fail(engine, kActionKind, call, call.parameter("ref"));
               if (action != nullptr) call.reply(200, overview(engine, *action));
             });
  router.add("POST", "/actions/{ref}/clone", RouteAccess::needs(Permission::kActionCreate, clone_target()),
             RouteDoc("Copy an action").body(clone_model()).answers(201),
             [&engine](const Call& call) { clone_action(engine, call); });
  router.add("POST", "/actions", RouteAccess::needs(Permission::kActionCreate, content_in_body("action")),
             RouteDoc("Make an action").body(model_of(kModel)).answers(201),
             [&engine](const Call& call) { make_action(engine, call); });
  router.add("PUT", "/actions/{id}", RouteAccess::needs(Permission::kActionModify, named_content(engine, kActionKind)),
             RouteDoc("Replace an action").body(model_of(kModel)),
             [&engine](const Call& call) { replace_action(engine, call); });
  router.add("DELETE", "/actions/{id}",
             RouteAccess::needs(Permission::kActionDelete, named_content(engine, kActionKind)),
             RouteDoc("Remove an action").answers(204), [&engine](const Call& call) { remove_action(engine, call); });
  router.add("GET", "/actions", RouteAccess::needs(Permission::kActionList),
             RouteDoc("List actions").page().filters(kActionKind.filters), [&engine](const Call& call) {
               Call unsorted = call;  // StackStorm's list of actions takes no order but its own
               std::erase_if(unsorted.request.query, [](const auto& parameter) { return parameter.first == "sort"; });
               reply_list(unsorted, engine.catalog().all(kActionKind.collection), spec_of(kActionKind));
             });
  add_content_views(router, engine, kActionKind);
}

}  // namespace squall::api
