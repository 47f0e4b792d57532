// Who sends a request, and how that is known.
#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"

namespace squall::auth {

struct Identity {
  std::string user;
  std::string method;                // "authentication token" or "API key"; empty: authentication is off
  std::string location;              // "header", "query" or "cookie"
  std::optional<Timestamp> expires;  // of a token
};

}  // namespace squall::auth
