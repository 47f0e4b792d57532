// AwsCredentialCache: temporary credentials, renewed before they end.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/sigv4.hpp"

namespace squall::clients {

struct AwsCredentials {
  crypto::Credentials keys;
  std::optional<Timestamp> expires;  // of temporary ones
};

// In the last 15 minutes of credentials one call renews them while the others go on with the old ones; in the last 10
// all wait for that one renewal (kubernetes-aws-vault-consul.md section 4.4). Of short-lived credentials these are a
// third and a fifth of their life. A renewal that fails is logged, and the old ones serve as long as they live.
// Thread-safe.
class AwsCredentialCache {
 public:
  using Make = std::function<Result<AwsCredentials>()>;

  explicit AwsCredentialCache(const Clock& clock) : clock_(clock) {}

  // `key` names the source. Credentials without an end are not kept.
  Result<AwsCredentials> get(const std::string& key, const Make& make);
  // AWS does not take these any more, whatever their end says.
  void forget(const std::string& access_key);

 private:
  struct Entry {
    std::mutex renewing;  // held over a renewal
    std::mutex mutex;
    AwsCredentials known;
    Timestamp made{};      // when `known` was given
    Timestamp next_try{};  // after a failed renewal
  };
  enum class Age { kFresh, kAdvisory, kMandatory, kEnded };
  Age age_of(const AwsCredentials& known, Timestamp made) const;
  Result<AwsCredentials> renew(Entry& entry, const Make& make);
  std::shared_ptr<Entry> entry_of(const std::string& key);

  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace squall::clients
