// From metadata files to documents, one function for each kind of content. Only loader.cpp uses them.
//
// Errors are made for the author of the pack: position, what is wrong, how to mend it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "packs/metadata_file.hpp"
#include "value/value.hpp"

namespace squall::packs {

// The pack that a file belongs to.
struct PackInfo {
  std::string ref;
  std::string path;  // absolute
};

// One file below a pack's directory.
struct ContentFile {
  const PackInfo& pack;
  std::string relative;  // "actions/x.yaml": the document's metadata_file
  YamlDocument document;
  std::vector<Error>& warnings;  // mistakes that do not keep the file from being used

  Fields fields() const { return Fields(document, document.value); }
};

// The pack itself, of its pack.yaml; `path` is the directory of the pack, whose name stands in for a missing ref.
Result<std::string> pack_ref(const YamlDocument& file, const std::string& path);
Result<Value> pack_document(const YamlDocument& file, const std::string& path);
Result<Value> action_document(const ContentFile& file);
Result<Value> rule_document(const ContentFile& file);
Result<Value> alias_document(const ContentFile& file);
Result<Value> policy_document(const ContentFile& file);
Result<Value> trigger_type_document(const ContentFile& file);

struct SensorContent {
  Value sensor;
  std::vector<Value> trigger_types;
};
Result<SensorContent> sensor_content(const ContentFile& file);

// What the kinds share.

// Checks "pack", which may only name the pack itself, and the name; returns the name.
Result<std::string> content_name(const ContentFile& file, std::string_view key = "name");
// Checks that a name can be part of a reference and of a path in the API.
Status check_name(const Fields& fields, std::string_view key, std::string_view name);
// Checks that `entry_point` is a path below `folder` ("actions") of the pack.
Status check_entry_point(const ContentFile& file, const std::string& folder, const std::string& entry_point);
// What is wrong when there is no such file; nothing when there is.
std::optional<Error> missing_entry_point(const ContentFile& file, const std::string& folder,
                                         const std::string& entry_point);
// Declarations of parameters (`what` is "parameter") or of a config ("attribute") as they can be used; they stand at
// `path` of the file. An attribute of one that is unknown or malformed is left out with a warning: no pack is worth
// less for a typing mistake there. What others rely on has to be right: names, `secret` and `immutable`.
Result<Value> usable_properties(const Fields& fields, const std::string& path, const Value& properties,
                                std::string_view what, std::vector<Error>& warnings);
// A schema of payloads or parameters as it is, with a warning for each name of a type that JSON Schema does not have:
// such a type accepts every value. `key` says where the schema stands.
void warn_of_unknown_types(const ContentFile& file, const std::string& key, const Value& schema);
// The document without its null members.
Value without_nulls(const Value& document);

}  // namespace squall::packs
