#include "clients/vault/vault_settings.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"

namespace squall::clients {
namespace {

constexpr const char* kServiceAccountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token";

using Environment = std::function<std::string(const std::string&)>;

tl::unexpected<Error> not_configured(std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type("VaultNotConfigured"));
}

struct Names {
  const char *kubernetes_role, *kubernetes_token_file, *role_id, *secret_id, *secret_id_file, *token, *token_file,
      *auth_mount;
};
constexpr Names kInConfig = {.kubernetes_role = "kubernetes_role",
                             .kubernetes_token_file = "kubernetes_token_file",
                             .role_id = "role_id",
                             .secret_id = "secret_id",
                             .secret_id_file = "secret_id_file",
                             .token = "token",
                             .token_file = "token_file",
                             .auth_mount = "auth_mount"};
constexpr Names kInEnvironment = {.kubernetes_role = "VAULT_KUBERNETES_ROLE",
                                  .kubernetes_token_file = "VAULT_KUBERNETES_TOKEN_FILE",
                                  .role_id = "VAULT_ROLE_ID",
                                  .secret_id = "VAULT_SECRET_ID",
                                  .secret_id_file = "VAULT_SECRET_ID_FILE",
                                  .token = "VAULT_TOKEN",
                                  .token_file = "VAULT_TOKEN_FILE",
                                  .auth_mount = "VAULT_AUTH_MOUNT"};

// Fills in what `lookup` has; false when there is nothing to log in with.
bool take_identity(VaultSettings& settings, const Names& names, const std::function<std::string(const char*)>& lookup) {
  const auto take = [&](std::string& field, const char* name) {
    if (field.empty()) field = lookup(name);
  };
  take(settings.kubernetes_role, names.kubernetes_role);
  take(settings.kubernetes_token_file, names.kubernetes_token_file);
  take(settings.role_id, names.role_id);
  take(settings.secret_id, names.secret_id);
  take(settings.secret_id_file, names.secret_id_file);
  take(settings.token, names.token);
  take(settings.token_file, names.token_file);
  take(settings.auth_mount, names.auth_mount);
  return !settings.kubernetes_role.empty() || !settings.role_id.empty() || !settings.token.empty() ||
         !settings.token_file.empty();
}

Status choose_method(VaultSettings& settings, const std::string& wanted) {
  if (wanted.empty()) {
    settings.auth = !settings.kubernetes_role.empty() ? VaultAuth::kKubernetes
                    : !settings.role_id.empty()       ? VaultAuth::kAppRole
                                                      : VaultAuth::kToken;
  } else if (wanted == "kubernetes") {
    settings.auth = VaultAuth::kKubernetes;
  } else if (wanted == "approle") {
    settings.auth = VaultAuth::kAppRole;
  } else if (wanted != "token") {
    return not_configured("`auth` in the config of the pack vault is \"" + wanted +
                          "\"; it can be token, approle or kubernetes");
  }
  const bool complete = settings.auth == VaultAuth::kKubernetes ? !settings.kubernetes_role.empty()
                        : settings.auth == VaultAuth::kAppRole
                            ? !settings.role_id.empty()
                            : !settings.token.empty() || !settings.token_file.empty();
  if (complete) return {};
  return not_configured(
      "there are no credentials for Vault: set `kubernetes_role`, or `role_id` and `secret_id`, or `token`, in the "
      "config of the pack vault, or VAULT_KUBERNETES_ROLE, or VAULT_ROLE_ID and VAULT_SECRET_ID, or VAULT_TOKEN");
}

}  // namespace

Result<VaultSettings> VaultSettings::read(const Value& config, const Environment& environment) {
  const auto pick = [&](const char* name, const char* variable) {
    const std::string given = config[name].string();
    return given.empty() ? environment(variable) : given;
  };
  VaultSettings settings;
  settings.address = pick("address", "VAULT_ADDR");
  while (settings.address.ends_with("/")) settings.address.pop_back();
  if (settings.address.empty()) {
    return not_configured("Vault's address is not known: set `address` in the config of the pack vault, or VAULT_ADDR");
  }
  if (!settings.address.starts_with("http://") && !settings.address.starts_with("https://")) {
    return not_configured("Vault's address \"" + settings.address + "\" must begin with https:// or http://");
  }
  settings.name_space = pick("namespace", "VAULT_NAMESPACE");
  settings.tls.ca_file = pick("ca_file", "VAULT_CACERT");
  settings.tls.certificate_file = pick("client_certificate_file", "VAULT_CLIENT_CERT");
  settings.tls.key_file = pick("client_key_file", "VAULT_CLIENT_KEY");
  settings.tls.server_name = pick("tls_server_name", "VAULT_TLS_SERVER_NAME");
  const std::string skip = to_lower(environment("VAULT_SKIP_VERIFY"));
  settings.tls.verify = config["verify"].bool_or(skip != "1" && skip != "true");

  const bool configured = take_identity(settings, kInConfig, [&](const char* name) { return config[name].string(); });
  // Credentials of two places are not mixed, except that the config may name the method alone.
  if (!configured) take_identity(settings, kInEnvironment, environment);
  settings.secret_id_is_wrapped = config["secret_id_is_wrapped"].bool_or(false);
  SQ_CHECK(choose_method(settings, config["auth"].string()));
  if (settings.kubernetes_token_file.empty()) settings.kubernetes_token_file = kServiceAccountToken;
  if (settings.auth_mount.empty())
    settings.auth_mount = settings.auth == VaultAuth::kKubernetes ? "kubernetes" : "approle";
  add_log_secret(settings.token);
  add_log_secret(settings.secret_id);
  return settings;
}

std::string VaultSettings::identity() const {
  std::string text;
  for (const std::string* field :
       {&address, &token, &token_file, &role_id, &secret_id, &secret_id_file, &kubernetes_role, &kubernetes_token_file,
        &auth_mount, &name_space, &tls.ca_file, &tls.certificate_file, &tls.key_file, &tls.server_name}) {
    text += *field + "\n";
  }
  return text + std::to_string(static_cast<int>(auth)) + (tls.verify ? "v" : "") + (secret_id_is_wrapped ? "w" : "");
}

}  // namespace squall::clients
