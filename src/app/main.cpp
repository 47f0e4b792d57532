#include <cstdio>
#include <cstdlib>

#include "app/serve.hpp"
#include "app/settings.hpp"
#include "cli/cli.hpp"

int main(int argc, char** argv) {
  const auto environment = [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return std::string(value != nullptr ? value : "");
  };
  squall::cli::Hooks hooks;
  hooks.version = SQUALL_VERSION;
  hooks.environment = environment;
  hooks.serve = [&](const squall::cli::ServeArguments& given) {
    squall::app::ServeArguments arguments;
    arguments.data = given.data;
    arguments.listen = given.listen;
    arguments.config = given.config;
    arguments.configs = given.configs;
    arguments.user = given.user;
    arguments.log_level = given.log_level;
    arguments.log_format = given.log_format;
    arguments.tls_certificate = given.tls_certificate;
    arguments.tls_key = given.tls_key;
    arguments.timezone = given.timezone;
    arguments.auth_htpasswd = given.auth_htpasswd;
    arguments.encryption_key_path = given.encryption_key_path;
    arguments.webhooks = given.webhooks;
    arguments.rbac = given.rbac;
    arguments.rbac_isolation = given.rbac_isolation;
    arguments.st2_ports = given.st2_ports;
    arguments.overrides = given.overrides;
    arguments.watch = given.watch;
    arguments.packs = given.packs;
    arguments.index_urls = given.index_urls;
    const auto settings = squall::app::read_settings(arguments, environment);
    if (!settings) {
      std::fprintf(stderr, "squall serve: %s\n", settings.error().to_string().c_str());
      return 2;
    }
    return squall::app::serve(*settings, SQUALL_VERSION);
  };
  hooks.share_directory = [&] { return squall::app::find_share_directory(environment); };
  return squall::cli::run(argc, argv, hooks);
}
