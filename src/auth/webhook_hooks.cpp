#include "auth/webhook_hooks.hpp"

#include "base/strings.hpp"
#include "value/yaml.hpp"

namespace squall::auth {
namespace {

Result<SignedWebhook> read_hook(const YamlDocument& document, const std::string& url, const Value& given) {
  const auto mistake = [&](const std::string& member, std::string message) {
    return fail(
        Error(ErrorCode::kInvalid, std::move(message), document.position(member.empty() ? url : url + "." + member)));
  };
  if (!given.is_dict())
    return mistake("", "the webhook '" + url + "' has to be a map of scheme, secret_key and tolerance");
  for (const auto& [name, member] : given.as_dict()) {
    if (name != "scheme" && name != "secret_key" && name != "tolerance")
      return mistake(name, "unknown member '" + name + "'; known are scheme, secret_key, tolerance");
  }
  SignedWebhook hook;
  const auto scheme = find_webhook_scheme(given["scheme"].string_or(""));
  if (!scheme) {
    const auto names = webhook_scheme_names();
    return mistake("scheme", "'scheme' has to be one of " + join({names.begin(), names.end()}, ", "));
  }
  hook.scheme = *scheme;
  hook.secret_key = given["secret_key"].string_or("");
  if (hook.secret_key.empty())
    return mistake("secret_key", "'secret_key' has to name the key of the datastore that holds the secret");
  if (const Value& tolerance = given["tolerance"]; !tolerance.is_null()) {
    if (!tolerance.is_int() || tolerance.int_or(0) < 1)
      return mistake("tolerance", "'tolerance' has to be a number of seconds, 1 or more");
    hook.tolerance = std::chrono::seconds(tolerance.int_or(0));
  }
  return hook;
}

}  // namespace

Result<SignedWebhooks> load_webhooks(const std::string& path) {
  SQ_TRY(const std::string text, read_file(path));
  YamlOptions options;
  options.file = path;
  options.unique_keys = true;
  SQ_TRY(const YamlDocument document, parse_yaml_document(text, options));
  SignedWebhooks hooks;
  if (document.value.is_null()) return hooks;
  if (!document.value.is_dict())
    return fail(Error(ErrorCode::kInvalid, "the file has to be a map of webhooks by their URL", {path, 1, 1}));
  for (const auto& [url, given] : document.value.as_dict()) {
    SQ_TRY(SignedWebhook hook, read_hook(document, url, given));
    std::string_view name = url;
    while (name.starts_with("/")) name.remove_prefix(1);
    while (name.ends_with("/")) name.remove_suffix(1);
    hooks.emplace(std::string(name), std::move(hook));
  }
  return hooks;
}

}  // namespace squall::auth
