// Passwords of users in Apache's htpasswd format, which StackStorm's flat-file backend reads.
#pragma once

#include <ctime>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace squall::auth {

// True when `hash` is what htpasswd (or crypt(3)) makes of the password: bcrypt, SHA-crypt, MD5 ("$apr1$" and "$1$")
// and {SHA}. Slow on purpose for the good ones. Thread-safe.
bool password_matches(const std::string& password, const std::string& hash);

// One file of "user:hash" lines. A change of the file counts from the next question on. Thread-safe.
class PasswordFile {
 public:
  // kNotFound, kIo or kInvalid when the file cannot be used.
  static Status check(const std::string& path);
  explicit PasswordFile(std::string path) : path_(std::move(path)) {}

  // False for an unknown user too, after as much work as for a known one.
  bool verify(const std::string& user, const std::string& password);

 private:
  void refresh();

  std::string path_;
  std::mutex mutex_;
  std::time_t changed_ = 0;
  std::map<std::string, std::string, std::less<>> hashes_;
};

}  // namespace squall::auth
