#include "auth/webhook_signature.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/strings.hpp"
#include "crypto/hash.hpp"

namespace squall::auth {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"github", "gitlab", "slack", "stripe", "standard", "bearer"};
constexpr std::string_view kStandardSecret = "whsec_";

Error refused(const std::string& why) { return Error(ErrorCode::kUnauthorized, "Unauthorized - " + why); }

Result<std::string> header(const net::Headers& headers, const char* name) {
  const std::string_view value = trim(headers.get(name));
  if (value.empty()) return fail(refused("the header " + std::string(name) + " is missing."));
  return std::string(value);
}

Status check_time(std::string_view text, Timestamp now, Duration tolerance) {
  const auto seconds = parse_int(text);
  if (!seconds) return fail(refused("the time of the webhook is no number."));
  const Duration apart = now - Timestamp(std::chrono::seconds(*seconds));
  if (apart > tolerance || apart < -tolerance)
    return fail(refused("the webhook is too old, or the clocks differ; its time is " + std::to_string(*seconds) + "."));
  return {};
}

Status fits(bool right) {
  return right ? Status() : fail(refused("the signature does not fit: another secret, or another body."));
}

// Any of several: senders sign with the old and the new secret while they change it.
bool any_is(const std::vector<std::string>& given, const std::string& right) {
  bool found = false;
  for (const std::string& one : given) found = crypto::equal_in_constant_time(one, right) || found;
  return found;
}

Status verify_github(std::string_view secret, const net::Headers& headers, std::string_view body) {
  SQ_TRY(const std::string given, header(headers, "X-Hub-Signature-256"));
  return fits(crypto::equal_in_constant_time(given, "sha256=" + crypto::hmac_sha256_hex(secret, body)));
}

Status verify_secret(std::string_view secret, const std::string& given) {
  // Of the same length whatever the lengths of both.
  return fits(crypto::equal_in_constant_time(crypto::sha256(given), crypto::sha256(secret)));
}

Status verify_slack(std::string_view secret, const net::Headers& headers, std::string_view body, Timestamp now,
                    Duration tolerance) {
  SQ_TRY(const std::string given, header(headers, "X-Slack-Signature"));
  SQ_TRY(const std::string time, header(headers, "X-Slack-Request-Timestamp"));
  SQ_CHECK(check_time(time, now, tolerance));
  const std::string right = "v0=" + crypto::hmac_sha256_hex(secret, "v0:" + time + ":" + std::string(body));
  return fits(crypto::equal_in_constant_time(given, right));
}

// "t=1492774577,v1=5257a8...,v1=...".
Status verify_stripe(std::string_view secret, const net::Headers& headers, std::string_view body, Timestamp now,
                     Duration tolerance) {
  SQ_TRY(const std::string given, header(headers, "Stripe-Signature"));
  std::string time;
  std::vector<std::string> signatures;
  for (const std::string& part : split(given, ',')) {
    const std::string_view entry = trim(part);
    if (entry.starts_with("t=")) time = entry.substr(2);
    if (entry.starts_with("v1=")) signatures.emplace_back(entry.substr(3));
  }
  SQ_CHECK(check_time(time, now, tolerance));
  return fits(any_is(signatures, crypto::hmac_sha256_hex(secret, time + "." + std::string(body))));
}

// "v1,BASE64 v1,BASE64"; the secret is "whsec_" and base64, or base64 alone.
Status verify_standard(std::string_view secret, const net::Headers& headers, std::string_view body, Timestamp now,
                       Duration tolerance) {
  SQ_TRY(const std::string given, header(headers, "webhook-signature"));
  SQ_TRY(const std::string id, header(headers, "webhook-id"));
  SQ_TRY(const std::string time, header(headers, "webhook-timestamp"));
  SQ_CHECK(check_time(time, now, tolerance));
  const bool prefixed = secret.starts_with(kStandardSecret);
  const auto key = base64_decode(prefixed ? secret.substr(kStandardSecret.size()) : secret);
  if (!key || key->empty()) return fail(refused("the secret of this webhook is no base64."));
  std::vector<std::string> signatures;
  for (const std::string& part : split(given, ' ')) {
    if (part.starts_with("v1,")) signatures.push_back(part.substr(3));
  }
  return fits(any_is(signatures, base64_encode(crypto::hmac_sha256(*key, id + "." + time + "." + std::string(body)))));
}

}  // namespace

std::optional<WebhookScheme> find_webhook_scheme(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<WebhookScheme>(found - kNames.begin());
}

std::span<const std::string_view> webhook_scheme_names() { return kNames; }

std::string_view secret_header(WebhookScheme scheme) {
  return scheme == WebhookScheme::kGitLab ? "x-gitlab-token" : std::string_view();
}

Status verify_webhook(WebhookScheme scheme, std::string_view secret, const net::Headers& headers, std::string_view body,
                      Timestamp now, Duration tolerance) {
  if (secret.empty()) return fail(refused("this webhook has no secret."));
  switch (scheme) {
    case WebhookScheme::kGitHub: return verify_github(secret, headers, body);
    case WebhookScheme::kGitLab: {
      SQ_TRY(const std::string given, header(headers, "X-Gitlab-Token"));
      return verify_secret(secret, given);
    }
    case WebhookScheme::kSlack: return verify_slack(secret, headers, body, now, tolerance);
    case WebhookScheme::kStripe: return verify_stripe(secret, headers, body, now, tolerance);
    case WebhookScheme::kStandard: return verify_standard(secret, headers, body, now, tolerance);
    case WebhookScheme::kBearer: {
      SQ_TRY(const std::string given, header(headers, "Authorization"));
      if (!starts_with_ignore_case(given, "bearer "))
        return fail(refused("the header Authorization is no Bearer token."));
      return verify_secret(secret, std::string(trim(std::string_view(given).substr(7))));
    }
  }
  return fail(refused("the webhook has no scheme."));
}

}  // namespace squall::auth
