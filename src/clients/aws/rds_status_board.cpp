#include "clients/aws/rds_status_board.hpp"

#include <algorithm>

#include "base/strings.hpp"

namespace squall::clients {
namespace {

// Who did not ask for so long does not wait any more.
constexpr Duration kForgetAfter = std::chrono::minutes(3);

}  // namespace

bool RdsStatusBoard::is_alone_locked(const std::string& identifier, Duration now) {
  seen_[identifier] = now;
  std::erase_if(seen_, [now](const auto& entry) { return now - entry.second > kForgetAfter; });
  return seen_.size() == 1;
}

Result<Value> RdsStatusBoard::look(const std::string& identifier, Duration age_max, const FetchOne& fetch_one,
                                   const FetchAll& fetch_all) {
  {
    const std::lock_guard lock(mutex_);
    if (is_alone_locked(to_lower(identifier), clock_.monotonic())) age_max = Duration(-1);
  }
  if (age_max < Duration::zero()) return fetch_one(identifier);
  SQ_TRY(const Value records, list_at_most(age_max, fetch_all));
  for (const Value& record : records.is_list() ? records.as_list() : List()) {
    if (equals_ignore_case(record["DBInstanceIdentifier"].string_or(""), identifier)) return record;
  }
  return fetch_one(identifier);
}

Result<Value> RdsStatusBoard::list_at_most(Duration age_max, const FetchAll& fetch_all) {
  std::unique_lock lock(mutex_);
  if (fetching_) {
    const uint64_t awaited = fetches_ + 1;
    fetched_.wait(lock, [&] { return fetches_ >= awaited; });
    return list_;
  }
  if (fetches_ > 0 && list_ && clock_.monotonic() - list_time_ <= age_max) return list_;
  fetching_ = true;
  list_time_ = clock_.monotonic();
  lock.unlock();
  Result<Value> made = fetch_all();
  lock.lock();
  list_ = made;
  fetching_ = false;
  ++fetches_;
  lock.unlock();
  fetched_.notify_all();
  return made;
}

}  // namespace squall::clients
