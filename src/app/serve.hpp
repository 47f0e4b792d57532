// `squall serve`: the composition root. Makes every object, starts and stops them in order.
#pragma once

#include <string>

#include "app/settings.hpp"

namespace squall::app {

// Runs until SIGINT or SIGTERM. The exit code: 0 after a clean stop, 1 when it could not start (with one line that says
// why), 75 when the store failed and a restart is the cure.
int serve(const Settings& settings, const std::string& version);

}  // namespace squall::app
