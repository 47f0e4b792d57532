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
  hooks.serve = [&](const squall::cli::ServeArguments& arguments) {
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
