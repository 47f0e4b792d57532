#include <fmt/format.h>

#include "base/strings.hpp"
#include "model/reference.hpp"
#include "packs/content.hpp"
#include "rules/criteria.hpp"

namespace squall::packs {
namespace {

// The error's place is a path in the rule: `criteria["trigger.x"]`, where positions have "criteria.trigger.x".
Error criteria_error(const Fields& fields, const Error& error) {
  std::string path = replace_all(error.where().file, "[\"", ".");
  path = replace_all(path, "\"]", "");
  return fields.error(path.empty() ? "criteria" : path, error.message());
}

Result<Value> rule_type(const Fields& fields) {
  SQ_TRY(const Value type, fields.dict("type"));
  const Value& ref = type["ref"];
  if (!ref.is_null() && ref.string_or("") != "standard" && ref.string_or("") != "backstop") {
    return fail(fields.error("type.ref", "the rule's type has to be \"standard\" or \"backstop\""));
  }
  return Value::dict({{"ref", ref.is_null() ? Value("standard") : ref},
                      {"parameters", type["parameters"].is_dict() ? type["parameters"] : Value::empty_dict()}});
}

}  // namespace

Result<Value> rule_document(const ContentFile& file) {
  static constexpr std::string_view kKnown[] = {"name",    "description", "pack",   "enabled",      "type",
                                                "trigger", "criteria",    "action", "tags",         "context",
                                                "id",      "ref",         "uid",    "metadata_file"};
  const Fields fields = file.fields();
  SQ_TRY(const std::string name, content_name(file));
  SQ_CHECK(fields.only(kKnown));
  SQ_TRY(const Value description, fields.optional_text("description"));
  SQ_TRY(const bool enabled, fields.flag("enabled", false));
  SQ_TRY(const Value type, rule_type(fields));
  SQ_TRY(const Fields trigger, fields.nested("trigger"));
  SQ_TRY(const std::string trigger_type, trigger.text("type"));
  SQ_TRY(const Value trigger_parameters, trigger.dict("parameters"));
  SQ_TRY(const Value criteria, fields.dict("criteria"));
  if (auto compiled = rules::CompiledCriteria::compile(criteria); !compiled) {
    return fail(criteria_error(fields, compiled.error()));
  }
  SQ_TRY(const Fields action, fields.nested("action"));
  SQ_TRY(const std::string action_ref, action.text("ref"));
  SQ_TRY(const Value action_parameters, action.dict("parameters"));
  SQ_TRY(const Value tags, fields.list("tags"));
  SQ_TRY(const Value context, fields.dict("context"));
  return without_nulls(
      Value::dict({{"tags", tags},
                   {"uid", model::make_uid("rule", file.pack.ref, name)},
                   {"metadata_file", file.relative},
                   {"name", name},
                   {"ref", file.pack.ref + "." + name},
                   {"description", description},
                   {"pack", file.pack.ref},
                   {"type", type},
                   {"trigger", Value::dict({{"type", trigger_type}, {"parameters", trigger_parameters}})},
                   {"criteria", criteria},
                   {"action", Value::dict({{"ref", action_ref}, {"parameters", action_parameters}})},
                   {"context", context},
                   {"enabled", enabled}}));
}

}  // namespace squall::packs
