#include <fmt/format.h>

#include <filesystem>

#include "base/strings.hpp"
#include "model/reference.hpp"
#include "packs/content.hpp"

namespace squall::packs {
namespace {

// A sensor written in C++ inside squall: it has no file.
constexpr std::string_view kNative = "native";

// StackStorm shows the Python path of the class: "sensors.conf_sensor.ConfSensor".
std::string class_path(const std::string& entry_point, const std::string& class_name) {
  std::filesystem::path module =
      std::filesystem::path("sensors") / std::filesystem::path(entry_point).lexically_normal();
  return replace_all(module.replace_extension().string(), "/", ".") + "." + class_name;
}

Result<Value> sensor_trigger_type(const ContentFile& file, size_t index) {
  const Fields fields(file.document, file.document.value["trigger_types"][index],
                      "trigger_types." + std::to_string(index));
  if (!fields.object().is_dict()) return fail(fields.error("", "a trigger type has to be a map with a \"name\""));
  SQ_TRY(const std::string name, fields.text("name"));
  SQ_CHECK(check_name(fields, "name", name));
  SQ_TRY(const Value description, fields.optional_text("description"));
  SQ_TRY(const Value tags, fields.list("tags"));
  SQ_TRY(const Value payload, fields.dict("payload_schema"));
  SQ_TRY(const Value parameters, fields.dict("parameters_schema"));
  const std::string place = "trigger_types." + std::to_string(index);
  warn_of_unknown_types(file, place + ".payload_schema", payload);
  warn_of_unknown_types(file, place + ".parameters_schema", parameters);
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

}  // namespace

Result<SensorContent> sensor_content(const ContentFile& file) {
  static constexpr std::string_view kKnown[] = {
      "class_name", "entry_point", "description", "enabled", "poll_interval", "trigger_types", "artifact_uri",
      "name",       "pack",        "id",          "ref",     "uid",           "metadata_file"};
  const Fields fields = file.fields();
  SQ_TRY(const std::string name, content_name(file, "class_name"));
  SQ_CHECK(fields.only(kKnown));
  SQ_TRY(const std::string entry_point, fields.text("entry_point"));
  const bool native = entry_point == kNative;
  if (!native) {
    SQ_CHECK(check_entry_point(file, "sensors", entry_point));
    if (auto missing = missing_entry_point(file, "sensors", entry_point)) return fail(std::move(*missing));
  }
  SQ_TRY(const Value description, fields.optional_text("description"));
  SQ_TRY(const bool enabled, fields.flag("enabled", true));
  const Value poll_interval = fields.object()["poll_interval"];
  if (!poll_interval.is_null() && !poll_interval.is_int()) {
    return fail(fields.error("poll_interval", "\"poll_interval\" has to be a whole number of seconds"));
  }
  SQ_TRY(const Value types, fields.list("trigger_types"));
  SensorContent content;
  Value refs = Value::empty_list();
  for (size_t i = 0; i < types.size(); ++i) {
    SQ_TRY(Value type, sensor_trigger_type(file, i));
    refs.push_back(type["ref"]);
    content.trigger_types.push_back(std::move(type));
  }
  content.sensor = without_nulls(
      Value::dict({{"uid", model::make_uid("sensor_type", file.pack.ref, name)},
                   {"metadata_file", file.relative},
                   {"name", name},
                   {"ref", file.pack.ref + "." + name},
                   {"description", description},
                   {"class_name", name},
                   {"pack", file.pack.ref},
                   {"artifact_uri", native ? Value("") : Value("file://" + file.pack.path + "/sensors/" + entry_point)},
                   {"entry_point", native ? Value(kNative) : Value(class_path(entry_point, name))},
                   {"trigger_types", refs},
                   {"poll_interval", poll_interval},
                   {"enabled", enabled}}));
  return content;
}

}  // namespace squall::packs
