// RdsStatusBoard: one look at an account's databases for all who wait for one of them.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::clients {

// Describing is what AWS throttles first, and a hundred databases that come up together would ask a hundred times in
// each interval. So who waits asks here: alone, for its own instance; with others, for the list of all, which is
// fetched once and shown to everybody who can use one of that age. One board for each account and region. Thread-safe.
class RdsStatusBoard {
 public:
  explicit RdsStatusBoard(const Clock& clock) : clock_(clock) {}

  // Answers null when there is no such instance.
  using FetchOne = std::function<Result<Value>(std::string_view identifier)>;
  // All records, page by page.
  using FetchAll = std::function<Result<Value>()>;

  // The record of the instance, at most `age_max` old; null when there is none. An identifier that a list lacks is
  // asked for by itself: pages shift while they are read. Errors are those of the fetch; all who waited for it get the
  // same.
  Result<Value> look(const std::string& identifier, Duration age_max, const FetchOne& fetch_one,
                     const FetchAll& fetch_all);

 private:
  bool is_alone_locked(const std::string& identifier, Duration now);
  Result<Value> list_at_most(Duration age_max, const FetchAll& fetch_all);

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable fetched_;
  std::map<std::string, Duration> seen_;  // identifier -> when it was asked for last, monotonic
  bool fetching_ = false;
  uint64_t fetches_ = 0;
  Duration list_time_{};  // when its fetch began, monotonic
  Result<Value> list_ = Value();
};

}  // namespace squall::clients
