#include <cstdio>
#include <cstdlib>

#include "app/serve.hpp"
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
    squall::app::ServeArguments arguments{
        given.data,      given.listen,    given.config,        given.configs,
        given.user,      given.log_level, given.log_format,    given.tls_certificate,
        given.tls_key,   given.timezone,  given.auth_htpasswd, given.encryption_key_path,
        given.overrides, given.watch,     given.packs};
    const auto settings = squall::app::read_settings(arguments, environment);
    if (!settings) {
      std::fprintf(stderr, "squall serve: %s\n", settings.error().to_string().c_str());
      return 2;
    }
    return squall::app::serve(*settings, SQUALL_VERSION);
  };
  return squall::cli::run(argc, argv, hooks);
}
