#include "auth/roles.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>

#include "base/strings.hpp"
#include "crypto/hash.hpp"
#include "value/yaml.hpp"

namespace squall::auth {
namespace {

namespace fs = std::filesystem;

constexpr size_t kIdDigits = 24;

// Files have no ids, StackStorm's documents do: the same definition has the same one after a restart.
std::string id_of(std::string_view kind, const std::string& what) {
  return crypto::sha256_hex(std::string(kind) + "\n" + what).substr(0, kIdDigits);
}

// One definition file, read member by member.
class DefinitionFile {
 public:
  DefinitionFile(YamlDocument document, std::string source)
      : document_(std::move(document)), source_(std::move(source)) {}

  const std::string& source() const { return source_; }
  const Value& value() const { return document_.value; }

  Error mistake(std::string_view path, std::string message) const {
    return Error(ErrorCode::kInvalid, std::move(message), document_.position(path));
  }

  Status check_members(std::initializer_list<std::string_view> known) const {
    if (value().is_null()) return fail(mistake("", "the file is empty"));
    if (!value().is_dict()) return fail(mistake("", "the file has to be a map of members"));
    for (const auto& [name, member] : value().as_dict()) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      const std::vector<std::string> names(known.begin(), known.end());
      return fail(mistake(name, "unknown member '" + name + "'; known are " + join(names, ", ")));
    }
    return {};
  }

  Result<std::string> text(const char* name, bool required) const {
    const Value& given = value()[name];
    if (given.is_null() && !required) return std::string();
    if (given.is_string() && !(required && given.string().empty())) return given.string();
    return fail(mistake(name, "'" + std::string(name) + "' has to be a text"));
  }

  Result<bool> enabled() const {
    const Value& given = value()["enabled"];
    if (given.is_null()) return true;
    if (given.is_bool()) return given.as_bool();
    return fail(mistake("enabled", "'enabled' has to be true or false"));
  }

  Result<std::vector<std::string>> role_names() const {
    const Value& given = value()["roles"];
    if (!given.is_list()) return fail(mistake("roles", "'roles' has to be a list of names of roles"));
    std::vector<std::string> names;
    for (size_t i = 0; i < given.size(); ++i) {
      const std::string path = "roles." + std::to_string(i);
      if (!given[i].is_string()) return fail(mistake(path, "the name of a role has to be a text"));
      if (std::find(names.begin(), names.end(), given[i].string()) != names.end())
        return fail(mistake(path, "the role '" + given[i].string() + "' is named twice"));
      names.push_back(given[i].string());
    }
    return names;
  }

 private:
  YamlDocument document_;
  std::string source_;
};

// The files of one subdirectory by name.
Status each_file(const std::string& directory, const std::string& kind,
                 const std::function<Status(const DefinitionFile&)>& read) {
  const std::string folder = directory + "/" + kind;
  std::error_code error;
  if (!fs::exists(folder, error)) return {};
  std::set<std::string> paths;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".yaml") paths.insert(entry->path().string());
  }
  if (error) return fail(ErrorCode::kIo, "cannot read the directory " + folder + ": " + error.message());
  for (const std::string& path : paths) {
    SQ_TRY(const std::string text, read_file(path));
    YamlOptions options;
    options.file = path;
    options.unique_keys = true;
    SQ_TRY(YamlDocument document, parse_yaml_document(text, options));
    SQ_CHECK(read(DefinitionFile(std::move(document), kind + "/" + fs::path(path).filename().string())));
  }
  return {};
}

// What may be granted is checked here, once: a grant that could never count is a mistake, as in StackStorm.
Result<Grant> read_grant(const DefinitionFile& file, size_t index) {
  const Value& given = file.value()["permission_grants"][index];
  const std::string path = "permission_grants." + std::to_string(index);
  if (!given.is_dict()) return fail(file.mistake(path, "a grant has to be a map of resource_uid and permission_types"));
  for (const auto& [name, member] : given.as_dict()) {
    if (name != "resource_uid" && name != "permission_types")
      return fail(file.mistake(path + "." + name, "unknown member '" + name + "' of a grant"));
  }
  Grant grant;
  const Value& uid = given["resource_uid"];
  if (!uid.is_null() && !uid.is_string())
    return fail(file.mistake(path + ".resource_uid", "'resource_uid' has to be a text such as pack:core"));
  grant.resource_uid = uid.string();
  grant.resource_type = grant.resource_uid.substr(0, grant.resource_uid.find(':'));
  const auto types = resource_types();
  if (!grant.resource_uid.empty() && std::find(types.begin(), types.end(), grant.resource_type) == types.end()) {
    return fail(file.mistake(path + ".resource_uid", "'" + grant.resource_uid +
                                                         "' is no uid of a resource; it begins with one of " +
                                                         join({types.begin(), types.end()}, ", ")));
  }
  const Value& permissions = given["permission_types"];
  if (!permissions.is_null() && !permissions.is_list())
    return fail(file.mistake(path + ".permission_types", "'permission_types' has to be a list"));
  for (size_t i = 0; i < permissions.size(); ++i) {
    const std::string name = permissions[i].string();
    const std::string where = path + ".permission_types." + std::to_string(i);
    const auto permission = find_permission(name);
    if (!permission) return fail(file.mistake(where, "there is no permission type '" + name + "'"));
    if (!grant.resource_uid.empty() && !is_grantable_on(grant.resource_type, *permission)) {
      return fail(file.mistake(
          where, "Invalid permission type \"" + name + "\" for resource type \"" + grant.resource_type + "\""));
    }
    if (grant.resource_uid.empty() && !is_global(*permission)) {
      return fail(file.mistake(
          where, "Invalid permission type \"" + name + "\": it needs a resource_uid, for it is about one resource"));
    }
    grant.permissions.push_back(*permission);
  }
  return grant;
}

