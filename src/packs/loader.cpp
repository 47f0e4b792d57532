#include "packs/loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "expr/expr.hpp"
#include "packs/content.hpp"
#include "packs/overrides.hpp"
#include "packs/schema_patterns.hpp"
#include "value/schema.hpp"

namespace squall::packs {
namespace {

namespace fs = std::filesystem;

// Fixed names, as in StackStorm: other endings are not looked for.
constexpr std::string_view kManifest = "pack.yaml";
constexpr std::string_view kConfigSchema = "config.schema.yaml";
constexpr std::string_view kOldConfig = "config.yaml";

// "$.a.b[0]" of a schema violation as a path in the file: "a.b.0".
std::string path_in_file(std::string_view violation_path) {
  std::string path(violation_path.substr(0, 1) == "$" ? violation_path.substr(1) : violation_path);
  path = replace_all(replace_all(path, "[", "."), "]", "");
  return path.substr(0, 1) == "." ? path.substr(1) : path;
}

class PackLoader {
 public:
  PackLoader(const std::string& directory, const LoadOptions& options) : options_(options) {
    info_.path = absolute_path(directory);
    info_.ref = fs::path(info_.path).filename().string();
  }

  LoadedPack load() {
    const std::string manifest = info_.path + "/" + std::string(kManifest);
    std::vector<Error> warnings;
    auto file = read_metadata_file(manifest, warnings);
    auto document = file ? pack_document(*file, info_.path) : Result<Value>(tl::unexpected<Error>(file.error()));
    if (!document) {
      add_problem("pack", document.error());
      return std::move(loaded_);
    }
    loaded_.pack = std::move(*document);
    info_.ref = loaded_.pack["ref"].string();
    add_warnings("pack", warnings);

    load_trigger_types();
    load_sensors();
    load_kind("actions", "action", action_document, loaded_.actions);
    load_kind("rules", "rule", rule_document, loaded_.rules);
    load_kind("aliases", "alias", alias_document, loaded_.aliases);
    apply_overrides();
    load_kind("policies", "policy", policy_document, loaded_.policies);
    load_config_schema();
    load_config();
    return std::move(loaded_);
  }

 private:
  using Parse = std::function<Result<Value>(const ContentFile&)>;

  void add_problem(const std::string& kind, const Error& error, bool is_warning = false) {
    loaded_.problems.push_back({error, info_.ref, kind, is_warning});
  }

  void add_warnings(const std::string& kind, const std::vector<Error>& warnings) {
    for (const Error& warning : warnings) add_problem(kind, warning, /*is_warning=*/true);
  }

  // Calls `use` for each readable metadata file of a folder; what it returns in error is a problem of that file.
  void each_file(const std::string& folder, const std::string& kind,
                 const std::function<Status(const ContentFile&)>& use) {
    auto names = list_metadata_files(info_.path + "/" + folder);
    if (!names) return add_problem(kind, names.error());
    for (const std::string& name : *names) {
      // StackStorm keeps actions/config.yaml for a config of the whole folder and never reads it.
      if (folder == "actions" && fs::path(name).stem() == "config") continue;
      const std::string relative = folder + "/" + name;
      const std::string path = info_.path + "/" + relative;
      std::vector<Error> warnings;
      auto document = read_metadata_file(path, warnings);
      const Status used = document ? use(ContentFile{info_, relative, std::move(*document), warnings})
                                   : Status(tl::unexpected<Error>(document.error()));
      if (!used) {
        add_problem(kind, used.error().at({path, 0, 0}));
        continue;
      }
      add_warnings(kind, warnings);
    }
  }

  // Two files of one kind with the same ref: the first one stays.
  Status claim(const std::string& kind, const ContentFile& file, const Value& document, std::string_view key) {
    const std::string ref = document["ref"].string();
    const auto [taken, added] = owners_[kind].emplace(ref, file.relative);
    if (added) return {};
    return fail(file.fields().error(
        key, fmt::format("the {} {} is defined in {} already; rename one of them, or remove this file", kind, ref,
                         taken->second)));
  }

