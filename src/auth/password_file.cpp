#include "auth/password_file.hpp"

#include <crypt.h>
#include <sys/stat.h>

#include <memory>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "crypto/hash.hpp"

namespace squall::auth {
namespace {

constexpr std::string_view kApr1 = "$apr1$";
constexpr std::string_view kSha = "{SHA}";
// Compared with for unknown users, so that the time an answer takes does not tell who exists.
constexpr const char* kNobody = "$2y$05$aaaaaaaaaaaaaaaaaaaaaOGQBZnoXbOrvCxsgHgoMsVKX4yUqVfJy";

// The digits of MD5-crypt: six bits each, lowest first.
void append_digits(std::string& out, uint32_t value, int count) {
  constexpr std::string_view kDigits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (; count > 0; --count, value >>= 6) out += kDigits[value & 63];
}

// Apache's variant of MD5-crypt (APR1): the same thousand rounds, with another magic text.
std::string apr1(const std::string& password, const std::string& salt) {
  std::string inner = crypto::md5(password + salt + password);
  std::string text = password + std::string(kApr1) + salt;
  for (size_t left = password.size(); left > 0; left -= std::min<size_t>(left, 16))
    text += inner.substr(0, std::min<size_t>(left, 16));
  for (size_t bits = password.size(); bits > 0; bits >>= 1) text += (bits & 1) != 0 ? '\0' : password[0];
  std::string digest = crypto::md5(text);
  for (int round = 0; round < 1000; ++round) {
    std::string next = (round & 1) != 0 ? password : digest;
    if (round % 3 != 0) next += salt;
    if (round % 7 != 0) next += password;
    next += (round & 1) != 0 ? digest : password;
    digest = crypto::md5(next);
  }
  const auto byte = [&](int i) { return static_cast<uint32_t>(static_cast<unsigned char>(digest[i])); };
  std::string shown = std::string(kApr1) + salt + "$";
  for (int i = 0; i < 5; ++i) {
    const int third = i == 4 ? 5 : i + 12;
    append_digits(shown, byte(i) << 16 | byte(i + 6) << 8 | byte(third), 4);
  }
  append_digits(shown, byte(11), 2);
  return shown;
}

}  // namespace

bool password_matches(const std::string& password, const std::string& hash) {
  if (password.find('\0') != std::string::npos || hash.empty()) return false;
  if (hash.starts_with(kSha)) {
    return crypto::equal_in_constant_time(base64_encode(crypto::sha1(password)), hash.substr(kSha.size()));
  }
  if (hash.starts_with(kApr1)) {
    const size_t end = hash.find('$', kApr1.size());
    if (end == std::string::npos) return false;
    return crypto::equal_in_constant_time(apr1(password, hash.substr(kApr1.size(), end - kApr1.size())), hash);
  }
  const auto data = std::make_unique<crypt_data>();
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  return made != nullptr && made[0] != '*' && crypto::equal_in_constant_time(made, hash);
}

Status PasswordFile::check(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return fail(text.error());
  int line = 0;
  for (const std::string& entry : split(*text, '\n')) {
    ++line;
    const std::string_view trimmed = trim(entry);
    if (trimmed.empty() || trimmed.starts_with("#")) continue;
    if (trimmed.find(':') == std::string_view::npos || trimmed.starts_with(":")) {
      return fail(Error(ErrorCode::kInvalid, "a line of a password file is USER:HASH, as the program htpasswd makes it",
                        {path, line, 1}));
    }
  }
  return {};
}

void PasswordFile::refresh() {
  struct stat facts {};
  if (::stat(path_.c_str(), &facts) != 0 || facts.st_mtime == changed_) return;
  const auto text = read_file(path_);
  if (!text) {
    log_error("the password file cannot be read; the passwords known before stay",
              {{"file", path_}, {"error", text.error().to_string()}});
    return;
  }
  // A file that was changed within this second may change again within it.
  changed_ = facts.st_mtime + 1 < std::time(nullptr) ? facts.st_mtime : 0;
  hashes_.clear();
  for (const std::string& entry : split(*text, '\n')) {
    const std::string_view trimmed = trim(entry);
    const size_t colon = trimmed.find(':');
    if (trimmed.starts_with("#") || colon == std::string_view::npos) continue;
    hashes_[std::string(trimmed.substr(0, colon))] = std::string(trimmed.substr(colon + 1));
  }
}

bool PasswordFile::verify(const std::string& user, const std::string& password) {
  std::string hash;
  {
    const std::lock_guard lock(mutex_);
    refresh();
    if (const auto found = hashes_.find(user); found != hashes_.end()) hash = found->second;
  }
  const bool known = !hash.empty();
  return password_matches(password, known ? hash : kNobody) && known;
}

}  // namespace squall::auth
