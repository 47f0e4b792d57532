#include "clients/vault/vault_session.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "clients/vault/vault_error.hpp"
#include "value/json.hpp"

namespace squall::clients {
namespace {

constexpr Duration kTimeout = std::chrono::seconds(20);
constexpr Duration kConnectTimeout = std::chrono::seconds(5);
constexpr Duration kRenewRetry = std::chrono::seconds(10);
constexpr int kRedirectsMax = 3;

Duration seconds_of(const Value& value) { return std::chrono::seconds(value.int_or(0)); }

}  // namespace

VaultSession::VaultSession(net::HttpClient& http, const Clock& clock, Random& random, VaultSettings settings,
                           std::function<void()> on_due_change)
    : http_(http),
      clock_(clock),
      random_(random),
      settings_(std::move(settings)),
      on_due_change_(std::move(on_due_change)) {}

Result<net::HttpResponse> VaultSession::send(const VaultRequest& request, const StopToken& stop) {
  SQ_TRY(const std::string used, token(stop));
  SQ_TRY(net::HttpResponse response, exchange(request, used, stop));
  if (response.status != 403 || !can_log_in()) return response;
  SQ_TRY(const bool alive, is_alive(used, stop));
  if (alive) return response;
  SQ_TRY(const std::string fresh, token_after(used, stop));
  return exchange(request, fresh, stop);
}

Result<net::HttpResponse> VaultSession::exchange(const VaultRequest& request, const std::string& token,
                                                 const StopToken& stop) {
  net::HttpRequest sent;
  sent.method = request.method;
  sent.url = settings_.address + "/v1/" + request.path;
  sent.headers.set("X-Vault-Request", "true");
  if (!token.empty()) sent.headers.set("X-Vault-Token", token);
  if (!settings_.name_space.empty()) sent.headers.set("X-Vault-Namespace", settings_.name_space);
  if (!request.body.is_null()) {
    sent.headers.set("Content-Type", request.content_type);
    sent.body = to_json(request.body);
  }
  sent.tls = settings_.tls;
  sent.timeout = kTimeout;
  sent.connect_timeout = kConnectTimeout;
  for (int redirects = 0;; ++redirects) {
    auto response = http_.call(sent, stop);
    if (!response) {
      const Error error = response.error().with_context("Vault at " + settings_.address);
      const bool away =
          error.type().empty() && (error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kTimeout);
      return fail(away ? error.with_type("VaultUnavailable") : error);
    }
    // A standby sends on to the active node, which needs the token too. Never from TLS to plain HTTP with it.
    const std::string place(response->headers.get("Location"));
    const bool redirect = (response->status == 307 || response->status == 308) && !place.empty();
    const bool safe = place.starts_with("https://") || !sent.url.starts_with("https://");
    if (!redirect || !safe || redirects >= kRedirectsMax) return response;
    sent.url = place.starts_with("/") ? settings_.address + place : place;
  }
}

Result<std::string> VaultSession::token(const StopToken& stop) {
  {
    const std::lock_guard lock(mutex_);
    if (!lease_.token.empty()) return lease_.token;
  }
  return token_after("", stop);
}

Result<std::string> VaultSession::token_after(const std::string& dead, const StopToken& stop) {
  const std::lock_guard login_lock(login_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (lease_.token != dead && !lease_.token.empty()) return lease_.token;
  }
  SQ_TRY(Lease lease, log_in(stop));
  std::string token = lease.token;
  keep(std::move(lease));
  return token;
}

Result<VaultSession::Lease> VaultSession::log_in(const StopToken& stop) {
  if (settings_.auth == VaultAuth::kToken) return token_lease();
  VaultRequest request{.method = "POST", .path = "auth/" + percent_encode(settings_.auth_mount, true) + "/login"};
  std::string what = "AppRole login";
  if (settings_.auth == VaultAuth::kKubernetes) {
    what = "Kubernetes login as role " + settings_.kubernetes_role;
    auto jwt = read_file(settings_.kubernetes_token_file);
    if (!jwt) return fail(jwt.error().with_context("Vault: " + what).with_type("VaultNotConfigured"));
    add_log_secret(trim(*jwt));
    request.body = Value::dict({{"role", settings_.kubernetes_role}, {"jwt", trim(*jwt)}});
  } else {
    SQ_TRY(const std::string secret, secret_id(stop));
    request.body = Value::dict({{"role_id", settings_.role_id}, {"secret_id", secret}});
  }
  SQ_TRY(const net::HttpResponse response, exchange(request, "", stop));
  if (response.status != 200) {
    const Error error = vault_error(response, what);
    const bool refused = error.code() == ErrorCode::kRemote || error.code() == ErrorCode::kPermissionDenied;
    return fail(refused ? error.with_type("VaultLoginRefused") : error);
  }
  const Value auth = vault_body(response)["auth"];
  if (!auth["client_token"].is_string()) return fail(ErrorCode::kRemote, what + ": Vault answered without a token");
  return granted(auth);
}

Result<std::string> VaultSession::secret_id(const StopToken& stop) {
  std::string given = settings_.secret_id;
  if (given.empty() && !settings_.secret_id_file.empty()) {
    auto text = read_file(settings_.secret_id_file);
    if (!text) return fail(text.error().with_context("Vault's secret id").with_type("VaultNotConfigured"));
    given = trim(*text);
    add_log_secret(given);
  }
  if (!settings_.secret_id_is_wrapped) return given;
  // The wrapping token is good for one look; what it gave serves for later logins.
  if (unwrapped_from_ == given) return unwrapped_secret_id_;
  SQ_TRY(unwrapped_secret_id_, unwrap(given, stop));
  unwrapped_from_ = given;
  return unwrapped_secret_id_;
}

Result<std::string> VaultSession::unwrap(const std::string& wrapping_token, const StopToken& stop) {
  SQ_TRY(const net::HttpResponse response,
         exchange({"POST", "sys/wrapping/unwrap", Value::empty_dict()}, wrapping_token, stop));
  if (response.status != 200) {
    const Error error = vault_error(response, "unwrapping the secret id");
    if (error.code() == ErrorCode::kUnavailable) return fail(error);
    return fail(Error(ErrorCode::kPermissionDenied,
                      "the wrapping token of Vault's secret id has ended or was used before: if not by squall itself "
                      "before its last restart, somebody else has the secret id; make a new one")
                    .with_type("VaultWrappingTokenUsed")
                    .with_http_status(response.status));
  }
  std::string secret = vault_body(response)["data"]["secret_id"].string();
  if (secret.empty()) return fail(ErrorCode::kRemote, "Vault's wrapping token does not wrap a secret id");
  add_log_secret(secret);
  return secret;
}

Result<VaultSession::Lease> VaultSession::token_lease() const {
  Lease lease;
  lease.token = settings_.token;
  if (!settings_.token_file.empty()) {
    auto text = read_file(settings_.token_file);
    if (!text) return fail(text.error().with_context("Vault's token").with_type("VaultNotConfigured"));
    lease.token = trim(*text);
  }
  if (lease.token.empty()) {
    return fail(Error(ErrorCode::kInvalid, "Vault's token file " + settings_.token_file + " is empty")
                    .with_type("VaultNotConfigured"));
  }
  // How long it lives is not known yet; renew() asks.
  lease.renewable = true;
  lease.due = clock_.monotonic();
  return lease;
}

VaultSession::Lease VaultSession::granted(const Value& auth) const {
  Lease lease;
  lease.token = auth["client_token"].string();
  lease.full = seconds_of(auth["lease_duration"]);
  lease.renewable = auth["renewable"].bool_or(false);
  if (lease.full > Duration::zero()) lease.due = due_after(lease.full);
  return lease;
}

Result<bool> VaultSession::is_alive(const std::string& token, const StopToken& stop) {
  SQ_TRY(const net::HttpResponse response, exchange({.path = "auth/token/lookup-self"}, token, stop));
  return response.status != 403;
}

void VaultSession::keep(Lease lease) {
  add_log_secret(lease.token);
  {
    const std::lock_guard lock(mutex_);
    lease_ = std::move(lease);
  }
  if (on_due_change_) on_due_change_();
}

void VaultSession::set_due(const std::string& token, std::optional<Duration> due) {
  const std::lock_guard lock(mutex_);
  if (lease_.token == token) lease_.due = due;
}

// A little earlier than two thirds, so that many processes that started together do not come together.
Duration VaultSession::due_after(Duration lease) const {
  const auto spread = static_cast<uint64_t>(std::max<int64_t>(lease.count() / 20, 1));
  return clock_.monotonic() + lease * 2 / 3 - Duration(static_cast<int64_t>(random_.below(spread)));
}

std::optional<Duration> VaultSession::renewal_due() const {
  const std::lock_guard lock(mutex_);
  return lease_.due;
}

// Of a token that came from outside: only Vault knows its end.
void VaultSession::learn_lease(const StopToken& stop) {
  Lease known;
  {
    const std::lock_guard lock(mutex_);
    known = lease_;
  }
  const auto response = exchange({.path = "auth/token/lookup-self"}, known.token, stop);
  if (!response || response->status >= 429) return set_due(known.token, clock_.monotonic() + kRenewRetry);
  const Value data = vault_body(*response)["data"];
  const Duration left = seconds_of(data["ttl"]);
  if (response->status != 200 || left == Duration::zero()) return set_due(known.token, std::nullopt);  // no end
  known.full = std::max(left, seconds_of(data["creation_ttl"]));
  known.renewable = data["renewable"].bool_or(false);
  known.due = known.renewable || can_log_in() ? std::optional(due_after(left)) : std::nullopt;
  if (!known.due)
    log_warning("Vault's token cannot be renewed", {{"ends_in_s", std::to_string(left / std::chrono::seconds(1))}});
  keep(std::move(known));
}

void VaultSession::renew(const StopToken& stop) {
  Lease known;
  {
    const std::lock_guard lock(mutex_);
    known = lease_;
  }
  if (known.token.empty()) return;
  if (known.full == Duration::zero()) return learn_lease(stop);
  if (known.renewable) {
    const Value increment = Value::dict({{"increment", known.full / std::chrono::seconds(1)}});
    const auto response = exchange({"POST", "auth/token/renew-self", increment}, known.token, stop);
    if (!response || response->status >= 429) return set_due(known.token, clock_.monotonic() + kRenewRetry);
    const Duration lease = seconds_of(vault_body(*response)["auth"]["lease_duration"]);
    // Less than was asked for means that the last end is near, where only a new login helps.
    const bool near_end = lease < known.full / 2;
    if (response->status == 200 && (!near_end || !can_log_in())) {
      return set_due(known.token, lease > std::chrono::seconds(1) ? std::optional(due_after(lease)) : std::nullopt);
    }
  }
  if (!can_log_in()) {
    log_warning("Vault's token could not be renewed; give squall a new one before it ends");
    return set_due(known.token, std::nullopt);
  }
  if (auto fresh = token_after(known.token, stop); !fresh) {
    log_warning("new login at Vault failed", {{"error", fresh.error().to_string()}});
    set_due(known.token, clock_.monotonic() + kRenewRetry);
  }
}

}  // namespace squall::clients
