#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>

#include "base/strings.hpp"
#include "clients/ssh/session_impl.hpp"

namespace squall::ssh {
namespace {

struct KeyFree {
  void operator()(ssh_key_struct* key) const { ::ssh_key_free(key); }
};
using Key = std::unique_ptr<ssh_key_struct, KeyFree>;

Error refused(ssh_session session, const std::string& user, std::string_view means) {
  const std::string reason = reason_of(session);
  return Error(ErrorCode::kUnauthorized, fmt::format("Authentication failed: user {} with {}{}{}.", user, means,
                                                     reason.empty() ? "" : ": ", reason));
}

// StackStorm tells the text of a key from the path of a file by this part of its first line.
bool is_key_text(const std::string& text) { return to_lower(text).find("private key-----") != std::string::npos; }

std::string expand_home(const std::string& path, const Options& options) {
  if (!path.starts_with("~/")) return path;
  // The directory is ~/.ssh.
  return options.directory.substr(0, options.directory.rfind('/')) + path.substr(1);
}

Result<Key> read_key(const Target& target, const Options& options) {
  const char* passphrase = target.passphrase.empty() ? nullptr : target.passphrase.c_str();
  ssh_key key = nullptr;
  if (is_key_text(target.private_key)) {
    // Texts that went through forms and datastores come with other line ends, and without the last one.
    const std::string text = std::string(trim(replace_all(target.private_key, "\r\n", "\n"))) + "\n";
    if (::ssh_pki_import_privkey_base64(text.c_str(), passphrase, nullptr, nullptr, &key) == SSH_OK) return Key(key);
    return fail(ErrorCode::kInvalid, passphrase != nullptr
                                         ? "Invalid passphrase or invalid/unsupported key type"
                                         : "Invalid or unsupported key type, or a key that needs a passphrase");
  }
  const std::string file = expand_home(target.private_key, options);
  if (::access(file.c_str(), R_OK) != 0)
    return fail(ErrorCode::kNotFound,
                fmt::format("private_key is neither the text of a key nor a file that can be read: {}",
                            target.private_key.size() > 200 ? "(a long text)" : file));
  if (::ssh_pki_import_privkey_file(file.c_str(), passphrase, nullptr, nullptr, &key) == SSH_OK) return Key(key);
  return fail(
      ErrorCode::kInvalid,
      passphrase != nullptr
          ? fmt::format("{}: invalid passphrase or invalid/unsupported key type", file)
          : fmt::format("Private key file {} is passphrase protected, or not a key. Supply a passphrase.", file));
}

// Answers every question that is not echoed with the password.
int answer_questions(ssh_session session, const std::string& password) {
  int status = ::ssh_userauth_kbdint(session, nullptr, nullptr);
  while (status == SSH_AUTH_INFO) {
    const int count = ::ssh_userauth_kbdint_getnprompts(session);
    for (int i = 0; i < count; ++i) {
      char echo = 0;
      ::ssh_userauth_kbdint_getprompt(session, static_cast<unsigned>(i), &echo);
      if (::ssh_userauth_kbdint_setanswer(session, static_cast<unsigned>(i), echo != 0 ? "" : password.c_str()) < 0)
        return SSH_AUTH_ERROR;
    }
    status = ::ssh_userauth_kbdint(session, nullptr, nullptr);
  }
  return status;
}

Status log_in_with_password(ssh_session session, const std::string& user, const std::string& password) {
  const int methods = ::ssh_userauth_list(session, nullptr);
  if ((methods & SSH_AUTH_METHOD_PASSWORD) != 0 &&
      ::ssh_userauth_password(session, nullptr, password.c_str()) == SSH_AUTH_SUCCESS)
    return {};
  if ((methods & SSH_AUTH_METHOD_INTERACTIVE) != 0 && answer_questions(session, password) == SSH_AUTH_SUCCESS)
    return {};
  return fail(refused(session, user, "the password"));
}

}  // namespace

Status log_in(ssh_session session, const std::string& user, const Target& target, const Options& options) {
  const int none = ::ssh_userauth_none(session, nullptr);
  if (none == SSH_AUTH_SUCCESS) return {};
  if (none == SSH_AUTH_ERROR) return fail(ErrorCode::kUnavailable, reason_of(session));
  if (!target.password.empty()) return log_in_with_password(session, user, target.password);
  if (!target.private_key.empty()) {
    SQ_TRY(const Key key, read_key(target, options));
    if (::ssh_userauth_publickey(session, nullptr, key.get()) == SSH_AUTH_SUCCESS) return {};
    return fail(refused(session, user, "the private key"));
  }
  if (!target.passphrase.empty()) return fail(ErrorCode::kInvalid, "passphrase should accompany private key material");
  // The agent first, then the key file of squall, the config file's, and those in ~/.ssh.
  if (::ssh_userauth_publickey_auto(session, nullptr, nullptr) == SSH_AUTH_SUCCESS) return {};
  return fail(refused(session, user, "the agent and the keys at hand"));
}

}  // namespace squall::ssh
