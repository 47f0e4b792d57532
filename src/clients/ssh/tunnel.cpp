#include "clients/ssh/tunnel.hpp"

#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "clients/ssh/session_impl.hpp"

namespace squall::ssh {
namespace {

constexpr size_t kPieceBytes = 32u << 10;
constexpr int kLookMs = 1000;  // packets can arrive while libssh writes, without anything new at its socket

bool send_all(int socket, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(socket, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

class SshTunnel final : public Tunnel {
 public:
  SshTunnel(Session session, Channel channel, process::UniqueFd near, process::UniqueFd far)
      : session_(std::move(session)), channel_(std::move(channel)), near_(std::move(near)), far_(std::move(far)) {
    thread_ = std::thread([this] { carry(); });
  }
  ~SshTunnel() override {
    ::shutdown(near_.get(), SHUT_RDWR);
    thread_.join();
  }
  process::UniqueFd take_socket() override { return std::move(far_); }

 private:
  void carry() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    while (to_host() && from_host()) {
      std::array<pollfd, 2> waits = {pollfd{near_.get(), POLLIN, 0}, pollfd{::ssh_get_fd(session_.get()), POLLIN, 0}};
      ::poll(waits.data(), waits.size(), kLookMs);
    }
    ::shutdown(near_.get(), SHUT_RDWR);
  }

  // False when there is nothing more to carry.
  bool from_host() {
    while (true) {
      const int got = ::ssh_channel_read_nonblocking(channel_.get(), piece_.data(), piece_.size(), 0);
      if (got == 0 && ::ssh_channel_is_eof(channel_.get()) == 0 && ::ssh_channel_is_open(channel_.get()) != 0)
        return true;
      if (got <= 0) return false;
      if (!send_all(near_.get(), piece_.data(), static_cast<size_t>(got))) return false;
    }
  }

  bool to_host() {
    const ssize_t got = ::recv(near_.get(), piece_.data(), piece_.size(), MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    return got > 0 && ::ssh_channel_write(channel_.get(), piece_.data(), static_cast<uint32_t>(got)) == got;
  }

  Session session_;
  Channel channel_;  // freed before its session
  process::UniqueFd near_, far_;
  std::array<char, kPieceBytes> piece_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Tunnel>> Tunnel::open(const Target& bastion, const HostPort& host, const Options& options,
                                             Interrupt& interrupt) {
  auto opened = open_session(bastion, options, process::UniqueFd(), interrupt);
  if (!opened) return fail(opened.error().code(), fmt::format("bastion_host {}", opened.error().message()));
  Session session = *std::move(opened);
  Channel channel(::ssh_channel_new(session.get()));
  const bool is_open =
      channel && ::ssh_channel_open_forward(channel.get(), host.host.c_str(), host.port, "127.0.0.1", 0) == SSH_OK;
  interrupt.watch(-1);  // from here on the tunnel's own thread speaks to the bastion
  if (!is_open)
    return fail(ErrorCode::kUnavailable, fmt::format("bastion_host {}: no way to {} port {}: {}", bastion.host,
                                                     host.host, host.port, reason_of(session.get())));
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail(ErrorCode::kIo, fmt::format("socketpair: {}", std::strerror(errno)));
  return std::make_unique<SshTunnel>(std::move(session), std::move(channel), process::UniqueFd(ends[0]),
                                     process::UniqueFd(ends[1]));
}

}  // namespace squall::ssh
