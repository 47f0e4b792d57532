// Who sends a request: tokens and API keys in headers, the query or a cookie, in StackStorm's order (P-2).
#pragma once

#include <string>

#include "api/router.hpp"
#include "auth/access.hpp"
#include "auth/identity.hpp"
#include "engine/engine.hpp"

namespace squall::api {

// kUnauthorized when nothing of it is known.
Result<auth::Identity> identify(const Call& call, const auth::Access& access, engine::Engine& engine);

// User and password of HTTP's Basic authentication; empty texts when there is none.
std::pair<std::string, std::string> basic_credentials(const Call& call);

}  // namespace squall::api
