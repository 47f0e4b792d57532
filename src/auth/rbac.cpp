#include "auth/rbac.hpp"

#include <algorithm>

#include "model/reference.hpp"

namespace squall::auth {
namespace {

constexpr std::string_view kUserKeys = "key_value_pair:st2kv.user:";

using Set = std::bitset<kPermissionCount>;

Set set_of(std::initializer_list<Permission> permissions) {
  Set set;
  for (const Permission permission : permissions) set.set(static_cast<size_t>(permission));
  return set;
}

bool is_reading(std::string_view verb) { return verb == "view" || verb == "list" || verb == "search"; }

// The verbs that let see what they are about.
constexpr std::string_view kShowing[] = {"all", "create", "modify", "delete", "execute"};

// Permissions of one type of resource: the one asked for, and those that imply it.
Set within_type(Permission permission) {
  const PermissionType& type = type_of(permission);
  Set set = set_of({permission});
  const auto add = [&](std::string_view verb) {
    if (const auto other = permission_on(type.resource, verb)) set.set(static_cast<size_t>(*other));
  };
  add("all");
  if (type.verb == "view") {
    for (const std::string_view verb : kShowing) add(verb);
  }
  return set;
}

// Which permissions, granted on one of the resource's uids, are enough.
Set enough_for(Permission permission) {
  switch (permission) {
    // Executions are governed by grants on their action.
    case Permission::kExecutionView:
      return set_of({permission, Permission::kExecutionAll}) |
             set_of({Permission::kActionView, Permission::kActionAll});
    case Permission::kExecutionRerun:
    case Permission::kExecutionStop:
      return set_of({permission, Permission::kExecutionAll}) |
             set_of({Permission::kActionExecute, Permission::kActionAll});
    case Permission::kExecutionAll: return set_of({permission, Permission::kActionAll});
    // Enforcements are governed by grants on their rule.
    case Permission::kRuleEnforcementView: return set_of({permission}) | within_type(Permission::kRuleView);
    case Permission::kKeyValuePairList:
    case Permission::kKeyValuePairView:
      return set_of({Permission::kKeyValuePairList, Permission::kKeyValuePairView, Permission::kKeyValuePairSet,
                     Permission::kKeyValuePairDelete, Permission::kKeyValuePairAll});
    // Who may run the workflow that asks may answer it.
    case Permission::kInquiryView:
    case Permission::kInquiryRespond:
    case Permission::kInquiryAll: return set_of({Permission::kActionExecute, Permission::kActionAll});
    default: return within_type(permission);
  }
}

// Which permissions, granted anywhere, are enough for what is about no resource.
Set enough_anywhere(Permission permission) {
  switch (permission) {
    case Permission::kRuleEnforcementList: return set_of({permission, Permission::kRuleList});
    case Permission::kInquiryView:
    case Permission::kInquiryRespond:
    case Permission::kInquiryAll:
      return set_of({Permission::kInquiryView, Permission::kInquiryRespond, Permission::kInquiryAll});
    default: return set_of({permission});
  }
}

bool is_about_inquiries(Permission permission) { return type_of(permission).resource == "inquiry"; }

}  // namespace

Resource pack_resource(std::string_view type, std::string_view pack, std::string_view name) {
  std::string uid = model::make_uid(type, pack, name);
  return {uid, {uid, "pack:" + std::string(pack)}, ""};
}

Resource plain_resource(std::string uid) { return {uid, {uid}, ""}; }

Rbac::Rbac(Definitions definitions, RbacOptions options)
    : definitions_(std::move(definitions)), options_(std::move(options)) {
  for (const Assignment& assignment : definitions_.assignments) {
    User& user = users_[assignment.user];
    if (std::find(user.roles.begin(), user.roles.end(), assignment.role) != user.roles.end()) continue;
    user.roles.push_back(assignment.role);
    user.admin = user.admin || assignment.role == kSystemAdmin || assignment.role == kAdmin;
    user.observer = user.observer || assignment.role == kObserver;
    for (const Role& role : definitions_.roles) {
      if (role.name != assignment.role) continue;
      for (const Grant& grant : role.grants) {
        Set held;
        for (const Permission permission : grant.permissions) held.set(static_cast<size_t>(permission));
        user.anywhere |= held;
        if (!grant.resource_uid.empty()) user.on[grant.resource_uid] |= held;
      }
    }
  }
}

const Rbac::User& Rbac::user(std::string_view name) const {
  static const User nobody;
  const auto found = users_.find(name);
  return found == users_.end() ? nobody : found->second;
}

bool Rbac::by_system_role(const User& user, Permission permission) {
  return user.admin || (user.observer && is_reading(type_of(permission).verb));
}

bool Rbac::is_admin(std::string_view name) const { return user(name).admin; }

std::vector<std::string> Rbac::roles_of(std::string_view name) const { return user(name).roles; }

bool Rbac::is_isolated(std::string_view name) const {
  return options_.isolation && !user(name).admin && name != options_.system_user;
}

bool Rbac::may(std::string_view name, Permission permission) const {
  const User& who = user(name);
  return by_system_role(who, permission) || (who.anywhere & enough_anywhere(permission)).any();
}

bool Rbac::may(std::string_view name, Permission permission, const Resource& resource) const {
  const User& who = user(name);
  // The keys of a user are that user's own, whatever roles others have.
  if (resource.uid.starts_with(kUserKeys)) return !resource.owner.empty() && resource.owner == name;
  const bool is_own = !resource.owner.empty() && resource.owner == name;
  if (is_isolated(name) && !resource.owner.empty() && !is_own) return false;
  if (by_system_role(who, permission)) return true;
  if (is_about_inquiries(permission) && may(name, permission)) return true;
  Set enough = enough_for(permission);
  // Who may run an action sees what became of it.
  if (permission == Permission::kExecutionView && is_own) enough |= set_of({Permission::kActionExecute});
  return std::any_of(resource.uids.begin(), resource.uids.end(), [&](const std::string& uid) {
    const auto held = who.on.find(uid);
    return held != who.on.end() && (held->second & enough).any();
  });
}

Status Rbac::check(std::string_view name, Permission permission) const {
  if (may(name, permission)) return {};
  return fail(ErrorCode::kForbidden, "User \"" + std::string(name) + "\" doesn't have required permission \"" +
                                         std::string(type_of(permission).name) + "\"");
}

Status Rbac::check(std::string_view name, Permission permission, const Resource& resource) const {
  if (may(name, permission, resource)) return {};
  const std::string user = "User \"" + std::string(name) + "\" doesn't have ";
  if (is_isolated(name) && !resource.owner.empty() && resource.owner != name) {
    return fail(ErrorCode::kForbidden,
                user + "access to resource \"" + resource.uid + "\" due to resource permission isolation.");
  }
  return fail(ErrorCode::kForbidden, user + "required permission \"" + std::string(type_of(permission).name) +
                                         "\" on resource \"" + resource.uid + "\"");
}

}  // namespace squall::auth
