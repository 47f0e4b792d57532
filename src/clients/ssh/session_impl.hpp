// What the files of this folder share about libssh.
#pragma once

#include <libssh/libssh.h>

#include <memory>
#include <string>

#include "clients/ssh/ssh.hpp"

namespace squall::ssh {

struct SessionCloser {
  void operator()(ssh_session_struct* session) const {
    ::ssh_options_set(session, SSH_OPTIONS_FD, nullptr);  // it is libssh's own by now; else it would stay open
    ::ssh_disconnect(session);
    ::ssh_free(session);
  }
};
using Session = std::unique_ptr<ssh_session_struct, SessionCloser>;

struct ChannelCloser {
  void operator()(ssh_channel_struct* channel) const { ::ssh_channel_free(channel); }
};
using Channel = std::unique_ptr<ssh_channel_struct, ChannelCloser>;

struct TextFree {
  void operator()(char* text) const { ::ssh_string_free_char(text); }
};
using SshText = std::unique_ptr<char, TextFree>;

// What libssh says went wrong.
inline std::string reason_of(ssh_session session) { return ::ssh_get_error(session); }

// A session that is connected and logged in, through `via` when that is valid, else through TCP or what the config file
// says.
Result<Session> open_session(const Target& target, const Options& options, process::UniqueFd via, Interrupt& interrupt);

// Compares the key that the host showed with known_hosts.
Status check_host_key(ssh_session session, const std::string& host, const Options& options);
Status log_in(ssh_session session, const std::string& user, const Target& target, const Options& options);

}  // namespace squall::ssh
