#include "runners/database/login_statements.hpp"

#include <gmock/gmock.h>

#include "value/json.hpp"

namespace squall::runners::database {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Value json(std::string_view text) { return parse_json(text).value(); }

const char* const kStatic =
    R"({"mount": "database", "config": "shop-orders-1", "kind": "static", "role": "shop-orders-1-app",
    "setup_role": "shop-orders-1-setup", "owner": "orders_own", "username": "orders_app", "sslmode": "require"})";
const char* const kDynamic =
    R"({"mount": "database", "config": "shop-orders-1", "kind": "dynamic", "role": "shop-orders-1-app",
    "reader_role": "shop-orders-1-readonly", "owner": "orders_own", "reader": "orders_read", "ttl": "3600s",
    "max_ttl": "86400s", "sslmode": "require"})";

std::string joined(const Value& statements) {
  std::string text;
  for (const Value& statement : statements.as_list()) text += statement.string() + "\n";
  return text;
}

// Vault splits a statement at its semicolons unless it has " END " in it: one that is split in a block would be broken.
void expect_whole(const Value& statements) {
  for (const Value& statement : statements.as_list()) {
    const std::string text = statement.string();
    const bool is_block = text.find("$$") != std::string::npos;
    EXPECT_EQ(is_block, text.find(" END ") != std::string::npos) << text;
    if (!is_block) {
      EXPECT_EQ(text.find(';'), text.size() - 1) << text;
    }
  }
}

TEST(LoginStatements, AStaticRoleHasASetupRoleThatMakesItsUser) {
  const Value roles = login_roles(json(kStatic), "postgres", "orders");
  ASSERT_EQ(roles.size(), 1u);
  const Value& setup = roles["shop-orders-1-setup"];
  EXPECT_EQ(setup["db_name"], Value("shop-orders-1"));
  EXPECT_THAT(joined(setup["creation_statements"]), HasSubstr("CREATE ROLE \"orders_app\" LOGIN"));
  EXPECT_THAT(joined(setup["creation_statements"]), Not(HasSubstr("{{name}}"))) << "it makes no login of its own";
  expect_whole(setup["creation_statements"]);
}

TEST(LoginStatements, LoginsOwnNothingAndReadersOnlyRead) {
  const Value roles = login_roles(json(kDynamic), "postgres", "orders");
  ASSERT_EQ(roles.size(), 2u);
  for (const auto& [name, role] : roles.as_dict()) {
    expect_whole(role["creation_statements"]);
    expect_whole(role["revocation_statements"]);
    EXPECT_EQ(role["default_ttl"], Value("3600s"));
    EXPECT_THAT(joined(role["creation_statements"]), HasSubstr("VALID UNTIL '{{expiration}}'"));
    EXPECT_THAT(joined(role["revocation_statements"]), HasSubstr("REASSIGN OWNED BY \"{{name}}\" TO \"orders_own\""));
  }
  EXPECT_THAT(joined(roles["shop-orders-1-app"]["creation_statements"]), HasSubstr("SET role TO \"orders_own\""));
  EXPECT_THAT(joined(roles["shop-orders-1-readonly"]["creation_statements"]),
              HasSubstr("GRANT \"orders_read\" TO \"{{name}}\""));
}

TEST(LoginStatements, MySql) {
  const Value roles = login_roles(json(kDynamic), "mysql", "orders");
  EXPECT_THAT(joined(roles["shop-orders-1-app"]["creation_statements"]),
              HasSubstr("GRANT ALL ON `orders`.* TO '{{name}}'@'%';"));
  EXPECT_THAT(joined(roles["shop-orders-1-readonly"]["creation_statements"]), HasSubstr("GRANT SELECT ON"));
  const Value setup = login_roles(json(kStatic), "mysql", "orders")["shop-orders-1-setup"];
  EXPECT_THAT(joined(setup["creation_statements"]), HasSubstr("CREATE USER IF NOT EXISTS 'orders_app'@'%'"));
}

TEST(LoginStatements, TheConfigSaysWhereAndForWhichRoles) {
  const Value connection = json(R"({"host": "h.example", "port": "5432", "dbname": "orders"})");
  const Value config = login_config(json(kDynamic), "postgres", connection);
  EXPECT_EQ(config["connection_url"],
            Value("postgresql://{{username}}:{{password}}@h.example:5432/orders?sslmode=require"));
  EXPECT_EQ(config["allowed_roles"], json(R"(["shop-orders-1-app", "shop-orders-1-readonly"])"));
  EXPECT_EQ(login_config(json(kStatic), "mysql", connection)["plugin_name"], Value("mysql-rds-database-plugin"));
}

}  // namespace
}  // namespace squall::runners::database
