#include "clients/aws/aws_credential_cache.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace squall::clients {
namespace {

constexpr Duration kAdvisory = std::chrono::minutes(15);
constexpr Duration kMandatory = std::chrono::minutes(10);
constexpr Duration kTryAgain = std::chrono::minutes(1);
constexpr size_t kEntriesMax = 64;

}  // namespace

AwsCredentialCache::Age AwsCredentialCache::age_of(const AwsCredentials& known, Timestamp made) const {
  if (!known.expires) return Age::kEnded;  // nothing known
  const Duration life = std::max(Duration::zero(), Duration(*known.expires - made));
  const Duration left = *known.expires - clock_.now();
  if (left <= Duration::zero()) return Age::kEnded;
  if (left <= std::min(kMandatory, life / 5)) return Age::kMandatory;
  if (left <= std::min(kAdvisory, life / 3)) return Age::kAdvisory;
  return Age::kFresh;
}

std::shared_ptr<AwsCredentialCache::Entry> AwsCredentialCache::entry_of(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (!entries_.contains(key) && entries_.size() >= kEntriesMax) entries_.clear();
  auto& entry = entries_[key];
  if (entry == nullptr) entry = std::make_shared<Entry>();
  return entry;
}

Result<AwsCredentials> AwsCredentialCache::get(const std::string& key, const Make& make) {
  const std::shared_ptr<Entry> entry = entry_of(key);
  AwsCredentials known;
  Age age;
  bool may_try;
  {
    const std::lock_guard lock(entry->mutex);
    known = entry->known;
    age = age_of(known, entry->made);
    may_try = clock_.now() >= entry->next_try;
  }
  if (age == Age::kFresh) return known;
  if (age != Age::kEnded && !may_try) return known;
  std::unique_lock renewing(entry->renewing, std::defer_lock);
  if (age == Age::kAdvisory) {
    if (!renewing.try_lock()) return known;
  } else {
    renewing.lock();
  }
  {
    // Somebody else may have renewed them meanwhile.
    const std::lock_guard lock(entry->mutex);
    known = entry->known;
    if (age_of(known, entry->made) == Age::kFresh) return known;
  }
  return renew(*entry, make);
}

Result<AwsCredentials> AwsCredentialCache::renew(Entry& entry, const Make& make) {
  auto made = make();
  const std::lock_guard lock(entry.mutex);
  if (made) {
    entry.known = made->expires ? *made : AwsCredentials();
    entry.made = clock_.now();
    entry.next_try = {};
    return made;
  }
  if (age_of(entry.known, entry.made) == Age::kEnded) return made;
  log_warning("AWS credentials could not be renewed; the old ones serve until they end",
              {{"ends", format_timestamp(*entry.known.expires)}, {"error", made.error().to_string()}});
  entry.next_try = clock_.now() + kTryAgain;
  return entry.known;
}

void AwsCredentialCache::forget(const std::string& access_key) {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, entry] : entries_) {
    const std::lock_guard entry_lock(entry->mutex);
    if (entry->known.keys.access_key == access_key) entry->known = {};
  }
}

}  // namespace squall::clients
