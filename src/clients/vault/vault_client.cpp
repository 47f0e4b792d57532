#include "clients/vault/vault_client.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"
#include "value/json.hpp"

namespace squall::clients {
namespace {

constexpr std::string_view kScheme = "secretref://vault/";
constexpr Duration kTimeout = std::chrono::seconds(20);

std::string join_errors(const Value& body) {
  std::string text;
  for (const Value& error : body["errors"].is_list() ? body["errors"].as_list() : List()) {
    text += (text.empty() ? "" : "; ") + error.string();
  }
  return text;
}

// Vault's status codes on ordinary paths (section 5).
Error status_error(int status, const Value& body, const std::string& what) {
  const std::string errors = mask_secrets(join_errors(body));
  const std::string detail = errors.empty() ? "" : ": " + errors;
  const auto make = [&](ErrorCode code, const std::string& text, const char* type) {
    return Error(code, what + ": " + text).with_type(type).with_http_status(status);
  };
  if (status == 403)
    return make(ErrorCode::kPermissionDenied, "Vault denied it (403); check the token and its policies" + detail,
                "AccessDenied");
  if (status == 404) return make(ErrorCode::kNotFound, "no such path in Vault (404)" + detail, "NotFound");
  if (status == 503)
    return make(ErrorCode::kUnavailable, "Vault is sealed or in maintenance (503)" + detail, "VaultSealed");
  if (status == 429 || status == 472 || status == 473) {
    return make(ErrorCode::kUnavailable,
                "Vault is a standby or limits requests (" + std::to_string(status) + ")" + detail, "VaultUnavailable");
  }
  if (status == 400 && errors.find("check-and-set") != std::string::npos)
    return make(ErrorCode::kConflict, errors, "CheckAndSetMismatch");
  if (status >= 500 || status == 412)
    return make(ErrorCode::kUnavailable, "Vault answered " + std::to_string(status) + detail, "VaultUnavailable");
  return make(ErrorCode::kRemote, "Vault answered " + std::to_string(status) + detail, "VaultError");
}

Value parse_body(const net::HttpResponse& response) {
  auto body = trim(response.body).empty() ? Result<Value>(Value()) : parse_json(response.body);
  return body ? *body : Value();
}

void learn_secrets(const Value& data) {
  if (data.is_string()) {
    add_log_secret(data.as_string());
  } else if (data.is_dict()) {
    for (const auto& [key, value] : data.as_dict()) learn_secrets(value);
  } else if (data.is_list()) {
    for (const Value& value : data.as_list()) learn_secrets(value);
  }
}

// Only what looks like a secret by its name: masking "5432" or a host name in every log line would help nobody.
void learn_named_secrets(const Value& data) {
  if (!data.is_dict()) return;
  for (const auto& [key, value] : data.as_dict()) {
    const std::string name = to_lower(key);
    for (const char* hint : {"password", "secret", "token", "key", "credential"}) {
      if (name.find(hint) != std::string::npos) {
        learn_secrets(value);
        break;
      }
    }
  }
}

std::string data_path(const std::string& mount, const char* kind, const std::string& path) {
  return percent_encode(mount, true) + "/" + kind + "/" + percent_encode(path, true);
}

}  // namespace

Result<VaultSettings> VaultSettings::read(const Value& config,
                                          const std::function<std::string(const std::string&)>& environment) {
  const auto pick = [&](const char* name, const char* variable) {
    const std::string given = config[name].string();
    return given.empty() ? environment(variable) : given;
  };
  VaultSettings settings;
  settings.address = pick("address", "VAULT_ADDR");
  settings.token = pick("token", "VAULT_TOKEN");
  settings.role_id = pick("role_id", "VAULT_ROLE_ID");
  settings.secret_id = pick("secret_id", "VAULT_SECRET_ID");
  settings.name_space = pick("namespace", "VAULT_NAMESPACE");
  settings.ca_file = pick("ca_file", "VAULT_CACERT");
  const std::string skip = to_lower(environment("VAULT_SKIP_VERIFY"));
  settings.verify = config["verify"].bool_or(skip != "1" && skip != "true");
  while (settings.address.ends_with("/")) settings.address.pop_back();
  if (settings.address.empty()) {
    return fail(Error(ErrorCode::kInvalid,
                      "Vault's address is not known: set `address` in the config of the pack vault, or VAULT_ADDR")
                    .with_type("VaultNotConfigured"));
  }
  if (settings.token.empty() && settings.role_id.empty()) {
    return fail(Error(ErrorCode::kInvalid,
                      "there are no credentials for Vault: set `token`, or `role_id` and `secret_id`, in the config of "
                      "the pack vault, or VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID")
                    .with_type("VaultNotConfigured"));
  }
  add_log_secret(settings.token);
  add_log_secret(settings.secret_id);
  return settings;
}

Result<net::HttpResponse> VaultClient::send_once(const std::string& method, const std::string& path, const Value& body,
                                                 const std::string& token, StopToken stop) {
  net::HttpRequest request;
  request.method = method;
  request.url = settings_.address + "/v1/" + path;
  request.headers.set("X-Vault-Request", "true");
  if (!token.empty()) request.headers.set("X-Vault-Token", token);
  if (!settings_.name_space.empty()) request.headers.set("X-Vault-Namespace", settings_.name_space);
  if (!body.is_null()) {
    request.headers.set("Content-Type", "application/json");
    request.body = to_json(body);
  }
  request.tls.verify = settings_.verify;
  request.tls.ca_file = settings_.ca_file;
  request.follow_redirects = true;  // a standby sends on to the leader
  request.timeout = kTimeout;
  auto response = http_.call(std::move(request), stop);
  if (!response)
    return fail(response.error().with_context("Vault at " + settings_.address).with_type("VaultUnavailable"));
  return response;
}

Result<std::string> VaultClient::login(bool anew, StopToken stop) {
  if (settings_.role_id.empty()) return settings_.token;
  const std::lock_guard lock(mutex_);
  if (!anew && !approle_token_.empty()) return approle_token_;
  const Value body = Value::dict({{"role_id", settings_.role_id}, {"secret_id", settings_.secret_id}});
  SQ_TRY(const net::HttpResponse response, send_once("POST", "auth/approle/login", body, "", stop));
  const Value answer = parse_body(response);
  if (response.status != 200) return fail(status_error(response.status, answer, "AppRole login"));
  approle_token_ = answer["auth"]["client_token"].string();
  add_log_secret(approle_token_);
  return approle_token_;
}

Result<net::HttpResponse> VaultClient::send(const std::string& method, const std::string& path, const Value& body,
                                            StopToken stop) {
  SQ_TRY(const std::string token, login(false, stop));
  SQ_TRY(net::HttpResponse response, send_once(method, path, body, token, stop));
  if (response.status != 403 || settings_.role_id.empty()) return response;
  // The token may be dead: log in anew, once.
  SQ_TRY(const std::string fresh, login(true, stop));
  return send_once(method, path, body, fresh, stop);
}

Result<VaultSecret> VaultClient::read(const std::string& mount, const std::string& path, StopToken stop) {
  SQ_TRY(const net::HttpResponse response, send("GET", data_path(mount, "data", path), Value(), stop));
  const Value body = parse_body(response);
  VaultSecret secret;
  secret.version = body["data"]["metadata"]["version"].int_or(0);
  // A deleted version answers 404 with its metadata; an unknown path 404 without.
  if (response.status == 404) return secret;
  if (response.status != 200) return fail(status_error(response.status, body, "reading " + mount + "/" + path));
  secret.data = body["data"]["data"];
  learn_named_secrets(secret.data);
  return secret;
}

Result<int64_t> VaultClient::write(const std::string& mount, const std::string& path, const Value& data,
                                   std::optional<int64_t> cas, StopToken stop) {
  Value body = Value::dict({{"data", data}});
  if (cas) body.set("options", Value::dict({{"cas", *cas}}));
  learn_named_secrets(data);
  SQ_TRY(const net::HttpResponse response, send("POST", data_path(mount, "data", path), body, stop));
  const Value answer = parse_body(response);
  if (response.status != 200 && response.status != 204) {
    return fail(status_error(response.status, answer, "writing " + mount + "/" + path));
  }
  return answer["data"]["version"].int_or(0);
}

Status VaultClient::remove_latest(const std::string& mount, const std::string& path, StopToken stop) {
  SQ_TRY(const net::HttpResponse response, send("DELETE", data_path(mount, "data", path), Value(), stop));
  if (response.status < 300 || response.status == 404) return {};
  return fail(status_error(response.status, parse_body(response), "deleting " + mount + "/" + path));
}

Result<bool> VaultClient::remove_all(const std::string& mount, const std::string& path, StopToken stop) {
  SQ_TRY(const VaultSecret before, read(mount, path, stop));
  SQ_TRY(const net::HttpResponse response, send("DELETE", data_path(mount, "metadata", path), Value(), stop));
  if (response.status < 300 || response.status == 404) return before.version > 0;
  return fail(status_error(response.status, parse_body(response), "deleting " + mount + "/" + path));
}

Status VaultClient::put_metadata(const std::string& mount, const std::string& path, const Value& custom_metadata,
                                 StopToken stop) {
  const Value body = Value::dict({{"custom_metadata", custom_metadata}});
  SQ_TRY(const net::HttpResponse response, send("POST", data_path(mount, "metadata", path), body, stop));
  if (response.status < 300) return {};
  return fail(status_error(response.status, parse_body(response), "writing the metadata of " + mount + "/" + path));
}

std::shared_ptr<VaultClient> VaultClients::get(const VaultSettings& settings) {
  const std::lock_guard lock(mutex_);
  for (const auto& client : clients_) {
    if (client->settings() == settings) return client;
  }
  clients_.push_back(std::make_shared<VaultClient>(http_, settings));
  return clients_.back();
}

std::string SecretReference::to_string() const { return std::string(kScheme) + mount + "/" + path + "#" + key; }

Result<std::optional<SecretReference>> SecretReference::parse(std::string_view text) {
  if (!text.starts_with("secretref://")) return std::optional<SecretReference>();
  const auto malformed = [&] {
    return fail(Error(ErrorCode::kInvalid, "'" + std::string(text) + "' is not secretref://vault/MOUNT/PATH#KEY")
                    .with_type("InvalidSecretRef"));
  };
  if (!text.starts_with(kScheme)) return malformed();
  const std::string_view rest = text.substr(kScheme.size());
  const size_t slash = rest.find('/');
  const size_t hash = rest.rfind('#');
  if (slash == std::string_view::npos || hash == std::string_view::npos || hash < slash + 2 || slash == 0 ||
      hash + 1 == rest.size()) {
    return malformed();
  }
  return SecretReference{std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1, hash - slash - 1)),
                         std::string(rest.substr(hash + 1))};
}

}  // namespace squall::clients
