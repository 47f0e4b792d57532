// SecretReference: where a secret is, instead of the secret.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace squall::clients {

// "secretref://vault/<mount>/<path>#<key>", or with "?version=N" before the '#' for one version of a KV version 2
// secret. The mount may be that of the database engine too: "secretref://vault/database/static-creds/app#password".
struct SecretReference {
  std::string mount, path, key;
  int64_t version = 0;  // 0: the latest
  std::string to_string() const;
  // Nothing when the text is no handle; an error of type "InvalidSecretRef" when it is a malformed one.
  static Result<std::optional<SecretReference>> parse(std::string_view text);
};

}  // namespace squall::clients
