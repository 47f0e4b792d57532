#include "runners/database/login_statements.hpp"

#include <string>
#include <vector>

#include "base/strings.hpp"

namespace squall::runners::database {
namespace {

using Statements = std::vector<std::string>;

Value listed(const Statements& statements) {
  Value list = Value::empty_list();
  for (const std::string& statement : statements) list.push_back(statement);
  return list;
}

void append(Statements& to, const Statements& more) { to.insert(to.end(), more.begin(), more.end()); }

// Vault splits a statement at its semicolons, except one with " END " in it.
std::string unless_there(const std::string& role, const std::string& create) {
  return "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '" + role + "') THEN " + create +
         "; END IF; END $$;";
}

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

// The master user of RDS is no superuser: to give away what the group owns it has to be in the group.
Statements postgres_owner(const std::string& owner, const std::string& database) {
  return {unless_there(owner, "CREATE ROLE " + quoted(owner) + " NOLOGIN"),
          "GRANT " + quoted(owner) + " TO CURRENT_USER;",
          "GRANT ALL ON DATABASE " + quoted(database) + " TO " + quoted(owner) + ";",
          "GRANT ALL ON SCHEMA public TO " + quoted(owner) + ";"};
}

Statements postgres_reader(const std::string& owner, const std::string& reader, const std::string& database) {
  return {unless_there(reader, "CREATE ROLE " + quoted(reader) + " NOLOGIN"),
          "GRANT CONNECT ON DATABASE " + quoted(database) + " TO " + quoted(reader) + ";",
          "GRANT USAGE ON SCHEMA public TO " + quoted(reader) + ";",
          "ALTER DEFAULT PRIVILEGES FOR ROLE " + quoted(owner) + " GRANT SELECT ON TABLES TO " + quoted(reader) + ";"};
}

constexpr const char* kPostgresLogin =
    R"(CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';)";
constexpr const char* kPostgresRenewal = R"(ALTER ROLE "{{name}}" VALID UNTIL '{{expiration}}';)";

std::string postgres_revocation(const std::string& owner) {
  return R"(DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{{name}}') THEN GRANT "{{name}}" TO CURRENT_USER; )"
         R"(REASSIGN OWNED BY "{{name}}" TO )" +
         quoted(owner) + R"(; DROP OWNED BY "{{name}}"; DROP ROLE "{{name}}"; END IF; END $$;)";
}

// Asking for a login of the setup role makes the user that the static role takes over; it makes no login.
Value postgres_setup(const Value& logins, const std::string& database) {
  const std::string owner = logins["owner"].string(), user = logins["username"].string();
  Statements creation = postgres_owner(owner, database);
  append(creation, {unless_there(user, "CREATE ROLE " + quoted(user) + " LOGIN"),
                    "GRANT " + quoted(owner) + " TO " + quoted(user) + ";",
                    "ALTER ROLE " + quoted(user) + " SET role TO " + quoted(owner) + ";"});
  return Value::dict({{"creation_statements", listed(creation)},
                      {"revocation_statements", listed({R"(DROP ROLE IF EXISTS "{{name}}";)"})},
                      {"default_ttl", "60s"},
                      {"max_ttl", "60s"}});
}

Value postgres_roles(const Value& logins, const std::string& database) {
  Value roles = Value::empty_dict();
  if (logins["kind"].string_or("") == "static") {
    roles.set(logins["setup_role"].string(), postgres_setup(logins, database));
    return roles;
  }
  const std::string owner = logins["owner"].string(), reader = logins["reader"].string();
  const auto role = [&](const std::string& group, bool owns) {
    Statements creation = postgres_owner(owner, database);
    append(creation, postgres_reader(owner, reader, database));
    append(creation, {kPostgresLogin, "GRANT " + quoted(group) + R"( TO "{{name}}";)"});
    if (owns) append(creation, {R"(ALTER ROLE "{{name}}" SET role TO )" + quoted(group) + ";"});
    return Value::dict({{"creation_statements", listed(creation)},
                        {"revocation_statements", listed({postgres_revocation(owner)})},
                        {"renew_statements", listed({kPostgresRenewal})},
                        {"default_ttl", logins["ttl"]},
                        {"max_ttl", logins["max_ttl"]}});
  };
  roles.set(logins["role"].string(), role(owner, true));
  roles.set(logins["reader_role"].string(), role(reader, false));
  return roles;
}

Value mysql_roles(const Value& logins, const std::string& database) {
  const std::string on = " ON `" + database + "`.* TO ";
  const std::string create = "CREATE USER '{{name}}'@'%' IDENTIFIED BY '{{password}}';";
  Value roles = Value::empty_dict();
  if (logins["kind"].string_or("") == "static") {
    const std::string user = "'" + logins["username"].string() + "'@'%'";
    roles.set(logins["setup_role"].string(),
              Value::dict({{"creation_statements",
                            listed({"CREATE USER IF NOT EXISTS " + user + " IDENTIFIED BY '{{password}}';",
                                    "GRANT ALL" + on + user + ";", create})},
                           {"default_ttl", "60s"},
                           {"max_ttl", "60s"}}));
    return roles;
  }
  const auto role = [&](const char* rights) {
    return Value::dict(
        {{"creation_statements", listed({create, std::string("GRANT ") + rights + on + "'{{name}}'@'%';"})},
         {"default_ttl", logins["ttl"]},
         {"max_ttl", logins["max_ttl"]}});
  };
  roles.set(logins["role"].string(), role("ALL"));
  roles.set(logins["reader_role"].string(), role("SELECT"));
  return roles;
}

}  // namespace

Value login_roles(const Value& logins, const std::string& engine, const std::string& database) {
  const Value roles = engine == "postgres" ? postgres_roles(logins, database) : mysql_roles(logins, database);
  Value complete = Value::empty_dict();
  for (const auto& [name, role] : roles.as_dict()) {
    Value body = role;
    body.set("db_name", logins["config"]);
    complete.set(name, body);
  }
  return complete;
}

Value login_config(const Value& logins, const std::string& engine, const Value& connection) {
  const std::string place = connection["host"].string() + ":" + connection["port"].string();
  Value allowed = Value::list({logins["role"]});
  for (const char* name : {"setup_role", "reader_role"}) {
    if (logins[name].truthy()) allowed.push_back(logins[name]);
  }
  if (engine == "postgres") {
    return Value::dict({{"plugin_name", "postgresql-database-plugin"},
                        {"connection_url", "postgresql://{{username}}:{{password}}@" + place + "/" +
                                               percent_encode(connection["dbname"].string()) +
                                               "?sslmode=" + logins["sslmode"].string()},
                        {"allowed_roles", allowed}});
  }
  return Value::dict({{"plugin_name", "mysql-rds-database-plugin"},
                      {"connection_url", "{{username}}:{{password}}@tcp(" + place + ")/"},
                      {"allowed_roles", allowed}});
}

}  // namespace squall::runners::database
