#include <fmt/core.h>

#include <mutex>

#include "base/log.hpp"
#include "clients/ssh/session_impl.hpp"

namespace squall::ssh {
namespace {

std::string fingerprint(ssh_session session) {
  ssh_key key = nullptr;
  if (::ssh_get_server_publickey(session, &key) != SSH_OK) return "unknown";
  unsigned char* hash = nullptr;
  size_t size = 0;
  std::string text = "unknown";
  if (::ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) == SSH_OK) {
    const SshText shown(::ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size));
    if (shown) text = shown.get();
    ::ssh_clean_pubkey_hash(&hash);
  }
  ::ssh_key_free(key);
  return text;
}

// Connections on several threads may meet new hosts at the same time.
std::mutex& known_hosts_mutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

Status check_host_key(ssh_session session, const std::string& host, const Options& options) {
  if (options.host_keys == HostKeys::kIgnore) return {};
  const std::lock_guard lock(known_hosts_mutex());
  const std::string file = options.directory + "/known_hosts";
  switch (::ssh_session_is_known_server(session)) {
    case SSH_KNOWN_HOSTS_OK: return {};
    case SSH_KNOWN_HOSTS_CHANGED:
    case SSH_KNOWN_HOSTS_OTHER:
      return fail(
          ErrorCode::kUnauthorized,
          fmt::format(
              "the host key of {} is not the one in {} (it shows {}): the host was set up anew, or somebody is in "
              "between; if you trust it, remove its old line (ssh-keygen -R)",
              host, file, fingerprint(session)));
    case SSH_KNOWN_HOSTS_NOT_FOUND:
    case SSH_KNOWN_HOSTS_UNKNOWN: break;
    case SSH_KNOWN_HOSTS_ERROR:
      return fail(ErrorCode::kUnauthorized,
                  fmt::format("the host key of {} cannot be checked: {}", host, reason_of(session)));
  }
  if (options.host_keys == HostKeys::kStrict)
    return fail(
        ErrorCode::kUnauthorized,
        fmt::format("the host key of {} ({}) is not in {}; add it (ssh-keyscan), or set ssh_host_keys to accept-new",
                    host, fingerprint(session), file));
  if (::ssh_session_update_known_hosts(session) != SSH_OK)
    log_warning("the key of a new host cannot be remembered",
                {{"host", host}, {"file", file}, {"reason", reason_of(session)}});
  return {};
}

}  // namespace squall::ssh
