#include "process/fork_client.hpp"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace squall::process {
namespace {

Result<UniqueFd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorCode::kLimit, fmt::format("the path of a socket is longer than {} bytes: {}", sizeof address.sun_path - 1, path));
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // EAGAIN: the queue of connections is full. A server that slow is no help.
  if (!fd.valid() || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(ErrorCode::kUnavailable, fmt::format("fork server {}: {}", path, std::strerror(errno)));
  return fd;
}

bool send_descriptors(const UniqueFd& control, const std::array<UniqueFd, 3>& descriptors) {
  char byte = 'F';
  iovec data{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(3 * sizeof(int))> space{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(3 * sizeof(int));
  const std::array<int, 3> numbers = {descriptors[0].get(), descriptors[1].get(), descriptors[2].get()};
  std::memcpy(CMSG_DATA(header), numbers.data(), sizeof numbers);
  return ::sendmsg(control.get(), &message, MSG_NOSIGNAL) == 1;
}

}  // namespace

Result<SpawnedChild> request_fork(const std::string& socket) {
  SpawnedChild child;
  std::array<UniqueFd, 3> theirs;
  SQ_CHECK(make_pipes(child, theirs));
  SQ_TRY(child.control, connect_to(socket));
  if (!send_descriptors(child.control, theirs))
    return fail(ErrorCode::kUnavailable, fmt::format("fork server {}: {}", socket, std::strerror(errno)));
  return child;
}

Result<std::optional<ForkMessage>> read_fork_message(const UniqueFd& control) {
  ForkMessage message{};
  ssize_t got = 0;
  while ((got = ::recv(control.get(), &message, sizeof message, 0)) < 0 && errno == EINTR) {
  }
  if (got < 0 && errno == EAGAIN) return std::nullopt;
  // The server writes a message in one piece of 8 bytes, which a stream socket of this kind does not tear apart.
  if (got != sizeof message) return fail(ErrorCode::kUnavailable, "the fork server has gone");
  return message;
}

}  // namespace squall::process
