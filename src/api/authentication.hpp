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

// The cookie that lets a browser go on with a token that it gave in another way (P-2); empty when there is none to set.
std::string token_cookie(const Call& call, Timestamp now);

// User and password of HTTP's Basic authentication; empty texts when there is none.
std::pair<std::string, std::string> basic_credentials(const Call& call);

}  // namespace squall::api
