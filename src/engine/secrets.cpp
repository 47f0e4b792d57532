#include "engine/secrets.hpp"

#include <openssl/evp.h>

#include <memory>

#include "base/assert.hpp"
#include "base/ids.hpp"
#include "base/strings.hpp"
#include "value/json.hpp"

namespace squall::engine {
namespace {

constexpr size_t kKeyBytes = 32;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype([](EVP_CIPHER_CTX* c) { EVP_CIPHER_CTX_free(c); })>;

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string random_bytes(size_t count) {
  std::string bytes(count, '\0');
  Random::system().fill(bytes.data(), count);
  return bytes;
}

}  // namespace

SecretSealer SecretSealer::ephemeral() { return SecretSealer(random_bytes(kKeyBytes)); }

Result<SecretSealer> SecretSealer::open(const std::string& key_file) {
  auto key = read_file(key_file);
  if (!key && key.error().code() == ErrorCode::kNotFound) {
    SecretSealer made = ephemeral();
    SQ_CHECK(write_file_atomically(key_file, made.key_, 0600));
    return made;
  }
  if (!key) return fail(key.error());
  if (key->size() != kKeyBytes) {
    return fail(ErrorCode::kInvalid,
                key_file + " is not a key of squall: it has " + std::to_string(key->size()) +
                    " bytes instead of 32. Restore it from a backup; without it the secret parameters of "
                    "unfinished executions cannot be read.");
  }
  return SecretSealer(std::move(*key));
}

std::string SecretSealer::seal(const Value& value) const {
  const std::string plain = to_json(value);
  std::string nonce = random_bytes(kNonceBytes);
  std::string sealed(plain.size(), '\0');
  std::string tag(kTagBytes, '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  bool ok = EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(std::string_view(key_)),
                               bytes_of(nonce)) == 1;
  ok = ok && EVP_EncryptUpdate(cipher.get(), bytes_of(sealed), &written, bytes_of(std::string_view(plain)),
                               static_cast<int>(plain.size())) == 1;
  ok = ok && EVP_EncryptFinal_ex(cipher.get(), bytes_of(sealed) + written, &written) == 1;
  ok = ok && EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes), tag.data()) == 1;
  SQ_ASSERT(ok);
  return base64_encode(nonce + sealed + tag);
}

Result<Value> SecretSealer::unseal(std::string_view sealed) const {
  SQ_TRY(std::string bytes, base64_decode(sealed));
  if (bytes.size() < kNonceBytes + kTagBytes) return fail(ErrorCode::kInvalid, "sealed parameters are damaged");
  const std::string_view nonce = std::string_view(bytes).substr(0, kNonceBytes);
  const std::string_view text = std::string_view(bytes).substr(kNonceBytes, bytes.size() - kNonceBytes - kTagBytes);
  std::string tag = bytes.substr(bytes.size() - kTagBytes);
  std::string plain(text.size(), '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  bool ok = EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(std::string_view(key_)),
                               bytes_of(nonce)) == 1;
  ok = ok &&
       EVP_DecryptUpdate(cipher.get(), bytes_of(plain), &written, bytes_of(text), static_cast<int>(text.size())) == 1;
  ok = ok && EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagBytes), tag.data()) == 1;
  ok = ok && EVP_DecryptFinal_ex(cipher.get(), bytes_of(plain) + written, &written) == 1;
  if (!ok) return fail(ErrorCode::kInvalid, "sealed parameters cannot be read with this data directory's key");
  return parse_json(plain);
}

}  // namespace squall::engine
