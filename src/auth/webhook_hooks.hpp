// Webhooks that are checked by their sender's signature, and need no token: a file that names them.
#pragma once

#include <map>
#include <string>

#include "auth/webhook_signature.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace squall::auth {

struct SignedWebhook {
  WebhookScheme scheme = WebhookScheme::kGitHub;
  std::string secret_key;  // of the datastore, scope system; the file itself holds no secret
  Duration tolerance = kWebhookToleranceDefault;
};

// By URL: "github/push" for /v1/webhooks/github/push.
using SignedWebhooks = std::map<std::string, SignedWebhook, std::less<>>;

// The error has file and line.
Result<SignedWebhooks> load_webhooks(const std::string& path);

}  // namespace squall::auth
