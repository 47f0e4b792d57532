#include "auth/rbac.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "auth/roles.hpp"

namespace squall::auth {
namespace {

using ::testing::HasSubstr;

// A directory of definitions that goes with the test.
class RolesTest : public ::testing::Test {
 protected:
  RolesTest() {
    char pattern[] = "/tmp/squall-roles-XXXXXX";
    root = ::mkdtemp(pattern);
  }
  ~RolesTest() override { std::filesystem::remove_all(root); }

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  Rbac load(RbacOptions options = {"stanley", false}) {
    auto definitions = load_definitions(root);
    EXPECT_TRUE(definitions) << definitions.error().to_string();
    return Rbac(definitions ? *definitions : system_definitions(), options);
  }
  std::string mistake() {
    const auto definitions = load_definitions(root);
    return definitions ? "" : definitions.error().to_string();
  }
  // A user with one role that has one grant.
  void user(const std::string& name, const std::string& permissions, const std::string& uid = "") {
    write("roles/" + name + ".yaml", "name: role_" + name +
                                         "\ndescription: d\npermission_grants:\n- permission_types: [" + permissions +
                                         "]\n" + (uid.empty() ? "" : "  resource_uid: \"" + uid + "\"\n"));
    write("assignments/" + name + ".yaml", "username: " + name + "\nroles: [role_" + name + "]\n");
  }

