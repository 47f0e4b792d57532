#include "clients/kubernetes/secrets.hpp"

namespace squall::kubernetes {
namespace {

constexpr std::string_view kMask = "********";
constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

void mask_members(Value& object, std::string_view name) {
  Value* values = object.mut_dict().find_mutable(name);
  if (values == nullptr || !values->is_dict()) return;
  std::vector<std::string> keys;
  for (const auto& [key, value] : values->as_dict()) keys.push_back(key);
  for (const std::string& key : keys) values->set(key, kMask);
}

// The member of a dict, to be changed in place; null when it is no dict.
Value* dict_member(Value& object, std::string_view name) {
  if (!object[name].is_dict()) return nullptr;
  return object.mut_dict().find_mutable(name);
}

}  // namespace

void drop_managed_fields(Value& object) {
  if (!object["metadata"].contains("managedFields")) return;
  if (Value* metadata = dict_member(object, "metadata")) metadata->erase("managedFields");
}

bool is_secret(const Value& object) {
  return object["kind"].string_or("") == "Secret" && object["apiVersion"].string_or("") == "v1";
}

bool mask_secret(Value& object) {
  if (!is_secret(object)) return false;
  mask_members(object, "data");
  mask_members(object, "stringData");
  if (!object["metadata"]["annotations"].contains(kLastApplied)) return true;
  Value* metadata = dict_member(object, "metadata");
  if (Value* annotations = metadata == nullptr ? nullptr : dict_member(*metadata, "annotations")) {
    annotations->set(kLastApplied, kMask);
  }
  return true;
}

}  // namespace squall::kubernetes
