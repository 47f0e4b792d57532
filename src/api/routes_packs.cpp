// Packs: views of them and their files, registration, installation, configs (stackstorm-features.md sections A, N, S).
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "api/api.hpp"
#include "api/content_kinds.hpp"
#include "api/pack_files.hpp"
#include "api/request_body.hpp"
#include "api/resources.hpp"
#include "base/strings.hpp"
#include "crypto/hash.hpp"
#include "engine/register_types.hpp"
#include "packs/index.hpp"
#include "packs/loader.hpp"
#include "value/json.hpp"

namespace squall::api {
namespace {

using auth::Permission;
using store::Collection;

constexpr std::string_view kRegisterModel = R"yaml(
types:
  type: array
  items:
    type: string
    enum: [all, runner, action, actions, trigger, triggers, sensor, sensors, rule, rules, rule_type, rule_types,
           alias, aliases, policy_type, policy_types, policy, policies, config, configs]
packs: {type: array, items: {type: string}}
fail_on_failure: {type: boolean, default: true}
)yaml";

constexpr std::string_view kInstallModel = R"yaml(
packs: {type: array, items: {type: string}, required: true}
force: {type: boolean, default: false}
skip_dependencies: {type: boolean, default: false}
python3: {type: boolean, default: false}
)yaml";

// The counts that StackStorm tells for these types: what they depend on comes along.
Value shown_counts(const engine::RegisterTypes& types, const Value& counts) {
  Value shown = Value::empty_dict();
  const auto add = [&](const char* name, bool asked) {
    if (asked) shown.set(name, counts[name]);
  };
  add("runners", types.runners || types.actions);
  add("rule_types", types.rule_types || types.rules);
  add("policy_types", types.policy_types || types.policies);
  add("triggers", types.triggers);
  add("sensors", types.sensors);
  add("actions", types.actions);
  add("rules", types.rules);
  add("aliases", types.aliases);
  add("policies", types.policies);
  add("configs", types.configs);
  const std::pair<const char*, bool> overridable[] = {
      {"actions", types.actions}, {"aliases", types.aliases}, {"rules", types.rules}, {"sensors", types.sensors}};
  for (const auto& [name, asked] : overridable) {
    const std::string key = std::string(name) + "(overridden)";
    if (counts.contains(key)) add(key.c_str(), asked);
  }
  return shown;
}

void register_packs(engine::Engine& engine, const Call& call) {
  static const Value model = model_of(kRegisterModel);
  const auto body = checked_body(call, model);
  if (!body) return call.fail(body.error());
  std::vector<std::string> names, type_names;
  for (size_t i = 0; i < (*body)["packs"].size(); ++i) names.push_back((*body)["packs"][i].string());
  for (size_t i = 0; i < (*body)["types"].size(); ++i) type_names.push_back((*body)["types"][i].string());
  const engine::RegisterTypes types = engine::RegisterTypes::named(type_names);
  engine.register_packs(names, types, [call, types](const Result<engine::RegisterReport>& report) {
    if (!report) return call.fail(report.error());
    Value counts = shown_counts(types, report->counts);
    if (!report->problems.empty()) counts.set("problems", load_problems_document(report->problems));
    call.reply(200, counts);
  });
}

// Installing and removing are actions of the pack "packs", as in StackStorm.
void run_pack_action(engine::Engine& engine, const Call& call, const char* action, bool install) {
  static const Value model = model_of(kInstallModel);
  const auto body = checked_body(call, model);
  if (!body) return call.fail(body.error());
  engine::ExecutionRequest request;
  request.action = action;
  request.parameters = Value::dict({{"packs", (*body)["packs"]}});
  if (install) {
    request.parameters.set("force", (*body)["force"]);
    request.parameters.set("skip_dependencies", (*body)["skip_dependencies"]);
  }
  request.user = call.user;
  engine.run_action(std::move(request), [call](const Result<Value>& execution) {
    if (!execution) return call.fail(execution.error());
    call.reply(202, Value::dict({{"execution_id", (*execution)["id"]}}));
  });
}

// ---- The index of packs

// Answers with what the index has, or with StackStorm's error when it has nothing.
void with_index(packs::PackIndex& index, const Call& call,
                const std::function<Value(const packs::IndexContents&)>& answer) {
  index.fetch([call, answer, locations = index.locations()](const packs::IndexContents& contents) {
    if (contents.packs.empty()) {
      return call.fail(Error(ErrorCode::kInvalid,
                             std::string("No results from the ") + (locations.size() == 1 ? "index" : "indexes") +
                                 ": tried " + join(locations, ", ") + ".\nStatus: " + to_json_pretty(contents.status)));
    }
    call.reply(200, answer(contents));
  });
}

