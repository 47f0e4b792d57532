// Secret parameters of executions: masked in the record, sealed beside it while the action still needs them.
#pragma once

#include <string>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::engine {

// Encrypts with AES-256-GCM under a key that lives in a file of mode 0600 in the data directory. Thread-safe.
class SecretSealer {
 public:
  // Reads the key file, making it on first use.
  static Result<SecretSealer> open(const std::string& key_file);
  // A key that dies with the process; for tests.
  static SecretSealer ephemeral();

  // Base64 text of nonce, ciphertext and tag over the JSON of `value`.
  std::string seal(const Value& value) const;
  // kInvalid when the text was not sealed with this key.
  Result<Value> unseal(std::string_view sealed) const;

 private:
  explicit SecretSealer(std::string key) : key_(std::move(key)) {}
  std::string key_;
};

}  // namespace squall::engine
