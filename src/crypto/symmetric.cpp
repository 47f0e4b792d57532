#include "crypto/symmetric.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "crypto/hash.hpp"
#include "value/json.hpp"

namespace squall::crypto {
namespace {

constexpr size_t kHeaderBytes = 5;  // Keyczar's version and key id; nobody looks at it
constexpr std::string_view kHeader = "00000";
constexpr size_t kBlockBytes = 16;
constexpr size_t kSignatureBytes = 20;
constexpr size_t kAesBytes = 32;
constexpr size_t kHmacBytes = 32;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype([](EVP_CIPHER_CTX* c) { EVP_CIPHER_CTX_free(c); })>;

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string random_bytes(Random& random, size_t count) {
  std::string bytes(count, '\0');
  random.fill(bytes.data(), count);
  return bytes;
}

std::string signature(std::string_view key, std::string_view data) {
  std::string out(kSignatureBytes, '\0');
  const auto* done =
      HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), bytes_of(data), data.size(), bytes_of(out), nullptr);
  SQ_ASSERT(done != nullptr);
  return out;
}

const EVP_CIPHER* cipher_for(size_t key_bytes) {
  switch (key_bytes) {
    case 16: return EVP_aes_128_cbc();
    case 24: return EVP_aes_192_cbc();
    case 32: return EVP_aes_256_cbc();
    default: return nullptr;
  }
}

// Keyczar's Base64: URL-safe, without padding.
std::string encode_key(std::string_view bytes) {
  std::string text = base64_encode(bytes);
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text.substr(0, text.find('='));
}

Result<std::string> decode_key(const Value& member, std::string_view name) {
  std::string text(member.string_or(""));
  std::erase_if(text, [](char c) { return c == '=' || c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (text.size() % 4 != 0) text += '=';
  auto bytes = base64_decode(text);
  if (!bytes || bytes->empty()) {
    return fail(ErrorCode::kInvalid, "no key file of StackStorm's datastore: " + std::string(name) +
                                         " has to be Base64 text. st2-generate-symmetric-crypto-key writes such files");
  }
  return std::move(*bytes);
}

Error python_error(std::string_view type, std::string message) {
  return Error(ErrorCode::kInvalid, std::move(message)).with_type(std::string(type));
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// binascii.unhexlify().
Result<std::string> unhexlify(std::string_view text) {
  for (const char c : text) {
    if ((c & 0x80) != 0)
      return fail(python_error("ValueError", "string argument should contain only ASCII characters"));
  }
  if (text.size() % 2 != 0) return fail(python_error("Error", "Odd-length string"));
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return fail(python_error("Error", "Non-hexadecimal digit found"));
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace

Result<SymmetricKey> SymmetricKey::parse(std::string_view json) {
  const auto document = parse_json(json);
  if (!document || !document->is_dict()) {
    return fail(ErrorCode::kInvalid, "no key file of StackStorm's datastore: it is not a JSON object");
  }
  SQ_TRY(std::string aes, decode_key((*document)["aesKeyString"], "aesKeyString"));
  SQ_TRY(std::string hmac, decode_key((*document)["hmacKey"]["hmacKeyString"], "hmacKey.hmacKeyString"));
  const std::string mode((*document)["mode"].string_or("CBC"));
  if (mode != "CBC") return fail(python_error("ValueError", "Unsupported mode: " + mode));
  if (cipher_for(aes.size()) == nullptr) {
    return fail(python_error("ValueError", "Unsafe key size: " + std::to_string(aes.size() * 8) +
                                               "; aesKeyString has to hold 128, 192 or 256 bits"));
  }
  return SymmetricKey(std::move(aes), std::move(hmac));
}

Result<SymmetricKey> SymmetricKey::read(const std::string& file) {
  SQ_TRY(const std::string text, read_file(file));
  auto key = parse(text);
  if (!key) return fail(Error(key.error().code(), file + ": " + key.error().message()).with_type(key.error().type()));
  return key;
}

SymmetricKey SymmetricKey::generate(Random& random) {
  return {random_bytes(random, kAesBytes), random_bytes(random, kHmacBytes)};
}

std::string SymmetricKey::to_json() const {
  return squall::to_json(Value::dict({
      {"hmacKey", Value::dict({{"hmacKeyString", encode_key(hmac_)}, {"size", hmac_.size() * 8}})},
      {"aesKeyString", encode_key(aes_)},
      {"mode", "CBC"},
      {"size", aes_.size() * 8},
  }));
}

std::string SymmetricKey::encrypt(std::string_view plain, Random& random) const {
  const std::string iv = random_bytes(random, kBlockBytes);
  std::string text(plain.size() + kBlockBytes, '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  int last = 0;
  bool ok = EVP_EncryptInit_ex(cipher.get(), cipher_for(aes_.size()), nullptr, bytes_of(std::string_view(aes_)),
                               bytes_of(std::string_view(iv))) == 1;
  ok = ok &&
       EVP_EncryptUpdate(cipher.get(), bytes_of(text), &written, bytes_of(plain), static_cast<int>(plain.size())) == 1;
  ok = ok && EVP_EncryptFinal_ex(cipher.get(), bytes_of(text) + written, &last) == 1;
  SQ_ASSERT(ok);
  text.resize(static_cast<size_t>(written + last));
  const std::string message = std::string(kHeader) + iv + text;
  std::string hexadecimal = hex_encode(message + signature(hmac_, message));
  for (char& c : hexadecimal) c = c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
  return hexadecimal;
}

Result<std::string> SymmetricKey::decrypt(std::string_view hexadecimal) const {
  SQ_TRY(const std::string bytes, unhexlify(hexadecimal));
  if (bytes.size() < kHeaderBytes + kBlockBytes + kSignatureBytes) {
    return fail(python_error("ValueError", "Invalid or malformed ciphertext (too short)"));
  }
  const std::string_view message = std::string_view(bytes).substr(0, bytes.size() - kSignatureBytes);
  if (!equal_in_constant_time(signature(hmac_, message), std::string_view(bytes).substr(message.size()))) {
    return fail(python_error("InvalidSignature",
                             "the value was not encrypted with this server's key for the datastore, or it is damaged"));
  }
  const std::string_view iv = message.substr(kHeaderBytes, kBlockBytes);
  const std::string_view text = message.substr(kHeaderBytes + kBlockBytes);
  std::string plain(text.size() + kBlockBytes, '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  int last = 0;
  bool ok = EVP_DecryptInit_ex(cipher.get(), cipher_for(aes_.size()), nullptr, bytes_of(std::string_view(aes_)),
                               bytes_of(iv)) == 1;
  ok = ok &&
       EVP_DecryptUpdate(cipher.get(), bytes_of(plain), &written, bytes_of(text), static_cast<int>(text.size())) == 1;
  ok = ok && EVP_DecryptFinal_ex(cipher.get(), bytes_of(plain) + written, &last) == 1;
  if (!ok) return fail(python_error("ValueError", "the encrypted value is damaged: its padding is wrong"));
  plain.resize(static_cast<size_t>(written + last));
  return plain;
}

}  // namespace squall::crypto
