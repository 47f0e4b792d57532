// SQL that Vault's database engine runs for the logins of a Database resource. Pure.
#pragma once

#include <string>

#include "value/value.hpp"

namespace squall::runners::database {

// Roles of the engine by name: {name: body of its API}; {{name}} and {{password}} are filled in by Vault. `logins` is
// the plan's. All of what they make belongs to one group role, so that a login that ends leaves nothing of its own.
Value login_roles(const Value& logins, const std::string& engine, const std::string& database);

// Body of the engine's config: plug-in, connection URL with Vault's placeholders, allowed roles.
Value login_config(const Value& logins, const std::string& engine, const Value& connection);

}  // namespace squall::runners::database
