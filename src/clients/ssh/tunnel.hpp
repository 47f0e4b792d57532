// Tunnel: a connection to a host through another one.
#pragma once

#include <memory>
#include <string>

#include "clients/ssh/ssh.hpp"

namespace squall::ssh {

// Owns the connection to the bastion and a thread that carries bytes between it and one end of a socket pair; the other
// end is given out and works like a TCP connection to the host. Ends when that end is closed.
class Tunnel {
 public:
  virtual ~Tunnel() = default;
  // Once.
  virtual process::UniqueFd take_socket() = 0;

  static Result<std::unique_ptr<Tunnel>> open(const Target& bastion, const HostPort& host, const Options& options,
                                              Interrupt& interrupt);
};

}  // namespace squall::ssh
