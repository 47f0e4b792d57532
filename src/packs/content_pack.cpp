#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "packs/content.hpp"
#include "text/semver.hpp"
#include "value/python.hpp"

namespace squall::packs {
namespace {

// StackStorm's PACK_REF_WHITELIST_REGEX: ^[a-z0-9_]+$
bool is_pack_ref(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

constexpr std::string_view kReservedRef = "_global";  // the name of the override file for all packs

Result<std::string> checked_ref(const Fields& fields, const std::string& directory_name, const std::string& name) {
  SQ_TRY(const Value ref, fields.optional_text("ref"));
  if (!ref.truthy()) {
    if (is_pack_ref(directory_name)) return directory_name;
    if (is_pack_ref(name)) return name;
    return fail(fields.error(
        "name", fmt::format("neither the directory \"{}\" nor the name \"{}\" can be the pack's ref; add a \"ref\" "
                            "of a-z, 0-9 and _",
                            directory_name, name)));
  }
  if (!is_pack_ref(ref.as_string())) {
    return fail(fields.error(
        "ref", fmt::format("the ref \"{}\" may only have a-z, 0-9 and _ (no dashes); rename it", ref.as_string())));
  }
  if (ref.as_string() == kReservedRef)
    return fail(fields.error("ref", "the ref \"_global\" is reserved; choose another one"));
  return ref.string();
}

// YAML reads an unquoted 1.0 as a number; StackStorm takes its text.
Value as_text(const Value& value) { return value.is_number() ? Value(python::str(value)) : value; }

Result<std::string> pack_version(const Fields& fields) {
  const Value version = as_text(fields.object()["version"]);
  if (!version.is_string() || version.empty()) return fields.text("version");
  // As StackStorm: "0.2", from before its versions had to be semantic, is "0.2.0".
  if (std::count(version.as_string().begin(), version.as_string().end(), '.') == 1) {
    if (std::string longer = version.string() + ".0"; semver::parse(longer)) return longer;
  }
  if (!semver::parse(version.as_string())) {
    return fail(fields.error(
        "version", fmt::format("the version \"{}\" is no semantic version; write three numbers, such as 0.1.0 or 1.2.3",
                               version.as_string())));
  }
  return version.string();
}

}  // namespace

Result<std::string> pack_ref(const YamlDocument& file, const std::string& path) {
  const Fields fields(file, file.value);
  SQ_TRY(const std::string name, fields.text("name"));
  return checked_ref(fields, std::filesystem::path(path).filename().string(), name);
}

Result<Value> pack_document(const YamlDocument& file, const std::string& path) {
  const Fields fields(file, file.value);
  SQ_TRY(const std::string name, fields.text("name"));
  SQ_TRY(const std::string ref, pack_ref(file, path));
  SQ_TRY(const std::string description, fields.text("description"));
  SQ_TRY(const std::string version, pack_version(fields));
  SQ_TRY(const std::string author, fields.text("author"));
  SQ_TRY(const Value email, fields.optional_text("email"));
  SQ_TRY(const Value keywords, fields.list("keywords"));
  SQ_TRY(const Value stackstorm_version, fields.optional_text("stackstorm_version"));
  SQ_TRY(const Value python_versions, fields.list("python_versions"));
  SQ_TRY(const Value contributors, fields.list("contributors"));
  SQ_TRY(const Value dependencies, fields.list("dependencies"));
  SQ_TRY(const Value system, fields.dict("system"));
  Value python_texts = Value::empty_list();
  for (const Value& python : python_versions.as_list()) python_texts.push_back(as_text(python));
  Value files = Value::empty_list();
  for (const std::string& relative : list_pack_files(path)) files.push_back(relative);
  return without_nulls(Value::dict({{"uid", "pack:" + ref},
                                    {"ref", ref},
                                    {"name", name},
                                    {"description", description},
                                    {"keywords", keywords},
                                    {"version", version},
                                    {"stackstorm_version", stackstorm_version},
                                    {"python_versions", python_texts},
                                    {"author", author},
                                    {"email", email},
                                    {"contributors", contributors},
                                    {"files", files},
                                    {"path", path},
                                    {"dependencies", dependencies},
                                    {"system", system}}));
}

}  // namespace squall::packs
