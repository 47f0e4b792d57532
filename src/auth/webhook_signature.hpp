// Is a webhook from whom it says? The ways in which the senders sign what they send. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/http_message.hpp"

namespace squall::auth {

enum class WebhookScheme {
  kGitHub,    // X-Hub-Signature-256
  kGitLab,    // X-Gitlab-Token: the secret itself
  kSlack,     // X-Slack-Signature over the time and the body
  kStripe,    // Stripe-Signature over the time and the body
  kStandard,  // webhook-signature over id, time and body (standardwebhooks.com)
  kBearer,    // Authorization: Bearer, for senders that sign nothing
};

// "github", "gitlab", "slack", "stripe", "standard", "bearer".
std::optional<WebhookScheme> find_webhook_scheme(std::string_view name);
std::span<const std::string_view> webhook_scheme_names();

// A message older (or newer) than this is refused where the scheme signs its time: nobody sends an old one again.
inline constexpr Duration kWebhookToleranceDefault = std::chrono::minutes(5);

// kUnauthorized with the reason, which never has the secret or the right signature in it. `body` is what was received,
// byte for byte. An empty secret fits nothing.
Status verify_webhook(WebhookScheme scheme, std::string_view secret, const net::Headers& headers, std::string_view body,
                      Timestamp now, Duration tolerance = kWebhookToleranceDefault);

// The header that holds the secret itself, which belongs into no event; empty for schemes that sign.
std::string_view secret_header(WebhookScheme scheme);

}  // namespace squall::auth
