// The encryption of StackStorm's datastore (stackstorm-features.md M-4): AES in CBC mode, signed with HMAC-SHA1, under
// a key file of st2-generate-symmetric-crypto-key or of Keyczar. Values that StackStorm stored are read here, and the
// other way round.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace squall::crypto {

// Immutable, copyable, thread-safe.
class SymmetricKey {
 public:
  // The text of a key file: {"hmacKey": {"hmacKeyString", "size"}, "aesKeyString", "mode": "CBC", "size"}. Errors say
  // what is wrong with it and never show a part of it.
  static Result<SymmetricKey> parse(std::string_view json);
  static Result<SymmetricKey> read(const std::string& file);
  // A new key of 256 bits.
  static SymmetricKey generate(Random& random);
  // The text for a key file.
  std::string to_json() const;

  // Upper-case hexadecimal digits.
  std::string encrypt(std::string_view plain, Random& random = Random::system()) const;
  // type() of an error is StackStorm's exception class: "Error" (binascii's) or "ValueError" for what is no hexadecimal
  // text, "ValueError" when it is too short or badly padded, "InvalidSignature" when another key signed it.
  Result<std::string> decrypt(std::string_view hexadecimal) const;

 private:
  SymmetricKey(std::string aes, std::string hmac) : aes_(std::move(aes)), hmac_(std::move(hmac)) {}
  std::string aes_, hmac_;
};

}  // namespace squall::crypto
