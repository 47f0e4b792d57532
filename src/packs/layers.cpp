#include "packs/layers.hpp"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "base/log.hpp"

namespace squall::packs {
namespace {

// Appends what of `lower` has a ref of its own, and notes where it came from: but not of aliases, whose uids are those
// of actions and which have no files of their own.
void add_missing(std::vector<Value>& upper, const std::vector<Value>& lower, const std::string& path,
                 std::map<std::string, std::string>& other_paths) {
  std::set<std::string> refs;
  for (const Value& document : upper) refs.insert(document["ref"].string());
  for (const Value& document : lower) {
    if (refs.contains(document["ref"].string())) continue;
    if (!document.contains("formats")) other_paths[document["uid"].string()] = path;
    upper.push_back(document);
  }
}

void add_missing_attributes(Value& upper, const Value& lower) {
  if (!lower.is_dict()) return;
  if (!upper.is_dict()) upper = Value::empty_dict();
  for (const auto& [name, attributes] : lower.as_dict()) {
    if (!upper.contains(name)) upper.set(name, attributes);
  }
}

constexpr size_t kLoadThreadsMax = 4;

// StackStorm's own pack of this name works on the inside of StackStorm. squall's has its actions, and lies over it.
constexpr std::string_view kShippedWins = "packs";

// In the order of the directories. Several at a time: what takes long is reading thousands of small files of YAML.
std::vector<LoadedPack> load_each(const std::vector<std::string>& directories, const LoadOptions& options) {
  std::vector<LoadedPack> packs(directories.size());
  if (directories.empty()) return packs;
  packs[0] = load_pack(directories[0], options);  // before there are other threads
  std::atomic<size_t> next{1};
  const auto work = [&] {
    for (size_t i = next++; i < directories.size(); i = next++) packs[i] = load_pack(directories[i], options);
  };
  const size_t wanted = std::min({kLoadThreadsMax, size_t{std::thread::hardware_concurrency()}, directories.size()});
  {
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < wanted; ++i) threads.emplace_back(work);
    work();
  }
  return packs;
}

std::vector<std::string> wanted_packs(const std::vector<std::string>& base_directories, const LoadOptions& options) {
  std::vector<std::string> directories = find_packs(base_directories);
  if (options.only.empty()) return directories;
  std::erase_if(directories, [&](const std::string& directory) {
    return std::find(options.only.begin(), options.only.end(), pack_ref_of(directory)) == options.only.end();
  });
  return directories;
}

}  // namespace

LoadedPack lay_over(LoadedPack upper, LoadedPack lower) {
  if (upper.pack.is_null()) {
    lower.problems.insert(lower.problems.end(), upper.problems.begin(), upper.problems.end());
    return lower;
  }
  // The config belongs to the schema of the pack above.
  std::erase_if(lower.problems, [](const LoadProblem& problem) { return problem.kind == "config"; });
  const std::string path = lower.pack["path"].string();
  add_missing(upper.actions, lower.actions, path, upper.other_paths);
  add_missing(upper.rules, lower.rules, path, upper.other_paths);
  add_missing(upper.sensors, lower.sensors, path, upper.other_paths);
  add_missing(upper.trigger_types, lower.trigger_types, path, upper.other_paths);
  add_missing(upper.aliases, lower.aliases, path, upper.other_paths);
  add_missing(upper.policies, lower.policies, path, upper.other_paths);
  add_missing_attributes(upper.config_schema, lower.config_schema);
  for (auto& [kind, refs] : lower.overridden) upper.overridden[kind].merge(refs);
  upper.problems.insert(upper.problems.end(), lower.problems.begin(), lower.problems.end());
  return upper;
}

std::vector<LoadedPack> load_layers(const std::vector<std::string>& directories, const std::string& shipped,
                                    const LoadOptions& options) {
  std::map<std::string, LoadedPack> below;  // by ref
  if (!shipped.empty()) {
    for (LoadedPack& pack : load_each(wanted_packs({shipped}, options), options)) {
      std::string ref = pack.pack["ref"].string();
      below.emplace(std::move(ref), std::move(pack));
    }
  }
  std::map<std::string, LoadedPack> loaded;
  const std::vector<std::string> found = wanted_packs(directories, options);
  std::vector<LoadedPack> of_directories = load_each(found, options);
  for (size_t i = 0; i < found.size(); ++i) {
    LoadedPack& pack = of_directories[i];
    const std::string ref = ref_of(pack);
    if (const auto other = loaded.find(ref); other != loaded.end()) {
      log_warning("two packs with one ref; the first one is used",
                  {{"ref", ref}, {"used", other->second.pack["path"].string()}, {"ignored", found[i]}});
      continue;
    }
    if (const auto lower = below.find(ref); lower != below.end()) {
      if (lower->second.pack["path"] != pack.pack["path"]) {
        pack = ref == kShippedWins ? lay_over(std::move(lower->second), std::move(pack))
                                   : lay_over(std::move(pack), std::move(lower->second));
      }
      below.erase(lower);
    }
    loaded.emplace(ref, std::move(pack));
  }
  loaded.merge(below);
  std::vector<LoadedPack> packs;
  for (auto& [ref, pack] : loaded) packs.push_back(std::move(pack));
  return packs;
}

}  // namespace squall::packs
