// What Vault's status codes mean (kubernetes-aws-vault-consul.md section 5).
#pragma once

#include "base/result.hpp"
#include "net/http_client.hpp"
#include "value/value.hpp"

namespace squall::clients {

// The body as JSON; null when it is empty or something else.
Value vault_body(const net::HttpResponse& response);

// For an answer that is no success. `what` begins the message, "reading secret/db". By type():
//   AccessDenied (kPermissionDenied), NotFound (kNotFound), CheckAndSetMismatch and CheckAndSetRequired (kConflict),
//   VaultSealed, VaultNotInitialized, VaultStandby, VaultRateLimited, VaultUnavailable (all kUnavailable: the same call
//   may work later), VaultError (kRemote).
// Known secrets in Vault's text are masked.
Error vault_error(const net::HttpResponse& response, const std::string& what);

}  // namespace squall::clients
