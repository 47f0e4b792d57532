#include "crypto/password.hpp"

#include "base/assert.hpp"
#include "base/log.hpp"

namespace squall::crypto {
namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool has_all_kinds(std::string_view password) {
  bool lower = false;
  bool upper = false;
  bool digit = false;
  for (const char c : password) {
    lower = lower || (c >= 'a' && c <= 'z');
    upper = upper || (c >= 'A' && c <= 'Z');
    digit = digit || (c >= '0' && c <= '9');
  }
  return lower && upper && digit;
}

}  // namespace

std::string generate_password(Random& random, size_t length) {
  SQ_ASSERT(length >= 8);
  // Throwing whole candidates away keeps the choice even; placing the missing kinds by hand would not.
  while (true) {
    std::string password;
    for (size_t i = 0; i < length; ++i) password += kAlphabet[random.below(kAlphabet.size())];
    if (!has_all_kinds(password)) continue;
    add_log_secret(password);
    return password;
  }
}

}  // namespace squall::crypto