  std::string root;
};

TEST_F(RolesTest, FilesOfStackStormAreRead) {
  write("roles/role_sample.yaml", R"yaml(---
name: "role_sample"
description: "Example role which contains no permission grants and serves for demonstration purposes"
permission_grants:
    -
        resource_uid: "pack:aws"
        permission_types:
           - "pack_all"
           - "sensor_type_all"
           - "rule_all"
           - "action_all"
    -
        permission_types:
           - "rule_list"
           - "pack_install"
)yaml");
  write("assignments/user_sample.yaml",
        "---\nusername: sample\ndescription: some\nenabled: true\nroles:\n  - role_sample\n  - observer\n");
  write("assignments/gone.yaml", "username: gone\nenabled: false\nroles: [admin]\n");
  write("mappings/ops.yaml", "group: cn=ops,dc=example\ndescription: people\nroles: [admin]\n");
  const Rbac rbac = load();
  EXPECT_EQ(rbac.roles_of("sample"), (std::vector<std::string>{"role_sample", "observer"}));
  EXPECT_TRUE(rbac.roles_of("gone").empty());
  EXPECT_FALSE(rbac.is_admin("gone"));
  ASSERT_EQ(rbac.definitions().mappings.size(), 1u);
  EXPECT_EQ(rbac.definitions().mappings[0].source, "mappings/ops.yaml");
  EXPECT_EQ(rbac.definitions().assignments[0].source, "assignments/user_sample.yaml");
  EXPECT_EQ(rbac.definitions().roles.size(), 4u);
  EXPECT_TRUE(rbac.may("sample", Permission::kActionDelete, pack_resource("action", "aws", "start")));
  EXPECT_FALSE(rbac.may("sample", Permission::kActionDelete, pack_resource("action", "core", "local")));
  EXPECT_TRUE(rbac.may("sample", Permission::kPackInstall));
  EXPECT_FALSE(rbac.may("sample", Permission::kPackUninstall));
}

TEST_F(RolesTest, IdsStayTheSame) {
  user("a", "rule_list");
  const std::string first = load().definitions().roles.back().id;
  user("b", "rule_list");
  const Rbac again = load();
  for (const Role& role : again.definitions().roles) {
    EXPECT_TRUE(role.name != "role_a" || role.id == first);
    EXPECT_EQ(role.id.size(), 24u);
  }
}

TEST_F(RolesTest, MistakesNameTheirPlace) {
  write("roles/r.yaml", "name: r\npermission_grants:\n- permission_types: [action_execut]\n");
  EXPECT_THAT(mistake(), HasSubstr("roles/r.yaml:3"));
  EXPECT_THAT(mistake(), HasSubstr("there is no permission type 'action_execut'"));
  write("roles/r.yaml", "name: r\npermission_grants:\n- permission_types: [action_execute]\n");
  EXPECT_THAT(mistake(), HasSubstr("it needs a resource_uid"));
  write("roles/r.yaml",
        "name: r\npermission_grants:\n- {resource_uid: 'rule:a:b', permission_types: [action_execute]}\n");
  EXPECT_THAT(mistake(), HasSubstr("Invalid permission type \"action_execute\" for resource type \"rule\""));
  write("roles/r.yaml", "name: r\npermission_grants:\n- {resource_uid: 'thing:a:b', permission_types: [rule_list]}\n");
  EXPECT_THAT(mistake(), HasSubstr("'thing:a:b' is no uid of a resource"));
  write("roles/r.yaml", "name: admin\n");
  EXPECT_THAT(mistake(), HasSubstr("that of a system role"));
  write("roles/r.yaml", "name: r\ngrants: []\n");
  EXPECT_THAT(mistake(), HasSubstr("unknown member 'grants'"));
  write("roles/r.yaml", "");
  EXPECT_THAT(mistake(), HasSubstr("the file is empty"));
  write("roles/r.yaml", "name: r\n");
  write("roles/s.yaml", "name: r\n");
  EXPECT_THAT(mistake(), HasSubstr("Duplicate definition file found for role \"r\""));
  std::filesystem::remove(root + "/roles/s.yaml");
  write("assignments/u.yaml", "username: u\nroles: [x]\n");
  EXPECT_THAT(mistake(), HasSubstr("Role \"x\" referenced in assignment file \"assignments/u.yaml\" doesn't exist"));
  write("assignments/u.yaml", "username: u\nroles: [r]\n");
  write("assignments/v.yaml", "username: u\nroles: [r]\n");
  EXPECT_THAT(mistake(), HasSubstr("Duplicate definition file found for user \"u\""));
}

TEST_F(RolesTest, NobodyMayAnythingByDefault) {
  const Rbac rbac = load();
  for (size_t i = 0; i < kPermissionCount; ++i) {
    const auto permission = static_cast<Permission>(i);
    EXPECT_FALSE(rbac.may("stranger", permission));
    EXPECT_FALSE(rbac.may("stranger", permission, plain_resource("pack:core")));
    EXPECT_FALSE(rbac.may("", permission));
  }
}

TEST_F(RolesTest, SystemRoles) {
  for (const char* role : std::vector<const char*>{"system_admin", "admin", "observer"})
    write(std::string("assignments/") + role + ".yaml", std::string("username: ") + role + "\nroles: [" + role + "]\n");
  const Rbac rbac = load();
  for (size_t i = 0; i < kPermissionCount; ++i) {
    const auto permission = static_cast<Permission>(i);
    const std::string_view name = type_of(permission).name;
    EXPECT_TRUE(rbac.may("system_admin", permission) && rbac.may("admin", permission)) << name;
    const bool reads = name.ends_with("_view") || name.ends_with("_list") || name.ends_with("_search");
    EXPECT_EQ(rbac.may("observer", permission), reads) << name;
    EXPECT_EQ(rbac.may("observer", permission, plain_resource("pack:core")), reads) << name;
  }
  EXPECT_TRUE(rbac.is_admin("admin") && rbac.is_admin("system_admin"));
  EXPECT_FALSE(rbac.is_admin("observer"));
}

TEST_F(RolesTest, ExecutionsFollowTheirAction) {
  user("viewer", "action_view", "action:t:a");
  user("runner", "action_execute", "action:t:a");
  user("packrunner", "action_execute", "pack:t");
  user("all", "action_all", "pack:t");
  const Rbac rbac = load();
  const auto execution = [](const std::string& owner) {
    return Resource{"execution:1", {"execution:1", "action:t:a", "pack:t"}, owner};
  };
  EXPECT_TRUE(rbac.may("viewer", Permission::kExecutionView, execution("x")));
  EXPECT_FALSE(rbac.may("viewer", Permission::kExecutionStop, execution("viewer")));
  for (const char* name : std::vector<const char*>{"runner", "packrunner"}) {
    EXPECT_TRUE(rbac.may(name, Permission::kExecutionStop, execution("x")));
    EXPECT_TRUE(rbac.may(name, Permission::kExecutionRerun, execution("x")));
    EXPECT_FALSE(rbac.may(name, Permission::kExecutionView, execution("x")));
    EXPECT_TRUE(rbac.may(name, Permission::kExecutionView, execution(name))) << "one's own";
    EXPECT_FALSE(rbac.may(name, Permission::kExecutionAll, execution(name)));
  }
  for (const Permission permission : std::vector<Permission>{Permission::kExecutionView, Permission::kExecutionStop,
                                                             Permission::kExecutionRerun, Permission::kExecutionAll}) {
    EXPECT_TRUE(rbac.may("all", permission, execution("x")));
  }
}

TEST_F(RolesTest, KeysOfUsersAreTheirOwn) {
  user("jane", "key_value_pair_all", "key_value_pair:st2kv.user:joe:k");
  write("assignments/boss.yaml", "username: boss\nroles: [system_admin]\n");
  const Rbac rbac = load();
  const Resource joes{"key_value_pair:st2kv.user:joe:k", {"key_value_pair:st2kv.user:joe:k"}, "joe"};
  EXPECT_TRUE(rbac.may("joe", Permission::kKeyValuePairDelete, joes));
  EXPECT_FALSE(rbac.may("jane", Permission::kKeyValuePairView, joes));
  EXPECT_FALSE(rbac.may("boss", Permission::kKeyValuePairView, joes));
}

TEST_F(RolesTest, GrantsOnKeys) {
  for (const char* verb : std::vector<const char*>{"list", "view", "set", "delete", "all"})
    user(verb, std::string("key_value_pair_") + verb, "key_value_pair:st2kv.system:k");
  const Rbac rbac = load();
  const Resource key = plain_resource("key_value_pair:st2kv.system:k"),
                 other = plain_resource("key_value_pair:st2kv.system:l");
  for (const std::string& name : std::vector<std::string>{"list", "view", "set", "delete", "all"}) {
    EXPECT_TRUE(rbac.may(name, Permission::kKeyValuePairView, key)) << name;
    EXPECT_TRUE(rbac.may(name, Permission::kKeyValuePairList, key)) << name;
    EXPECT_EQ(rbac.may(name, Permission::kKeyValuePairSet, key), name == "set" || name == "all") << name;
    EXPECT_EQ(rbac.may(name, Permission::kKeyValuePairDelete, key), name == "delete" || name == "all") << name;
    EXPECT_FALSE(rbac.may(name, Permission::kKeyValuePairView, other)) << name;
  }
}

TEST_F(RolesTest, InquiriesFollowTheWorkflowThatAsks) {
  user("answers", "inquiry_respond");
  user("runs", "action_execute", "action:t:flow");
  user("looks", "action_view", "action:t:flow");
  const Rbac rbac = load();
  const Resource inquiry{"inquiry:1", {"execution:2", "action:t:flow", "pack:t"}, ""};
  for (const Permission permission : std::vector<Permission>{Permission::kInquiryView, Permission::kInquiryRespond}) {
    EXPECT_TRUE(rbac.may("answers", permission, inquiry));
    EXPECT_TRUE(rbac.may("runs", permission, inquiry));
    EXPECT_FALSE(rbac.may("looks", permission, inquiry));
  }
  EXPECT_FALSE(rbac.may("answers", Permission::kInquiryList));
}

TEST_F(RolesTest, Isolation) {
  write("assignments/watch.yaml", "username: watch\nroles: [observer]\n");
  write("assignments/boss.yaml", "username: boss\nroles: [admin]\n");
  write("assignments/stanley.yaml", "username: stanley\nroles: [observer]\n");
  const Rbac rbac = load({"stanley", true});
  const Resource joes{"execution:1", {"execution:1", "action:t:a", "pack:t"}, "joe"};
  EXPECT_TRUE(rbac.may("boss", Permission::kExecutionView, joes));
  EXPECT_TRUE(rbac.may("stanley", Permission::kExecutionView, joes));
  EXPECT_FALSE(rbac.may("watch", Permission::kExecutionView, joes));
  EXPECT_EQ(rbac.check("watch", Permission::kExecutionView, joes).error().message(),
            "User \"watch\" doesn't have access to resource \"execution:1\" due to resource permission isolation.");
  Resource own = joes;
  own.owner = "watch";
  EXPECT_TRUE(rbac.may("watch", Permission::kExecutionView, own));
}

TEST_F(RolesTest, NosAreInStackStormsWords) {
  const Rbac rbac = load();
  EXPECT_EQ(rbac.check("u", Permission::kActionList).error().message(),
            "User \"u\" doesn't have required permission \"action_list\"");
  EXPECT_EQ(rbac.check("u", Permission::kActionView, pack_resource("action", "core", "local")).error().message(),
            "User \"u\" doesn't have required permission \"action_view\" on resource \"action:core:local\"");
  EXPECT_EQ(rbac.check("u", Permission::kActionList).error().code(), ErrorCode::kForbidden);
}

}  // namespace
}  // namespace squall::auth
