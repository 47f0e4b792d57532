// One metadata file of a pack: its document, and where each part of it stands. Only this folder uses it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"
#include "value/yaml.hpp"

namespace squall::packs {

// A map inside a metadata file, read with the checks that every kind of content needs. Errors say what is wrong, where,
// and how to mend it. Views the file: it must not outlive it.
class Fields {
 public:
  // `path` leads from the document to `object`: "trigger_types.0"; empty for the document itself.
  Fields(const YamlDocument& file, const Value& object, std::string path = {})
      : file_(file), object_(object), path_(std::move(path)) {}

  const Value& object() const { return object_; }
  // An error that stands where `key` stands, or where this map begins when `key` is empty or missing.
  Error error(std::string_view key, std::string message) const;

  // A text that has to be there and may not be empty.
  Result<std::string> text(std::string_view key) const;
  // A text, or null when it is missing.
  Result<Value> optional_text(std::string_view key) const;
  Result<bool> flag(std::string_view key, bool fallback) const;
  // {} and [] when it is missing or null.
  Result<Value> dict(std::string_view key) const;
  Result<Value> list(std::string_view key) const;
  // A map that has to be there.
  Result<Fields> nested(std::string_view key) const;
  // Fails for a key that is not one of these: usually a typing mistake.
  Status only(std::span<const std::string_view> known) const;

 private:
  Error wrong_kind(std::string_view key, std::string_view wanted) const;
  std::string path_of(std::string_view key) const;

  const YamlDocument& file_;
  const Value& object_;
  std::string path_;
};

// Reads a YAML or JSON file (by its name's end) whose document is a map. Errors stand at the fault: a file that cannot
// be read, is too large (limits::kPackFileBytesMax), is not UTF-8, has a syntax error, or is no map. Of a key that is
// there twice the last value counts, as in StackStorm, and `warnings` gets its place. With `empty_is_map` an empty
// document counts as {}.
Result<YamlDocument> read_metadata_file(const std::string& path, std::vector<Error>& warnings,
                                        bool empty_is_map = false);

// True when a regular file is there, through symbolic links.
bool is_file(const std::string& path);
// Names of the metadata files (.yaml, .yml, .json; no hidden ones) of a directory, sorted. Empty when it does not
// exist.
Result<std::vector<std::string>> list_metadata_files(const std::string& directory);
// Every file below a pack's directory, relative, sorted; without .git and compiled Python. Does not follow symbolic
// links to directories. What cannot be read is left out: this list is for display.
std::vector<std::string> list_pack_files(const std::string& directory);

}  // namespace squall::packs
