// Who may call a route. Every route says it where it is added; there is no default.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "auth/permissions.hpp"
#include "auth/rbac.hpp"
#include "base/result.hpp"

namespace squall::api {

struct Call;

// What a call is about, for the question whether it is allowed. The error is the call's answer to who may not see more.
using ResourceOf = std::function<Result<auth::Resource>(const Call&)>;

class RouteAccess {
 public:
  // Without a token, too.
  static RouteAccess everybody() { return RouteAccess(Kind::kEverybody); }
  // Whoever is logged in.
  static RouteAccess any_user() { return RouteAccess(Kind::kAnyUser); }
  static RouteAccess admins() { return RouteAccess(Kind::kAdmins); }
  // A permission that is not about one resource: lists, searches.
  static RouteAccess needs(auth::Permission permission);
  // A permission on the resource that the call names.
  static RouteAccess needs(auth::Permission permission, ResourceOf resource);
  // Whoever is logged in; the handler shows each item to those who have the permission on it, and no others.
  static RouteAccess filtered(auth::Permission permission);

  // The same, but calls for which `exempt` holds need no permission.
  RouteAccess unless(std::function<bool(const Call&)> exempt) const;

  // Calls that are signed by their sender need no token. `check` gives nothing where the call is not of that kind.
  using Signature = std::function<std::optional<Status>(const Call&)>;
  RouteAccess unless_signed(Signature check) const;
  std::optional<Status> check_signature(const Call& call) const { return signature_ ? signature_(call) : std::nullopt; }

  bool is_open() const { return kind_ == Kind::kEverybody; }
  // kForbidden with the reason when the call's user may not. Asks nothing while roles are off.
  Status check(const Call& call) const;
  // "everybody", "any user", "administrators", "action_list", "action_view on the resource", "key_value_pair_list on
  // each item".
  std::string describe() const;

 private:
  enum class Kind { kEverybody, kAnyUser, kAdmins, kAnywhere, kOnResource, kEachItem };
  explicit RouteAccess(Kind kind) : kind_(kind) {}

  Kind kind_;
  std::optional<auth::Permission> permission_;
  ResourceOf resource_;
  std::function<bool(const Call&)> exempt_;
  Signature signature_;
};

}  // namespace squall::api
