#include "app/pack_watch.hpp"

#include <algorithm>
#include <filesystem>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "packs/loader.hpp"

namespace squall::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolders[] = {"actions", "rules", "sensors", "triggers", "aliases", "policies"};
constexpr std::string_view kFiles[] = {"pack.yaml", "config.yaml", "config.schema.yaml"};

template <size_t N>
bool contains(const std::string_view (&names)[N], const std::string& name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// Does what lies at `inside`, relative to its pack, say what is registered?
bool is_registered_path(const fs::path& inside) {
  const std::vector<std::string> parts(inside.begin(), inside.end());
  if (parts.empty()) return true;  // the pack itself
  if (parts.size() == 1) return contains(kFiles, parts[0]) || contains(kFolders, parts[0]);
  const std::string ending = inside.extension().string();
  if (parts.size() != 2 || !contains(kFolders, parts[0])) return false;
  // A sensor is started again when its code has changed; an action's code is read when it runs.
  return ending == ".yaml" || ending == ".yml" || ending == ".json" || (ending == ".py" && parts[0] == "sensors");
}

}  // namespace

Result<std::unique_ptr<PackWatch>> PackWatch::start(Executor& executor, engine::Engine& engine,
                                                    WatchedDirectories directories) {
  for (std::string& directory : directories.packs) directory = absolute_path(directory);
  directories.configs = absolute_path(directories.configs);
  directories.overrides = absolute_path(directories.overrides);
  packs::WatchOptions options;
  options.directories = directories.packs;
  options.directories.push_back(directories.configs);
  options.directories.push_back(directories.overrides);
  std::unique_ptr<PackWatch> watch(new PackWatch(engine, std::move(directories)));
  SQ_TRY(watch->watch_, packs::DirectoryWatch::start(
                            executor, std::move(options),
                            [self = watch.get()](const std::set<std::string>& paths) { self->changed(paths); }));
  return watch;
}

// The pack as it is called now, and as it was called when it was registered.
void PackWatch::add_pack_of(const std::string& path, std::set<std::string>& refs) const {
  for (const std::string& base : directories_.packs) {
    if (path != base && !path.starts_with(base + "/")) continue;
    const fs::path inside = fs::path(path).lexically_relative(base);
    std::string directory = base;
    const auto registered = engine_.catalog().all(store::Collection::kPacks);
    const auto at = [&](const std::string& where) -> const Value* {
      for (const Value& pack : registered) {
        if (pack["path"].string_or("") == where) return &pack;
      }
      return nullptr;
    };
    const Value* itself = at(base);
    fs::path in_pack = inside == "." ? fs::path() : inside;
    std::error_code failed;
    if (itself == nullptr && !fs::exists(base + "/pack.yaml", failed)) {
      if (in_pack.empty()) return;
      directory = base + "/" + in_pack.begin()->string();
      in_pack = fs::path(path).lexically_relative(directory);
      if (in_pack == ".") in_pack.clear();
      itself = at(directory);
    }
    if (!is_registered_path(in_pack)) return;
    if (itself != nullptr) refs.insert((*itself)["ref"].string());
    if (fs::exists(directory + "/pack.yaml", failed)) refs.insert(packs::pack_ref_of(directory));
    return;
  }
}

void PackWatch::changed(const std::set<std::string>& paths) {
  std::set<std::string> refs;
  bool all = paths.empty();
  for (const std::string& path : paths) {
    const fs::path file(path);
    if (file.parent_path() == directories_.overrides || file.parent_path() == directories_.configs) {
      if (file.extension() != ".yaml") continue;
      if (file.stem() == "_global") all = true;
      refs.insert(file.stem().string());
    } else {
      add_pack_of(path, refs);
    }
  }
  if (refs.empty() && !all) return;
  follow(all ? std::vector<std::string>() : std::vector(refs.begin(), refs.end()));
}

void PackWatch::remove_vanished() {
  std::vector<std::string> names;
  for (const Value& pack : engine_.catalog().all(store::Collection::kPacks)) {
    std::error_code failed;
    if (!fs::exists(pack["path"].string(), failed)) names.push_back(pack["ref"].string());
  }
  if (!names.empty()) follow(names);
}

void PackWatch::follow(const std::vector<std::string>& names) {
  engine_.follow_packs(names, [names](const Result<engine::RegisterReport>& report) {
    if (!report) return log_warning("packs could not be registered again", {{"reason", report.error().message()}});
    log_info(
        "packs registered again because their files changed",
        {{"packs", names.empty() ? "all" : join(names, ", ")}, {"problems", std::to_string(report->problems.size())}});
  });
}

}  // namespace squall::app