void search_index(packs::PackIndex& index, const Call& call) {
  static const Value model = model_of("query: {type: string}\npack: {type: string}\n");
  const auto body = checked_body(call, model);
  if (!body) return call.fail(body.error());
  const Value query = (*body)["query"], pack = (*body)["pack"];
  if (query.empty() && pack.empty())
    return call.fail(Error(ErrorCode::kInvalid, "Either \"query\" or \"pack\" has to be given"));
  with_index(index, call, [query, pack](const packs::IndexContents& contents) {
    if (!query.empty()) return packs::search_packs(contents.packs, query.string());
    return contents.packs.contains(pack.as_string()) ? contents.packs[pack.as_string()] : Value::empty_list();
  });
}

void index_health(packs::PackIndex& index, const Call& call) {
  index.fetch([call](const packs::IndexContents& contents) {
    int64_t valid = 0, packs = 0;
    Value errors = Value::empty_dict();
    for (size_t i = 0; i < contents.status.size(); ++i) {
      const Value& one = contents.status[i];
      if (one["error"].is_null()) {
        ++valid;
        packs += one["packs"].int_or(0);
      } else {
        errors.set(one["error"].string(), errors[one["error"].string()].int_or(0) + 1);
      }
    }
    const auto count = static_cast<int64_t>(contents.status.size());
    call.reply(200, Value::dict({{"indexes", Value::dict({{"count", count},
                                                          {"valid", valid},
                                                          {"invalid", count - valid},
                                                          {"errors", errors},
                                                          {"status", contents.status}})},
                                 {"packs", Value::dict({{"count", packs}})}}));
  });
}

// Where packs are, for the actions of the pack `packs` and the command line.
void pack_directories(engine::Engine& engine, const ApiOptions& options, const Call& call) {
  const auto list_of = [](const std::vector<std::string>& texts) {
    Value list = Value::empty_list();
    for (const std::string& text : texts) list.push_back(text);
    return list;
  };
  call.reply(200, Value::dict({{"install", engine.options().install_directory},
                               {"directories", list_of(engine.options().pack_directories)},
                               {"shipped", engine.options().shipped_packs},
                               {"configs", engine.options().configs_directory},
                               {"overrides", engine.options().overrides_directory},
                               {"virtualenvs", options.virtualenvs},
                               {"indexes", list_of(options.pack_index->locations())}}));
}

// The pack.yaml of a directory that packs are kept in, for the actions of the pack `packs`: one reader of YAML for all.
void pack_manifest(engine::Engine& engine, const Call& call) {
  static const Value model = model_of("path: {type: string, required: true}\n");
  const auto body = checked_body(call, model);
  if (!body) return call.fail(body.error());
  const std::string path = std::filesystem::path((*body)["path"].string()).lexically_normal().string();
  std::vector<std::string> bases = engine.options().pack_directories;
  bases.push_back(std::filesystem::absolute(engine.options().shipped_packs).lexically_normal().string());
  const bool known = std::any_of(bases.begin(), bases.end(),
                                 [&](const std::string& base) { return path == base || path.starts_with(base + "/"); });
  if (!known)
    return call.fail(Error(ErrorCode::kInvalid, path + " is not below a directory of packs: " + join(bases, ", ")));
  call.reply(packs::read_manifest(path));
}

bool is_binary(std::string_view text) { return text.find('\0') != std::string_view::npos || !is_valid_utf8(text); }

void all_files(engine::Engine& engine, const Call& call) {
  const Value* pack = find_or_fail(engine, kPackKind, call, call.parameter("ref"));
  if (pack == nullptr) return;
  List shown;
  for (const Value& file : (*pack)["files"].as_list()) {
    const auto path = path_in_pack((*pack)["path"].string(), file.string());
    struct stat facts {};
    if (!path || ::stat(path->c_str(), &facts) != 0) continue;
    if (!S_ISREG(facts.st_mode) || facts.st_size > static_cast<off_t>(kShownFileBytesMax)) continue;
    const auto text = read_file(*path);
    if (!text || is_binary(*text)) continue;
    shown.push_back(Value::dict({{"file_path", file}, {"content", *text}}));
  }
  call.reply(200, Value(std::move(shown)));
}

