#include "clients/ssh/dial.hpp"

#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

namespace squall::ssh {
namespace {

using SteadyClock = std::chrono::steady_clock;

Error canceled() { return Error(ErrorCode::kCanceled, "canceled while connecting"); }

// Waits for a connect that is under way.
Status finish_connect(int socket, SteadyClock::time_point deadline, const Interrupt& interrupt) {
  while (true) {
    if (interrupt.stopped()) return fail(canceled());
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    if (left <= 0) return fail(ErrorCode::kTimeout, "timed out");
    std::array<pollfd, 2> waits = {pollfd{socket, POLLOUT, 0}, pollfd{interrupt.wake_fd(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), static_cast<int>(left)) < 0 && errno != EINTR)
      return fail(ErrorCode::kIo, std::strerror(errno));
    if ((waits[0].revents & (POLLOUT | POLLERR | POLLHUP)) == 0) continue;
    int reason = 0;
    socklen_t size = sizeof reason;
    ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &reason, &size);
    if (reason == 0) return {};
    return fail(ErrorCode::kUnavailable, std::strerror(reason));
  }
}

}  // namespace

Result<process::UniqueFd> dial(const std::string& host, int port, Duration timeout, const Interrupt& interrupt) {
  const SteadyClock::time_point deadline = SteadyClock::now() + timeout;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); status != 0)
    return fail(ErrorCode::kNotFound, fmt::format("{}: {}", host, ::gai_strerror(status)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);

  Error last(ErrorCode::kNotFound, "it has no address");
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    process::UniqueFd socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) {
      last = Error(ErrorCode::kIo, std::strerror(errno));
      continue;
    }
    Status connected;
    if (::connect(socket.get(), address->ai_addr, address->ai_addrlen) != 0)
      connected = errno == EINPROGRESS ? finish_connect(socket.get(), deadline, interrupt)
                                       : Status(fail(ErrorCode::kUnavailable, std::strerror(errno)));
    if (connected) {
      const int on = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
      return socket;
    }
    last = connected.error();
    if (last.code() == ErrorCode::kCanceled || last.code() == ErrorCode::kTimeout) break;
  }
  return fail(last.code(), fmt::format("{} port {}: {}", host, port, last.message()));
}

}  // namespace squall::ssh