  void load_kind(const std::string& folder, const std::string& kind, const Parse& parse,
                 std::vector<Value>& documents) {
    each_file(folder, kind, [&](const ContentFile& file) -> Status {
      SQ_TRY(Value document, parse(file));
      SQ_CHECK(claim(kind, file, document, "name"));
      documents.push_back(std::move(document));
      return {};
    });
  }

  void load_trigger_types() { load_kind("triggers", "trigger", trigger_type_document, loaded_.trigger_types); }

  void load_sensors() {
    each_file("sensors", "sensor", [&](const ContentFile& file) -> Status {
      SQ_TRY(SensorContent content, sensor_content(file));
      SQ_CHECK(claim("sensor", file, content.sensor, "class_name"));
      SQ_CHECK(add_trigger_types(file, content.trigger_types));
      loaded_.sensors.push_back(std::move(content.sensor));
      return {};
    });
  }

  // Sensors of a pack may share a trigger type, as long as they agree on it.
  Status add_trigger_types(const ContentFile& file, const std::vector<Value>& types) {
    std::vector<Value> fresh;
    for (size_t i = 0; i < types.size(); ++i) {
      const Value& type = types[i];
      const Value* existing = nullptr;
      for (const Value& other : loaded_.trigger_types) {
        if (other["ref"] == type["ref"]) existing = &other;
      }
      if (existing == nullptr) {
        fresh.push_back(type);
      } else if ((*existing)["payload_schema"] != type["payload_schema"] ||
                 (*existing)["parameters_schema"] != type["parameters_schema"]) {
        return fail(file.fields().error(
            "trigger_types." + std::to_string(i),
            fmt::format("the trigger type {} is defined otherwise in {}; use another name, or the same schemas",
                        type["ref"].string(), (*existing)["metadata_file"].string())));
      }
    }
    for (Value& type : fresh) loaded_.trigger_types.push_back(std::move(type));
    return {};
  }

  void apply_overrides() {
    std::vector<Error> warnings;
    const Overrides overrides = Overrides::read(options_.overrides_directory, info_.ref, warnings);
    add_warnings("override", warnings);
    const std::pair<const char*, std::vector<Value>*> kinds[] = {{"actions", &loaded_.actions},
                                                                 {"aliases", &loaded_.aliases},
                                                                 {"rules", &loaded_.rules},
                                                                 {"sensors", &loaded_.sensors}};
    for (const auto& [kind, documents] : kinds) {
      for (Value& document : *documents) {
        if (overrides.apply(kind, document)) loaded_.overridden[kind].insert(document["ref"].string());
      }
    }
  }

  void load_config_schema() {
    const std::string path = info_.path + "/" + std::string(kConfigSchema);
    std::vector<Error> warnings;
    auto file = read_metadata_file(path, warnings, /*empty_is_map=*/true);
    if (!file) {
      if (file.error().code() != ErrorCode::kNotFound) add_problem("config_schema", file.error());
      return;
    }
    auto attributes = usable_properties(Fields(*file, file->value), "", file->value, "attribute", warnings);
    if (!attributes) return add_problem("config_schema", attributes.error());
    loaded_.config_schema = std::move(*attributes);
    add_warnings("config_schema", warnings);
  }

  // A file of values; nothing when it is not there or cannot be used.
  std::optional<YamlDocument> read_config(const std::string& path) {
    std::vector<Error> warnings;
    auto file = read_metadata_file(path, warnings, /*empty_is_map=*/true);
    add_warnings("config", warnings);
    if (file) return std::move(*file);
    if (file.error().code() != ErrorCode::kNotFound) add_problem("config", file.error());
    return std::nullopt;
  }

