#include "clients/consul/consul_settings.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"

namespace squall::clients {
namespace {

bool is_set(const std::string& text) {
  const std::string lower = to_lower(text);
  return lower == "1" || lower == "true";
}

bool is_unset(const std::string& text) {
  const std::string lower = to_lower(text);
  return lower == "0" || lower == "false";
}

}  // namespace

Result<ConsulSettings> ConsulSettings::read(const Value& config, const Value& parameters,
                                            const std::function<std::string(const std::string&)>& environment) {
  const auto pick = [&](const char* name, const char* variable) {
    const std::string given = config[name].string();
    return given.empty() && variable != nullptr ? environment(variable) : given;
  };
  const auto pick_scope = [&](const char* name, const char* variable) {
    const std::string given = parameters[name].string();
    return given.empty() ? pick(name, variable) : given;
  };
  ConsulSettings settings;
  settings.address = pick("address", "CONSUL_HTTP_ADDR");
  settings.datacenter = pick_scope("datacenter", nullptr);
  settings.name_space = pick_scope("namespace", "CONSUL_NAMESPACE");
  settings.partition = pick_scope("partition", "CONSUL_PARTITION");
  settings.tls.ca_file = pick("ca_file", "CONSUL_CACERT");
  settings.tls.certificate_file = pick("client_certificate_file", "CONSUL_CLIENT_CERT");
  settings.tls.key_file = pick("client_key_file", "CONSUL_CLIENT_KEY");
  settings.tls.server_name = pick("tls_server_name", "CONSUL_TLS_SERVER_NAME");
  settings.tls.verify = config["verify"].bool_or(!is_unset(environment("CONSUL_HTTP_SSL_VERIFY")));
  if (settings.address.empty()) settings.address = "127.0.0.1:8500";
  if (settings.address.find("://") == std::string::npos)
    settings.address = (is_set(environment("CONSUL_HTTP_SSL")) ? "https://" : "http://") + settings.address;
  while (settings.address.ends_with("/")) settings.address.pop_back();

  settings.token = config["token"].string();
  std::string file = config["token_file"].string();
  if (settings.token.empty() && file.empty()) {
    settings.token = environment("CONSUL_HTTP_TOKEN");
    file = environment("CONSUL_HTTP_TOKEN_FILE");
  }
  if (settings.token.empty() && !file.empty()) {
    auto text = read_file(file);
    if (!text) return fail(text.error().with_context("Consul's token").with_type("ConsulNotConfigured"));
    settings.token = trim(*text);
  }
  add_log_secret(settings.token);
  return settings;
}

}  // namespace squall::clients
