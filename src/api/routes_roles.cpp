// Roles, their assignments, and what can be granted (stackstorm-features.md P-7). They are kept in files; here they are
// shown, and read anew on request.
#include "api/api.hpp"
#include "api/listing.hpp"
#include "auth/roles.hpp"

namespace squall::api {
namespace {

constexpr std::string_view kAlways[] = {"id"};
constexpr std::string_view kRoleAttributes[] = {
    "id", "name", "description", "permission_grants", "permission_grant_ids", "system", "permission_grant_objects"};
constexpr std::string_view kAssignmentAttributes[] = {"id", "user", "role", "description", "is_remote", "source"};
constexpr ContentFilter kRoleFilters[] = {{"name", "name"}, {"system", "system"}};
constexpr ContentFilter kAssignmentFilters[] = {
    {"user", "user"}, {"role", "role"}, {"source", "source"}, {"remote", "is_remote"}};

const auth::Definitions& definitions_of(const Call& call) {
  static const auth::Definitions none = auth::system_definitions();
  return call.rbac != nullptr ? call.rbac->definitions() : none;
}

Value grant_document(const auth::Grant& grant) {
  List permissions;
  for (const auth::Permission permission : grant.permissions)
    permissions.emplace_back(std::string(auth::type_of(permission).name));
  const bool about_one = !grant.resource_uid.empty();
  return Value::dict({{"id", grant.id},
                      {"resource_uid", about_one ? Value(grant.resource_uid) : Value()},
                      {"resource_type", about_one ? Value(grant.resource_type) : Value()},
                      {"permission_types", Value(std::move(permissions))}});
}

Value role_document(const auth::Role& role) {
  List ids;
  for (const auth::Grant& grant : role.grants) ids.emplace_back(grant.id);
  return Value::dict({{"id", role.id},
                      {"name", role.name},
                      {"description", role.description},
                      {"system", role.is_system},
                      {"permission_grants", Value(ids)},
                      {"permission_grant_ids", Value(std::move(ids))}});
}

Value assignment_document(const auth::Assignment& assignment) {
  return Value::dict({{"id", assignment.id},
                      {"user", assignment.user},
                      {"role", assignment.role},
                      {"description", assignment.description},
                      {"is_remote", false},
                      {"source", assignment.source}});
}

void list_roles(const Call& call) {
  std::vector<Value> roles;
  for (const auth::Role& role : definitions_of(call).roles) roles.push_back(role_document(role));
  ListSpec spec;
  spec.attributes = kRoleAttributes;
  spec.always = kAlways;
  spec.filters = kRoleFilters;
  reply_list(call, std::move(roles), spec);
}

void one_role(const Call& call) {
  const std::string& wanted = call.parameter("id");
  for (const auth::Role& role : definitions_of(call).roles) {
    if (role.name != wanted && role.id != wanted) continue;
    Value document = role_document(role);
    List grants;
    for (const auth::Grant& grant : role.grants) grants.push_back(grant_document(grant));
    document.set("permission_grant_objects", Value(std::move(grants)));
    return call.reply(200, document);
  }
  call.fail(not_found(wanted, "name or id"));
}

void list_assignments(const Call& call) {
  std::vector<Value> assignments;
  for (const auth::Assignment& assignment : definitions_of(call).assignments)
    assignments.push_back(assignment_document(assignment));
  ListSpec spec;
  spec.attributes = kAssignmentAttributes;
  spec.always = kAlways;
  spec.filters = kAssignmentFilters;
  reply_list(call, std::move(assignments), spec);
}

void one_assignment(const Call& call) {
  for (const auth::Assignment& assignment : definitions_of(call).assignments) {
    if (assignment.id == call.parameter("id")) return call.reply(200, assignment_document(assignment));
  }
  call.fail(unknown_id(call.parameter("id")));
}

// {permission type: description} of what a grant on such a resource may hold.
Value permissions_on(std::string_view resource_type) {
  Value permissions = Value::empty_dict();
  for (size_t i = 0; i < auth::kPermissionCount; ++i) {
    const auto permission = static_cast<auth::Permission>(i);
    if (!auth::is_grantable_on(resource_type, permission)) continue;
    permissions.set(std::string(auth::type_of(permission).name), std::string(auth::type_of(permission).description));
  }
  return permissions;
}

void list_permissions(const Call& call) {
  const auto paging = read_paging(call, -1);
  if (!paging) return call.fail(paging.error());
  Value types = Value::empty_dict();
  for (const std::string_view type : auth::resource_types()) types.set(std::string(type), permissions_on(type));
  call.reply(200, types);
}

void permissions_of_type(const Call& call) {
  const std::string& wanted = call.parameter("type");
  for (const std::string_view type : auth::resource_types()) {
    if (type == wanted) return call.reply(200, permissions_on(type));
  }
  call.fail(Error(ErrorCode::kNotFound, "Invalid resource type: " + wanted));
}

// Which roles users of a group are to have. No way to log in knows groups here: they are shown, and do nothing.
Value mapping_documents(const auth::Definitions& definitions) {
  List mappings;
  for (const auth::GroupMapping& mapping : definitions.mappings) {
    List roles;
    for (const std::string& role : mapping.roles) roles.emplace_back(role);
    mappings.push_back(Value::dict({{"group", mapping.group},
                                    {"roles", Value(std::move(roles))},
                                    {"description", mapping.description},
                                    {"enabled", mapping.enabled},
                                    {"source", mapping.source}}));
  }
  return Value(std::move(mappings));
}

}  // namespace

void add_role_routes(Router& router, std::function<Status()> apply) {
  router.add("GET", "/rbac/roles", RouteAccess::admins(), RouteDoc("List roles").page().filters(kRoleFilters),
             list_roles);
  router.add("GET", "/rbac/roles/{id}", RouteAccess::admins(), "One role with its grants", one_role);
  router.add("GET", "/rbac/role_assignments", RouteAccess::admins(),
             RouteDoc("List who has which role").page().filters(kAssignmentFilters), list_assignments);
  router.add("GET", "/rbac/role_assignments/{id}", RouteAccess::admins(), "One assignment of a role", one_assignment);
  router.add("GET", "/rbac/permission_types", RouteAccess::admins(),
             RouteDoc("What can be granted, by type of resource").query("limit", "integer"), list_permissions);
  router.add("GET", "/rbac/permission_types/{type}", RouteAccess::admins(),
             "What can be granted on one type of resource", permissions_of_type);
  router.add("GET", "/squall/rbac/mappings", RouteAccess::admins(), "The roles of groups, as the files have them",
             [](const Call& call) { call.reply(200, mapping_documents(definitions_of(call))); });
  router.add("POST", "/squall/rbac/apply", RouteAccess::admins(), "Read the files of roles anew",
             [apply = std::move(apply)](const Call& call) {
               if (call.rbac == nullptr)
                 return call.fail(Error(ErrorCode::kInvalid, "There are no roles: squall serve was not given --rbac"));
               const Status applied = apply();
               // The file and the line are what the reader needs.
               if (!applied) return call.fail(Error(ErrorCode::kInvalid, applied.error().to_string()));
               call.reply(200, Value::dict({{"applied", true}}));
             });
}

}  // namespace squall::api
