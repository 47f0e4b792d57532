#include "clients/vault/vault_error.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "value/json.hpp"

namespace squall::clients {
namespace {

// Vault's own words begin with "1 error occurred:\n\t* " when there may be several.
std::string readable(std::string text) {
  if (const size_t star = text.find("\n\t* "); star != std::string::npos && text.find(" occurred:") < star)
    text.erase(0, star + 4);
  std::string line;
  for (const char c : trim(text)) line += c == '\n' || c == '\t' ? ' ' : c;
  return line;
}

std::string join_errors(const Value& body) {
  std::string text;
  const Value& errors = body["errors"].is_list() ? body["errors"] : body["data"]["errors"];
  for (const Value& error : errors.is_list() ? errors.as_list() : List()) {
    text += (text.empty() ? "" : "; ") + readable(error.string());
  }
  return text;
}

// Vault answers 500 for its own troubles and for SQL that a database refuses alike; its words tell them apart.
bool may_pass(const std::string& errors) {
  const std::string lower = to_lower(errors);
  constexpr const char* kSigns[] = {"connection refused",
                                    "connection reset",
                                    "timeout",
                                    "deadline",
                                    "no such host",
                                    "eof",
                                    "sealed",
                                    "standby",
                                    "not active",
                                    "unavailable",
                                    "internal error",
                                    "shutting down",
                                    "starting up"};
  return lower.empty() || std::any_of(std::begin(kSigns), std::end(kSigns),
                                      [&](const char* sign) { return lower.find(sign) != std::string::npos; });
}

struct Kind {
  ErrorCode code;
  const char* type;
  std::string text;
};

Kind kind_of(int status, const std::string& errors) {
  const std::string number = std::to_string(status);
  const bool about_cas = errors.find("check-and-set") != std::string::npos;
  if (status == 400 && about_cas && errors.find("required") != std::string::npos)
    return {ErrorCode::kConflict, "CheckAndSetRequired", "this secret must be written with `cas`"};
  if (status == 400 && about_cas) return {ErrorCode::kConflict, "CheckAndSetMismatch", "another version is current"};
  if (status == 403)
    return {ErrorCode::kPermissionDenied, "AccessDenied", "Vault denied it (403); check the token and its policies"};
  if (status == 404) return {ErrorCode::kNotFound, "NotFound", "no such path in Vault (404)"};
  if (status == 429)
    return {ErrorCode::kUnavailable, "VaultRateLimited", "Vault is a standby or limits requests (429)"};
  if (status == 472 || status == 473)
    return {ErrorCode::kUnavailable, "VaultStandby", "Vault is a standby (" + number + ")"};
  if (status == 501) return {ErrorCode::kUnavailable, "VaultNotInitialized", "Vault is not initialized (501)"};
  if (status == 503) return {ErrorCode::kUnavailable, "VaultSealed", "Vault is sealed or in maintenance (503)"};
  if (status == 500 && !may_pass(errors)) return {ErrorCode::kRemote, "VaultError", "Vault answered 500"};
  if (status >= 500 || status == 412 || status == 307)
    return {ErrorCode::kUnavailable, "VaultUnavailable", "Vault answered " + number};
  return {ErrorCode::kRemote, "VaultError", "Vault answered " + number};
}

}  // namespace

Value vault_body(const net::HttpResponse& response) {
  auto body = trim(response.body).empty() ? Result<Value>(Value()) : parse_json(response.body);
  return body ? *body : Value();
}

Error vault_error(const net::HttpResponse& response, const std::string& what) {
  const std::string errors = mask_secrets(join_errors(vault_body(response)));
  const Kind kind = kind_of(response.status, errors);
  return Error(kind.code, what + ": " + kind.text + (errors.empty() ? "" : ": " + errors))
      .with_type(kind.type)
      .with_http_status(response.status);
}

}  // namespace squall::clients
