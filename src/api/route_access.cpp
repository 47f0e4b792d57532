#include "api/route_access.hpp"

#include "api/router.hpp"

namespace squall::api {

RouteAccess RouteAccess::needs(auth::Permission permission) {
  RouteAccess access(Kind::kAnywhere);
  access.permission_ = permission;
  return access;
}

RouteAccess RouteAccess::needs(auth::Permission permission, ResourceOf resource) {
  RouteAccess access(Kind::kOnResource);
  access.permission_ = permission;
  access.resource_ = std::move(resource);
  return access;
}

RouteAccess RouteAccess::filtered(auth::Permission permission) {
  RouteAccess access(Kind::kEachItem);
  access.permission_ = permission;
  return access;
}

RouteAccess RouteAccess::unless(std::function<bool(const Call&)> exempt) const {
  RouteAccess access = *this;
  access.exempt_ = std::move(exempt);
  return access;
}

RouteAccess RouteAccess::unless_signed(Signature check) const {
  RouteAccess access = *this;
  access.signature_ = std::move(check);
  return access;
}

Status RouteAccess::check(const Call& call) const {
  if (call.rbac == nullptr || (exempt_ && exempt_(call))) return {};
  switch (kind_) {
    case Kind::kEverybody:
    case Kind::kAnyUser:
    case Kind::kEachItem: return {};
    case Kind::kAdmins:
      return call.is_admin() ? Status() : fail(ErrorCode::kForbidden, "Administrator access required");
    case Kind::kAnywhere: return call.rbac->check(call.user, *permission_);
    case Kind::kOnResource: break;
  }
  const auto resource = resource_(call);
  // An administrator learns from the handler what is wrong with the request.
  if (!resource) return call.is_admin() ? Status() : fail(resource.error());
  return call.rbac->check(call.user, *permission_, *resource);
}

std::string RouteAccess::describe() const {
  switch (kind_) {
    case Kind::kEverybody: return "everybody";
    case Kind::kAnyUser: return "any user";
    case Kind::kAdmins: return "administrators";
    case Kind::kAnywhere: return std::string(auth::type_of(*permission_).name);
    case Kind::kOnResource: return std::string(auth::type_of(*permission_).name) + " on the resource";
    case Kind::kEachItem: return std::string(auth::type_of(*permission_).name) + " on each item";
  }
  return {};
}

}  // namespace squall::api
