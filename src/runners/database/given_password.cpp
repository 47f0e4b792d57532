// spec.credentials.passwordFrom: a password that somebody else chose, in a Secret or in Vault.
#include <cctype>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"

namespace squall::runners::database {
namespace {

constexpr size_t kLengthMin = 8;

Error bad_reference(const std::string& why) {
  return Error(ErrorCode::kInvalid, "spec.credentials.passwordFrom: " + why).with_type("PasswordUnusable");
}
Error missing_reference(const std::string& why) {
  return Error(ErrorCode::kNotFound, "spec.credentials.passwordFrom: " + why).with_type("ReferenceNotFound");
}

// RDS's rules, told before RDS is asked.
Status check_password(const std::string& password, const std::string& engine, const std::string& where) {
  const size_t max = engine == "postgres" ? 128 : 41;
  if (password.size() < kLengthMin || password.size() > max) {
    return fail(bad_reference(where + " has " + std::to_string(password.size()) + " characters; RDS takes " +
                              std::to_string(kLengthMin) + " to " + std::to_string(max) + " for " + engine));
  }
  for (const char c : password) {
    if (c > ' ' && c <= '~' && c != '/' && c != '"' && c != '@') continue;
    const bool newline = c == '\n' || c == '\r';
    return fail(bad_reference(where + " has a character that RDS does not take" +
                              (newline ? " (a line end; it was perhaps made with echo instead of printf)"
                                       : ": only printable ASCII without / \" @ and space")));
  }
  return {};
}

Result<std::string> from_secret(const NativeCall& call, Services& services, const Value& plan, const Value& reference) {
  const std::string space = plan["object"]["namespace"].string();
  const std::string name = reference["name"].string();
  const std::string key(reference["key"].string_or("password"));
  SQ_TRY(const auto client, services.cluster(call));
  auto secret = client->get({"", "v1", "secrets", space}, name, call.stop);
  if (!secret && secret.error().http_status() == 404)
    return fail(missing_reference("there is no Secret " + space + "/" + name));
  if (!secret) return fail(secret.error());
  const Value& member = (*secret)["data"][key];
  if (!member.is_string())
    return fail(missing_reference("the Secret " + space + "/" + name + " has no key '" + key + "'"));
  return base64_decode(member.string());
}

Result<std::string> from_vault(const NativeCall& call, const Value& plan, const Value& reference) {
  const std::string mount(reference["mount"].string_or(plan["vault"]["mount"].string()));
  const std::string path = reference["path"].string();
  const std::string key(reference["key"].string_or("password"));
  SQ_TRY(const auto vault, vault_client(call));
  SQ_TRY(const clients::VaultSecret secret, vault->read(mount, path, call.stop));
  if (secret.data.is_null()) return fail(missing_reference("there is nothing in Vault at " + mount + "/" + path));
  if (!secret.data[key].is_string())
    return fail(missing_reference("the secret " + mount + "/" + path + " in Vault has no key '" + key + "'"));
  return secret.data[key].string();
}

}  // namespace

Result<std::string> given_password(const NativeCall& call, Services& services, const Value& plan) {
  const Value& from = plan["credentials"]["password_from"];
  if (!from.is_dict()) return std::string();
  const Value& secret = from["secretKeyRef"];
  const Value& vault = from["vaultRef"];
  SQ_TRY(const std::string password,
         secret.is_dict() ? from_secret(call, services, plan, secret) : from_vault(call, plan, vault));
  add_log_secret(password);
  SQ_CHECK(check_password(password, plan["engine"].string(),
                          secret.is_dict() ? "the value in the Secret " + secret["name"].string()
                                           : "the value in Vault at " + vault["path"].string()));
  return password;
}

}  // namespace squall::runners::database
