// A TCP connection for SSH.
#pragma once

#include <string>

#include "base/result.hpp"
#include "clients/ssh/interrupt.hpp"

namespace squall::ssh {

// Tries the addresses of the host one after another. Blocks for at most `timeout`, but for the look-up of the name, and
// less when it is interrupted. The error says what the last address answered.
Result<process::UniqueFd> dial(const std::string& host, int port, Duration timeout, const Interrupt& interrupt);

}  // namespace squall::ssh