std::string http_date(time_t time) {
  char text[64];
  struct tm parts {};
  gmtime_r(&time, &parts);
  strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

// Pictures of packs are for everybody who sees the web interface.
bool is_icon(const Call& call) { return call.parameter("path") == "icon.png"; }

void one_file(engine::Engine& engine, const Call& call) {
  const Value* pack = find_or_fail(engine, kPackKind, call, call.parameter("ref"));
  if (pack == nullptr) return;
  const std::string& file = call.parameter("path");
  const auto path = path_in_pack((*pack)["path"].string(), file);
  if (!path) return call.fail(path.error());
  struct stat facts {};
  if (::stat(path->c_str(), &facts) != 0 || !S_ISREG(facts.st_mode))
    return call.fail(Error(ErrorCode::kNotFound, "File \"" + file + "\" not found"));
  if (facts.st_size > static_cast<off_t>(kShownFileBytesMax)) {
    return call.fail(Error(ErrorCode::kInvalid, "File " + file + " exceeds maximum allowed file size (" +
                                                    std::to_string(kShownFileBytesMax) + " bytes)"));
  }
  const auto text = read_file(*path);
  if (!text) return call.fail(Error(ErrorCode::kNotFound, "File \"" + file + "\" not found"));
  net::ServerResponse response;
  response.content_type = content_type_of(file);
  const std::string etag = "\"" + crypto::md5_hex(*text) + "\"";
  response.headers.set("ETag", etag);
  response.headers.set("Last-Modified", http_date(facts.st_mtime));
  const bool same = call.request.headers.get("If-None-Match") == etag ||
                    call.request.headers.get("If-Modified-Since") == http_date(facts.st_mtime);
  response.status = same ? 304 : 200;
  if (!same) response.body = *text;
  call.reply(std::move(response));
}

}  // namespace

void add_pack_routes(Router& router, engine::Engine& engine, const ApiOptions& options) {
  packs::PackIndex& index = *options.pack_index;
  router.add("GET", "/packs/index", RouteAccess::needs(Permission::kPackList), "Packs that can be installed",
             [&index](const Call& call) {
               with_index(index, call, [](const packs::IndexContents& contents) {
                 return Value::dict({{"status", contents.status}, {"index", contents.packs}});
               });
             });
  router.add("POST", "/packs/index/search", RouteAccess::needs(Permission::kPackSearch),
             "Find packs that can be installed", [&index](const Call& call) { search_index(index, call); });
  router.add("GET", "/packs/index/health", RouteAccess::needs(Permission::kPackViewsIndexHealth),
             "Can the indexes of packs be read", [&index](const Call& call) { index_health(index, call); });
  router.add("POST", "/squall/pack_manifest", RouteAccess::needs(Permission::kPackList),
             "The pack.yaml of a directory that packs are kept in",
             [&engine](const Call& call) { pack_manifest(engine, call); });
  router.add("GET", "/squall/pack_directories", RouteAccess::needs(Permission::kPackList),
             "Where packs, their configs and virtualenvs are",
             [&engine, &options](const Call& call) { pack_directories(engine, options, call); });
  router.add("POST", "/packs/register", RouteAccess::needs(Permission::kPackRegister),
             RouteDoc("Load packs again from their directories").body(model_of(kRegisterModel)),
             [&engine](const Call& call) { register_packs(engine, call); });
  router.add("POST", "/packs/install", RouteAccess::needs(Permission::kPackInstall),
             RouteDoc("Install packs").body(model_of(kInstallModel)).answers(202),
             [&engine](const Call& call) { run_pack_action(engine, call, "packs.install", true); });
  router.add("POST", "/packs/uninstall", RouteAccess::needs(Permission::kPackUninstall),
             RouteDoc("Remove packs").body(model_of(kInstallModel)).answers(202),
             [&engine](const Call& call) { run_pack_action(engine, call, "packs.uninstall", false); });
  router.add("GET", "/packs/views/files/{ref}",
             RouteAccess::needs(Permission::kPackView, named_content(engine, kPackKind, "ref")), "All files of a pack",
             [&engine](const Call& call) { all_files(engine, call); });
  router.add("GET", "/packs/views/file/{ref}/{path*}",
             RouteAccess::needs(Permission::kPackView, named_content(engine, kPackKind, "ref")).unless(is_icon),
             RouteDoc("One file of a pack").answers(200, "*/*"),
             [&engine](const Call& call) { one_file(engine, call); });
  add_content_views(router, engine, kPackKind);
}

}  // namespace squall::api