Status read_role(const DefinitionFile& file, Definitions& definitions) {
  SQ_CHECK(file.check_members({"name", "description", "enabled", "permission_grants"}));
  Role role;
  SQ_TRY(role.name, file.text("name", true));
  SQ_TRY(role.description, file.text("description", false));
  SQ_TRY(const bool enabled, file.enabled());
  for (const Role& other : definitions.roles) {
    if (other.name != role.name) continue;
    return fail(file.mistake("name", other.is_system
                                         ? "the name '" + role.name + "' is that of a system role"
                                         : "Duplicate definition file found for role \"" + role.name + "\""));
  }
  role.id = id_of("role", role.name);
  const Value& grants = file.value()["permission_grants"];
  if (!grants.is_null() && !grants.is_list())
    return fail(file.mistake("permission_grants", "'permission_grants' has to be a list"));
  for (size_t i = 0; i < grants.size(); ++i) {
    SQ_TRY(Grant grant, read_grant(file, i));
    grant.id = id_of("grant", role.name + "\n" + std::to_string(i));
    role.grants.push_back(std::move(grant));
  }
  if (enabled) definitions.roles.push_back(std::move(role));
  return {};
}

Status read_assignment(const DefinitionFile& file, Definitions& definitions, std::set<std::string>& users) {
  SQ_CHECK(file.check_members({"username", "description", "enabled", "roles"}));
  SQ_TRY(const std::string user, file.text("username", true));
  SQ_TRY(const std::string description, file.text("description", false));
  SQ_TRY(const bool enabled, file.enabled());
  SQ_TRY(const std::vector<std::string> roles, file.role_names());
  if (!users.insert(user).second)
    return fail(file.mistake("username", "Duplicate definition file found for user \"" + user + "\""));
  if (!enabled) return {};
  for (size_t i = 0; i < roles.size(); ++i) {
    const bool known = std::any_of(definitions.roles.begin(), definitions.roles.end(),
                                   [&](const Role& role) { return role.name == roles[i]; });
    if (!known) {
      return fail(file.mistake(
          "roles." + std::to_string(i),
          "Role \"" + roles[i] + "\" referenced in assignment file \"" + file.source() + "\" doesn't exist"));
    }
    definitions.assignments.push_back({id_of("assignment", user + "\n" + roles[i] + "\n" + file.source()), user,
                                       roles[i], description, file.source()});
  }
  return {};
}

Status read_mapping(const DefinitionFile& file, Definitions& definitions) {
  SQ_CHECK(file.check_members({"group", "description", "enabled", "roles"}));
  GroupMapping mapping;
  SQ_TRY(mapping.group, file.text("group", true));
  SQ_TRY(mapping.description, file.text("description", false));
  SQ_TRY(mapping.enabled, file.enabled());
  SQ_TRY(mapping.roles, file.role_names());
  mapping.source = file.source();
  definitions.mappings.push_back(std::move(mapping));
  return {};
}

}  // namespace

Definitions system_definitions() {
  Definitions definitions;
  for (const std::string_view name : {kSystemAdmin, kAdmin, kObserver}) {
    definitions.roles.push_back({id_of("role", std::string(name)), std::string(name), std::string(name), true, {}});
  }
  return definitions;
}

Result<Definitions> load_definitions(const std::string& directory) {
  Definitions definitions = system_definitions();
  SQ_CHECK(each_file(directory, "roles", [&](const DefinitionFile& file) { return read_role(file, definitions); }));
  std::set<std::string> users;
  SQ_CHECK(each_file(directory, "assignments",
                     [&](const DefinitionFile& file) { return read_assignment(file, definitions, users); }));
  SQ_CHECK(
      each_file(directory, "mappings", [&](const DefinitionFile& file) { return read_mapping(file, definitions); }));
  return definitions;
}

}  // namespace squall::auth
