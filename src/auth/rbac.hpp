// Rbac: may this user do that? Pure decisions on a set of roles, by StackStorm's rules: default deny, grants on a
// resource or on its pack, and what one permission implies.
#pragma once

#include <bitset>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "auth/permissions.hpp"
#include "auth/roles.hpp"
#include "base/result.hpp"

namespace squall::auth {

// What a permission is asked for.
struct Resource {
  std::string uid;                // in messages
  std::vector<std::string> uids;  // a grant on any of these counts: its own, its pack's, its action's
  std::string owner;              // the user whose execution, rule or key it is; empty: nobody's
};

// Content of a pack: "action:core:local", which belongs to "pack:core".
Resource pack_resource(std::string_view type, std::string_view pack, std::string_view name);
// What belongs to no pack: "webhook:sample".
Resource plain_resource(std::string uid);

struct RbacOptions {
  std::string system_user;
  // StackStorm's permission_isolation: executions and rules of others are nobody's business but the admins'.
  bool isolation = false;
};

// Immutable, so that requests that are under way keep the one they began with.
class Rbac {
 public:
  Rbac(Definitions definitions, RbacOptions options);

  bool is_admin(std::string_view user) const;
  // The user's roles in the order of their assignments.
  std::vector<std::string> roles_of(std::string_view user) const;

  // Not about one resource: any grant that holds the permission counts.
  bool may(std::string_view user, Permission permission) const;
  bool may(std::string_view user, Permission permission, const Resource& resource) const;
  // The same with StackStorm's words for a no (kForbidden).
  Status check(std::string_view user, Permission permission) const;
  Status check(std::string_view user, Permission permission, const Resource& resource) const;

  // True when isolation hides what others own from this user.
  bool is_isolated(std::string_view user) const;
  const Definitions& definitions() const { return definitions_; }

 private:
  using Set = std::bitset<kPermissionCount>;
  struct User {
    std::vector<std::string> roles;
    bool admin = false, observer = false;
    Set anywhere;                                // of all grants
    std::map<std::string, Set, std::less<>> on;  // by uid of a resource
  };
  const User& user(std::string_view name) const;
  static bool by_system_role(const User& user, Permission permission);

  Definitions definitions_;
  RbacOptions options_;
  std::map<std::string, User, std::less<>> users_;
};

}  // namespace squall::auth
