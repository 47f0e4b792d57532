#include <fmt/format.h>

#include "model/reference.hpp"
#include "packs/content.hpp"
#include "packs/policy_types.hpp"
#include "value/schema.hpp"

namespace squall::packs {

Result<Value> policy_document(const ContentFile& file) {
  static constexpr std::string_view kKnown[] = {"name",         "description", "pack",         "enabled",
                                                "resource_ref", "policy_type", "parameters",   "id",
                                                "ref",          "uid",         "metadata_file"};
  const Fields fields = file.fields();
  SQ_TRY(const std::string name, content_name(file));
  SQ_CHECK(fields.only(kKnown));
  SQ_TRY(const Value description, fields.optional_text("description"));
  SQ_TRY(const bool enabled, fields.flag("enabled", true));
  SQ_TRY(const std::string resource, fields.text("resource_ref"));
  SQ_TRY(const std::string type_ref, fields.text("policy_type"));
  const Value* type = find_policy_type(type_ref);
  if (type == nullptr) {
    std::vector<std::string> known;
    for (const Value& candidate : policy_types()) known.push_back(candidate["ref"].string());
    return fail(fields.error("policy_type", fmt::format("the policy type \"{}\" is not known; use one of: {}", type_ref,
                                                        fmt::join(known, ", "))));
  }
  SQ_TRY(const Value written, fields.dict("parameters"));
  const Value parameters = schema::with_defaults(written, (*type)["parameters"]);
  const auto violations = schema::check(parameters, schema::object_schema((*type)["parameters"]));
  if (!violations.empty()) {
    return fail(fields.error("parameters", fmt::format("the parameters do not fit the policy type {}: {}", type_ref,
                                                       schema::best_match(violations).message)));
  }
  return without_nulls(Value::dict({{"uid", model::make_uid("policy", file.pack.ref, name)},
                                    {"metadata_file", file.relative},
                                    {"name", name},
                                    {"ref", file.pack.ref + "." + name},
                                    {"pack", file.pack.ref},
                                    {"description", description},
                                    {"enabled", enabled},
                                    {"resource_ref", resource},
                                    {"policy_type", type_ref},
                                    {"parameters", parameters}}));
}

}  // namespace squall::packs