  // Packs from before StackStorm 2.4 bring their config along. Its keys stand below those of configs/<ref>.yaml, and as
  // then it is not held against a schema.
  void load_config() {
    const auto own = read_config(info_.path + "/" + std::string(kOldConfig));
    if (own) loaded_.config = own->value;
    if (options_.configs_directory.empty()) return;
    const auto file = read_config(absolute_path(options_.configs_directory) + "/" + info_.ref + ".yaml");
    if (!file) return;
    Value values = own ? own->value : Value::empty_dict();
    for (const auto& [key, value] : file->value.as_dict()) values.set(key, value);
    if (auto fits = check_config(*file, values); !fits) return add_problem("config", fits.error());
    loaded_.config = values;
  }

  // Checks `given`, which is made of `file` and the values of the pack itself; a fault of the latter does not count.
  Status check_config(const YamlDocument& file, const Value& given) const {
    if (!loaded_.config_schema.is_dict()) return {};
    const Value values = schema::with_defaults(given, loaded_.config_schema);
    const Value masked = schema::mask(values, loaded_.config_schema);
    for (const auto& violation : schema::check(values, schema::object_schema(loaded_.config_schema, true))) {
      const std::string path = path_in_file(violation.path);
      const std::string key = path.substr(0, path.find('.'));
      if (given.contains(key) && !file.value.contains(key)) continue;
      const Value& value = values.at_path(path);
      // What a template will give is not known yet.
      if (value.is_string() && expr::is_template(value.as_string())) continue;
      // The words of a violation quote the value.
      const bool secret = !path.empty() && !(masked.at_path(path) == value);
      return fail(Error(
          ErrorCode::kInvalid,
          fmt::format("the config does not fit config.schema.yaml{}: {}", path.empty() ? "" : " at \"" + path + "\"",
                      secret ? "the value (a secret) has the wrong type or form" : violation.message),
          file.position(path)));
    }
    return {};
  }

  const LoadOptions& options_;
  PackInfo info_;
  LoadedPack loaded_;
  std::map<std::string, std::map<std::string, std::string>> owners_;  // kind -> ref -> file
};

}  // namespace

std::string LoadedPack::path_of(const Value& document) const {
  const auto other = other_paths.find(document["uid"].string());
  return other != other_paths.end() ? other->second : pack["path"].string();
}

std::vector<std::string> find_packs(const std::vector<std::string>& base_directories) {
  std::map<std::string, std::string> found;  // name -> directory
  const auto add = [&](const std::string& directory) {
    const auto [existing, added] = found.emplace(fs::path(directory).filename().string(), directory);
    if (!added && existing->second != directory) {
      log_warning("pack found twice; the first one is used", {{"used", existing->second}, {"ignored", directory}});
    }
  };
  for (const std::string& base : base_directories) {
    const std::string path = absolute_path(base);
    if (is_file(path + "/" + std::string(kManifest))) {
      add(path);
      continue;
    }
    std::error_code failed;
    fs::directory_iterator entry(path, failed);
    for (; !failed && entry != fs::directory_iterator(); entry.increment(failed)) {
      if (is_file(entry->path().string() + "/" + std::string(kManifest))) add(entry->path().string());
    }
    if (failed) log_warning("pack directory cannot be read", {{"directory", path}, {"reason", failed.message()}});
  }
  std::vector<std::string> directories;
  for (const auto& [name, directory] : found) directories.push_back(directory);
  return directories;
}

std::string ref_of(const LoadedPack& pack) {
  return pack.pack.is_null() ? pack.problems.front().pack : pack.pack["ref"].string();
}

Result<Value> read_manifest(const std::string& directory) {
  const std::string path = absolute_path(directory);
  std::vector<Error> warnings;
  SQ_TRY(const YamlDocument file, read_metadata_file(path + "/" + std::string(kManifest), warnings));
  SQ_TRY(const std::string ref, pack_ref(file, path));
  Value manifest = file.value;
  manifest.set("ref", ref);
  return manifest;
}

std::string pack_ref_of(const std::string& directory) {
  const auto manifest = read_manifest(directory);
  return manifest ? (*manifest)["ref"].string() : fs::path(absolute_path(directory)).filename().string();
}

LoadedPack load_pack(const std::string& directory, const LoadOptions& options) {
  install_schema_patterns();
  return PackLoader(directory, options).load();
}

}  // namespace squall::packs
