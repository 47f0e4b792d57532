#include "packs/content.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "base/strings.hpp"
#include "model/reference.hpp"
#include "value/schema.hpp"

namespace squall::packs {

Value without_nulls(const Value& document) {
  Value kept = Value::empty_dict();
  for (const auto& [key, value] : document.as_dict()) {
    if (!value.is_null()) kept.set(key, value);
  }
  return kept;
}

namespace {

constexpr std::string_view kTypes[] = {"array", "boolean", "integer", "null", "number", "object", "string", "any"};

// Calls `found` with the path below the schema and the name of every unknown type.
void each_unknown_type(const Value& schema, const std::string& path,
                       const std::function<void(const std::string&, const std::string&)>& found) {
  const Value& type = schema["type"];
  const List names = type.is_list() ? type.as_list() : List{type};
  for (const Value& name : names) {
    if (name.is_string() && std::find(std::begin(kTypes), std::end(kTypes), name.as_string()) == std::end(kTypes))
      found(path + "type", name.string());
  }
  if (schema["properties"].is_dict()) {
    for (const auto& [name, property] : schema["properties"].as_dict())
      each_unknown_type(property, path + "properties." + name + ".", found);
  }
  if (schema["items"].is_dict()) each_unknown_type(schema["items"], path + "items.", found);
}

}  // namespace

void warn_of_unknown_types(const ContentFile& file, const std::string& key, const Value& schema) {
  std::vector<std::string> names;
  std::string place;
  each_unknown_type(schema, key + ".", [&](const std::string& path, const std::string& name) {
    if (place.empty()) place = path;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  });
  if (names.empty()) return;
  file.warnings.push_back(file.fields().error(
      place, fmt::format("\"{}\" is no type of JSON Schema, so every value is taken for it; use one of: {}",
                         fmt::join(names, "\", \""), fmt::join(kTypes, ", "))));
}

Status check_name(const Fields& fields, std::string_view key, std::string_view name) {
  const bool control =
      std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (control || name.find('/') != std::string_view::npos || trim(name) != name) {
    return fail(fields.error(key, fmt::format("the name \"{}\" cannot be part of a reference: leave out \"/\", control "
                                              "characters and blanks at the ends",
                                              name)));
  }
  return {};
}

Result<std::string> content_name(const ContentFile& file, std::string_view key) {
  const Fields fields = file.fields();
  SQ_TRY(const Value pack, fields.optional_text("pack"));
  if (pack.truthy() && pack.as_string() != file.pack.ref) {
    return fail(
        fields.error("pack", fmt::format("the file belongs to the pack \"{}\", but its \"pack\" is \"{}\"; remove that "
                                         "line, or move the file",
                                         file.pack.ref, pack.as_string())));
  }
  SQ_TRY(std::string name, fields.text(key));
  SQ_CHECK(check_name(fields, key, name));
  return name;
}

Status check_entry_point(const ContentFile& file, const std::string& folder, const std::string& entry_point) {
  namespace fs = std::filesystem;
  const fs::path inside = fs::path(entry_point).lexically_normal();
  if (inside.is_absolute() || inside.empty() || *inside.begin() == "..") {
    return fail(file.fields().error(
        "entry_point",
        fmt::format("the entry_point \"{}\" is outside of {}/; it has to be a path below it", entry_point, folder)));
  }
  return {};
}

std::optional<Error> missing_entry_point(const ContentFile& file, const std::string& folder,
                                         const std::string& entry_point) {
  const std::string path = (std::filesystem::path(file.pack.path) / folder / entry_point).lexically_normal().string();
  if (is_file(path)) return std::nullopt;
  return file.fields().error("entry_point",
                             fmt::format("the entry_point \"{}\" names no file: {} does not exist; correct the name "
                                         "(with its ending), or add the file",
                                         entry_point, path));
}

Result<Value> usable_properties(const Fields& fields, const std::string& path, const Value& properties,
                                std::string_view what, std::vector<Error>& warnings) {
  const auto is_formed = [](const std::string& name, const Value& attributes) {
    return schema::check_properties(Value::dict({{name, attributes}}));
  };
  if (schema::check_properties(properties)) return properties;
  Value usable = Value::empty_dict();
  for (const auto& [name, attributes] : properties.as_dict()) {
    const std::string place = path.empty() ? name : path + "." + name;
    auto formed = is_formed(name, attributes);
    if (formed) {
      usable.set(name, attributes);
      continue;
    }
    Value kept = Value::empty_dict();
    std::vector<std::string> complaints;
    for (const auto& [attribute, value] : attributes.is_dict() ? attributes.as_dict() : Dict()) {
      const auto fits = is_formed(name, Value::dict({{attribute, value}}));
      if (fits || attribute == "secret" || attribute == "immutable") {
        kept.set(attribute, value);
      } else {
        complaints.push_back(fits.error().message());
      }
    }
    if (attributes.is_dict()) formed = is_formed(name, kept);
    if (!formed) {
      return fail(fields.error(
          place, fmt::format("the {} \"{}\" is not declared correctly: {}", what, name, formed.error().message())));
    }
    warnings.push_back(fields.error(place, fmt::format("a part of the {} \"{}\" is not declared correctly and does not "
                                                       "count: {}",
                                                       what, name, fmt::join(complaints, "; "))));
    usable.set(name, std::move(kept));
  }
  return usable;
}

Result<Value> alias_document(const ContentFile& file) {
  static constexpr std::string_view kKnown[] = {
      "name",  "description",          "pack", "enabled", "action_ref", "formats",      "ack", "result",
      "extra", "immutable_parameters", "id",   "ref",     "uid",        "metadata_file"};
  const Fields fields = file.fields();
  SQ_TRY(const std::string name, content_name(file));
  SQ_CHECK(fields.only(kKnown));
  SQ_TRY(const Value description, fields.optional_text("description"));
  SQ_TRY(const bool enabled, fields.flag("enabled", true));
  SQ_TRY(const std::string action, fields.text("action_ref"));
  SQ_TRY(const Value formats, fields.list("formats"));
  for (size_t i = 0; i < formats.size(); ++i) {
    const Value& format = formats[i];
    if (!format.is_string() && !(format.is_dict() && format.contains("representation"))) {
      return fail(fields.error("formats." + std::to_string(i),
                               "a format has to be a text, or a map with \"display\" and \"representation\""));
    }
  }
  SQ_TRY(const Value ack, fields.dict("ack"));
  SQ_TRY(const Value result, fields.dict("result"));
  SQ_TRY(const Value extra, fields.dict("extra"));
  SQ_TRY(const Value immutable, fields.dict("immutable_parameters"));
  return without_nulls(Value::dict({{"uid", model::make_uid("action", file.pack.ref, name)},
                                    {"metadata_file", file.relative},
                                    {"name", name},
                                    {"ref", file.pack.ref + "." + name},
                                    {"description", description},
                                    {"pack", file.pack.ref},
                                    {"enabled", enabled},
                                    {"action_ref", action},
                                    {"formats", formats},
                                    {"ack", ack},
                                    {"result", result},
                                    {"extra", extra},
                                    {"immutable_parameters", immutable}}));
}

Result<Value> trigger_type_document(const ContentFile& file) {
  static constexpr std::string_view kKnown[] = {
      "name", "description", "pack", "payload_schema", "parameters_schema", "tags",
      "id",   "ref",         "uid",  "metadata_file"};
  const Fields fields = file.fields();
  SQ_TRY(const std::string name, content_name(file));
  SQ_CHECK(fields.only(kKnown));
  SQ_TRY(const Value description, fields.optional_text("description"));
  SQ_TRY(const Value tags, fields.list("tags"));
  SQ_TRY(const Value payload, fields.dict("payload_schema"));
  SQ_TRY(const Value parameters, fields.dict("parameters_schema"));
  warn_of_unknown_types(file, "payload_schema", payload);
  warn_of_unknown_types(file, "parameters_schema", parameters);
  return without_nulls(Value::dict({{"description", description},
                                    {"tags", tags},
                                    {"uid", model::make_uid("trigger_type", file.pack.ref, name)},
                                    {"metadata_file", file.relative},
                                    {"ref", file.pack.ref + "." + name},
                                    {"name", name},
                                    {"pack", file.pack.ref},
                                    {"payload_schema", payload},
                                    {"parameters_schema", parameters}}));
}

}  // namespace squall::packs
