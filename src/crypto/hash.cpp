#include "crypto/hash.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.hpp"
#include "base/strings.hpp"

namespace squall::crypto {
namespace {

std::string digest(const EVP_MD* kind, std::string_view data) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  const int done =
      EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(out.data()), &size, kind, nullptr);
  SQ_ASSERT(done == 1);
  out.resize(size);
  return out;
}

}  // namespace

std::string sha256(std::string_view data) { return digest(EVP_sha256(), data); }
std::string sha512(std::string_view data) { return digest(EVP_sha512(), data); }
std::string sha1(std::string_view data) { return digest(EVP_sha1(), data); }
std::string md5(std::string_view data) { return digest(EVP_md5(), data); }

std::string sha256_hex(std::string_view data) { return hex_encode(sha256(data)); }
std::string sha512_hex(std::string_view data) { return hex_encode(sha512(data)); }
std::string sha1_hex(std::string_view data) { return hex_encode(sha1(data)); }
std::string md5_hex(std::string_view data) { return hex_encode(md5(data)); }

std::string hmac_sha256(std::string_view key, std::string_view data) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  // A null key means "the key of last time" to OpenSSL, not the empty one.
  const char* key_bytes = key.empty() ? "" : key.data();
  const auto* done =
      HMAC(EVP_sha256(), key_bytes, static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(data.data()),
           data.size(), reinterpret_cast<unsigned char*>(out.data()), &size);
  SQ_ASSERT(done != nullptr);
  out.resize(size);
  return out;
}

std::string hmac_sha256_hex(std::string_view key, std::string_view data) { return hex_encode(hmac_sha256(key, data)); }

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace squall::crypto
