// Loads packs from disk: StackStorm's layout and file formats, unchanged (stackstorm-features.md A, B, G, H, I, J, L,
// N).
//
// A pack is a directory with a pack.yaml and, beside it, actions/, rules/, sensors/, triggers/, aliases/, policies/ and
// config.schema.yaml. A file that cannot be used is told as one problem and left out; everything else loads.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::packs {

// What is wrong with a file. error.where() is the place of the fault: file:line:column, as far as it is known.
struct LoadProblem {
  Error error;
  std::string pack;  // ref of the pack; the directory's name when pack.yaml is unusable
  std::string kind;  // "pack", "action", "rule", "sensor", "trigger", "alias", "policy", "config_schema", "config" or
                     // "override"
  bool is_warning = false;  // the file is used all the same; otherwise it was left out
};

// What a pack's directory holds, as documents with StackStorm's field names, order and defaults; without "id". Members
// that StackStorm would show as null are absent.
struct LoadedPack {
  Value pack;  // null when pack.yaml is unusable; then nothing else is loaded
  std::vector<Value> actions;
  std::vector<Value> rules;  // `trigger` is {type, parameters}
  std::vector<Value> sensors;
  std::vector<Value> trigger_types;  // of triggers/ and of the sensors
  std::vector<Value> aliases;
  std::vector<Value> policies;
  Value config_schema;  // attributes by name; null when there is none
  Value config;  // values from config.yaml inside the pack and, over them, configs_directory/<ref>.yaml; may be null
  std::vector<LoadProblem> problems;
  // Directories of content that comes from another pack (layers.hpp), by uid; everything else is below pack["path"].
  std::map<std::string, std::string> other_paths;
  // Refs of what an operator's overrides changed (overrides.hpp), by "actions", "aliases", "rules", "sensors".
  std::map<std::string, std::set<std::string>> overridden;

  // Directory that a document of this pack came from.
  std::string path_of(const Value& document) const;
};

struct LoadOptions {
  std::string configs_directory;    // empty: no configs
  std::string overrides_directory;  // empty: no overrides
  std::vector<std::string> only;    // refs of the packs that load_layers() is to load; empty: all
};

// Directories of the packs below the base directories, sorted by their name; of two with the same name the one in the
// earlier base directory wins, and the other is told in the log. A base directory may itself be a pack.
std::vector<std::string> find_packs(const std::vector<std::string>& base_directories);

// What the pack in this directory is called, by its pack.yaml; the directory's name when that is unusable.
std::string pack_ref_of(const std::string& directory);

// The content of a pack.yaml as it is written, with "ref" filled in; the error has the place of the mistake.
Result<Value> read_manifest(const std::string& directory);

// The ref of a pack that was loaded, usable or not.
std::string ref_of(const LoadedPack& pack);

// Reads one pack. Never fails as a whole: see LoadedPack::problems. The first call must come before other threads check
// schemas (schema_patterns.hpp); then any thread may call it.
LoadedPack load_pack(const std::string& directory, const LoadOptions& options);

}  // namespace squall::packs
