#include <fmt/core.h>
#include <unistd.h>

#include "base/strings.hpp"
#include "clients/ssh/dial.hpp"
#include "clients/ssh/session_impl.hpp"

namespace squall::ssh {
namespace {

std::string option(ssh_session session, ssh_options_e name) {
  char* value = nullptr;
  if (::ssh_options_get(session, name, &value) != SSH_OK) return "";
  const SshText owned(value);
  return owned ? owned.get() : "";
}

Status set(ssh_session session, ssh_options_e name, const void* value) {
  if (::ssh_options_set(session, name, value) == SSH_OK) return {};
  return fail(ErrorCode::kInvalid, reason_of(session));
}

// The config file first, then what the target says, because libssh lets what comes later win.
Status configure(ssh_session session, const Target& target, const Options& options) {
  const int off = 0;
  const long seconds =
      std::max<long>(1, std::chrono::duration_cast<std::chrono::seconds>(options.connect_timeout).count());
  SQ_CHECK(set(session, SSH_OPTIONS_PROCESS_CONFIG, &off));  // libssh would read the files of its own user
  SQ_CHECK(set(session, SSH_OPTIONS_HOST, target.host.c_str()));
  SQ_CHECK(set(session, SSH_OPTIONS_SSH_DIR, options.directory.c_str()));
  SQ_CHECK(set(session, SSH_OPTIONS_KNOWNHOSTS, (options.directory + "/known_hosts").c_str()));
  SQ_CHECK(set(session, SSH_OPTIONS_TIMEOUT, &seconds));
  if (!options.config_file.empty() && ::access(options.config_file.c_str(), R_OK) == 0 &&
      ::ssh_options_parse_config(session, options.config_file.c_str()) != 0)
    return fail(ErrorCode::kInvalid, fmt::format("{}: {}", options.config_file, reason_of(session)));

  if (target.port != 0) SQ_CHECK(set(session, SSH_OPTIONS_PORT, &target.port));
  std::string user = target.user;
  if (user.empty()) user = option(session, SSH_OPTIONS_USER);
  if (user.empty()) user = options.user;
  if (!user.empty()) SQ_CHECK(set(session, SSH_OPTIONS_USER, user.c_str()));
  if (!options.key_file.empty()) SQ_CHECK(set(session, SSH_OPTIONS_ADD_IDENTITY, options.key_file.c_str()));
  return {};
}

int port_of(ssh_session session) {
  unsigned port = 0;
  ::ssh_options_get_port(session, &port);
  return static_cast<int>(port);
}

}  // namespace

Result<HostPort> split_host_port(std::string_view text) {
  HostPort result;
  std::string_view port;
  const size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return fail(ErrorCode::kInvalid, fmt::format("\"{}\": the ] is missing", text));
    result.host = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return fail(ErrorCode::kInvalid, fmt::format("\"{}\" is no host", text));
      port = text.substr(end + 2);
    }
  } else if (colon != std::string_view::npos && text.find(':') == colon) {
    result.host = text.substr(0, colon);
    port = text.substr(colon + 1);
  } else {
    result.host = text;  // a name, or an IPv6 address without a port
  }
  if (result.host.empty()) return fail(ErrorCode::kInvalid, fmt::format("\"{}\" names no host", text));
  if (port.empty()) return result;
  const auto number = parse_int(port);
  if (!number || *number < 1 || *number > 65535)
    return fail(ErrorCode::kInvalid, fmt::format("\"{}\": {} is no port", text, port));
  result.port = static_cast<int>(*number);
  return result;
}

Result<Session> open_session(const Target& target, const Options& options, process::UniqueFd via,
                             Interrupt& interrupt) {
  Session session(::ssh_new());
  if (!session) return fail(ErrorCode::kInternal, "no memory for an SSH session");
  SQ_CHECK(configure(session.get(), target, options));
  const bool by_program = !via.valid() && !option(session.get(), SSH_OPTIONS_PROXYCOMMAND).empty();
  if (!via.valid() && !by_program) {
    SQ_TRY(via,
           dial(option(session.get(), SSH_OPTIONS_HOST), port_of(session.get()), options.connect_timeout, interrupt));
  }
  if (via.valid()) {
    const int socket = via.get();
    SQ_CHECK(set(session.get(), SSH_OPTIONS_FD, &socket));
    interrupt.watch(socket);
    via.release();  // the session closes it
  }
  if (::ssh_connect(session.get()) != SSH_OK) {
    const std::string reason = reason_of(session.get());
    interrupt.watch(-1);
    return fail(ErrorCode::kUnavailable, fmt::format("{}: {}", target.host, reason));
  }
  if (by_program) interrupt.watch(::ssh_get_fd(session.get()));
  Status ready = check_host_key(session.get(), target.host, options);
  if (ready) ready = log_in(session.get(), option(session.get(), SSH_OPTIONS_USER), target, options);
  if (!ready) {
    interrupt.watch(-1);
    return fail(ready.error());
  }
  return session;
}

}  // namespace squall::ssh
