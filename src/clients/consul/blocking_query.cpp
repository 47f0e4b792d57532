#include "clients/consul/blocking_query.hpp"

#include <algorithm>

namespace squall::clients {
namespace {

constexpr Duration kWaitMin = std::chrono::seconds(1);
constexpr Duration kWaitMax = std::chrono::minutes(10);
constexpr Duration kAnswerWithin = std::chrono::seconds(20);

}  // namespace

BlockingQuery::BlockingQuery(Duration wait, int64_t index)
    : wait_(std::clamp(wait, kWaitMin, kWaitMax)), index_(std::max<int64_t>(index, 0)) {}

std::string BlockingQuery::parameters() const {
  if (index_ == 0) return {};
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait_).count();
  return "index=" + std::to_string(index_) + "&wait=" + std::to_string(seconds) + "s";
}

Duration BlockingQuery::http_timeout() const {
  return index_ == 0 ? kAnswerWithin : wait_ + wait_ / 16 + kAnswerWithin;
}

bool BlockingQuery::take(int64_t index) {
  const int64_t before = index_;
  const int64_t now = std::max<int64_t>(index, 1);
  index_ = now < before ? 0 : now;
  return now != before;
}

}  // namespace squall::clients
