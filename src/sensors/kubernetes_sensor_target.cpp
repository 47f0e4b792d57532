#include "sensors/kubernetes_sensor_target.hpp"

#include <functional>
#include <vector>

#include "base/strings.hpp"
#include "clients/kubernetes/resource.hpp"

namespace squall::sensors {
namespace {

constexpr size_t kScopeBytesMax = 500;  // leaves room for namespace and name in the store's ids

Result<std::string> read_text(const Value& parameters, std::string_view name) {
  const Value& value = parameters[name];
  if (value.is_null() || value.is_string()) return std::string(trim(value.string_or("")));
  return fail(ErrorCode::kInvalid, "parameter " + std::string(name) + " must be text");
}

// "app=web,tier=db" as text or as {"app": "web", "tier": "db"}.
Result<std::string> read_selector(const Value& parameters, std::string_view name) {
  const Value& value = parameters[name];
  if (!value.is_dict()) return read_text(parameters, name);
  std::vector<std::string> terms;
  for (const auto& [key, wanted] : value.as_dict()) {
    if (!wanted.is_string())
      return fail(ErrorCode::kInvalid, "parameter " + std::string(name) + "." + key + " must be text");
    terms.push_back(key + "=" + wanted.string());
  }
  return join(terms, ",");
}

// FNV-1a: the same on every machine and in every release.
std::string hash_of(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(hash >> shift);
  return hex_encode(bytes);
}

}  // namespace

std::string KubernetesTarget::scope() const {
  const std::string what = resource.empty() ? "kind=" + kind : resource;
  std::string scope = "kubernetes";
  for (const std::string& part : {context, api_version, what, namespace_name, label_selector, field_selector}) {
    // A '*' can stand in none of the parts, where it would become %2A.
    scope += "/" + (part.empty() ? std::string("*") : percent_encode(part));
  }
  if (scope.size() <= kScopeBytesMax) return scope;
  return scope.substr(0, kScopeBytesMax - 20) + "/%" + hash_of(scope);
}

bool KubernetesTarget::is_secrets() const { return api_version == "v1" && (resource == "secrets" || kind == "Secret"); }

bool needs_kept_objects(std::string_view event, const Value& parameters) {
  return parameters["keep_objects"].bool_or(event != kubernetes::change_name(kubernetes::ChangeType::kCreated));
}

Result<KubernetesTarget> parse_kubernetes_target(const Value& parameters) {
  KubernetesTarget target;
  SQ_TRY(target.context, read_text(parameters, "context"));
  SQ_TRY(target.api_version, read_text(parameters, "api_version"));
  SQ_TRY(const std::string group, read_text(parameters, "group"));
  SQ_TRY(const std::string version, read_text(parameters, "version"));
  SQ_TRY(target.resource, read_text(parameters, "resource"));
  SQ_TRY(target.kind, read_text(parameters, "kind"));
  SQ_TRY(target.namespace_name, read_text(parameters, "namespace"));
  SQ_TRY(target.label_selector, read_selector(parameters, "label_selector"));
  SQ_TRY(target.field_selector, read_selector(parameters, "field_selector"));
  if (target.api_version.empty()) {
    if (version.empty()) return fail(ErrorCode::kInvalid, "parameter api_version is missing, e.g. 'v1' or 'apps/v1'");
    target.api_version = group.empty() || group == "core" ? version : group + "/" + version;
  } else if (!group.empty() || !version.empty()) {
    return fail(ErrorCode::kInvalid, "parameter api_version excludes group and version");
  }
  SQ_CHECK(kubernetes::parse_api_version(target.api_version));
  if (const Value& keep = parameters["keep_objects"]; !keep.is_null() && !keep.is_bool()) {
    return fail(ErrorCode::kInvalid, "parameter keep_objects must be true or false");
  }
  if (target.resource.empty() && target.kind.empty()) {
    return fail(ErrorCode::kInvalid,
                "parameter resource (plural, e.g. 'databases') or kind (e.g. 'Database') is missing");
  }
  if (!target.resource.empty()) target.kind.clear();
  return target;
}

}  // namespace squall::sensors
