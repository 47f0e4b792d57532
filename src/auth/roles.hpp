// Roles, and who has them: StackStorm's files in a directory with roles/, assignments/ and mappings/ (P-7).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/permissions.hpp"
#include "base/result.hpp"

namespace squall::auth {

// Roles that exist always.
inline constexpr std::string_view kSystemAdmin = "system_admin", kAdmin = "admin", kObserver = "observer";

struct Grant {
  std::string id;
  std::string resource_uid;   // "pack:core", "action:core:local"; empty: not about one resource
  std::string resource_type;  // of the uid: "pack", "action"; empty with it
  std::vector<Permission> permissions;
};

struct Role {
  std::string id;
  std::string name;
  std::string description;
  bool is_system = false;
  std::vector<Grant> grants;
};

struct Assignment {
  std::string id;
  std::string user;
  std::string role;
  std::string description;
  std::string source;  // "assignments/jane.yaml"
};

// What users of a group of the authentication backend are. Kept and shown; no backend of squall's has groups.
struct GroupMapping {
  std::string group;
  std::vector<std::string> roles;
  std::string description;
  bool enabled = true;
  std::string source;
};

struct Definitions {
  std::vector<Role> roles;  // system roles first
  std::vector<Assignment> assignments;
  std::vector<GroupMapping> mappings;
};

// Those of a server without files: the system roles.
Definitions system_definitions();
// Reads all files; a directory that is not there has none. The error is the first mistake, with file and line.
Result<Definitions> load_definitions(const std::string& directory);

}  // namespace squall::auth
