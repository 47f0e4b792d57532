#include "clients/vault/secret_reference.hpp"

#include "base/strings.hpp"

namespace squall::clients {
namespace {

constexpr std::string_view kScheme = "secretref://vault/";
constexpr std::string_view kVersion = "?version=";

}  // namespace

std::string SecretReference::to_string() const {
  std::string text = std::string(kScheme) + mount + "/" + path;
  if (version != 0) text += std::string(kVersion) + std::to_string(version);
  return text + "#" + key;
}

Result<std::optional<SecretReference>> SecretReference::parse(std::string_view text) {
  if (!text.starts_with("secretref://")) return std::optional<SecretReference>();
  const auto malformed = [&] {
    return fail(Error(ErrorCode::kInvalid,
                      "'" + std::string(text) +
                          "' is not secretref://vault/MOUNT/PATH#KEY, with ?version=N before the # or without")
                    .with_type("InvalidSecretRef"));
  };
  if (!text.starts_with(kScheme)) return malformed();
  std::string_view rest = text.substr(kScheme.size());
  SecretReference found;
  const size_t hash = rest.rfind('#');
  if (hash == std::string_view::npos || hash + 1 == rest.size()) return malformed();
  found.key = rest.substr(hash + 1);
  rest = rest.substr(0, hash);
  if (const size_t mark = rest.rfind(kVersion); mark != std::string_view::npos) {
    const auto version = parse_int(rest.substr(mark + kVersion.size()));
    if (!version || *version < 1) return malformed();
    found.version = *version;
    rest = rest.substr(0, mark);
  }
  const size_t slash = rest.find('/');
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == rest.size()) return malformed();
  found.mount = rest.substr(0, slash);
  found.path = rest.substr(slash + 1);
  return std::optional<SecretReference>(std::move(found));
}

}  // namespace squall::clients
