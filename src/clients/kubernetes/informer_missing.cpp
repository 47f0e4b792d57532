// What to do when the position in the server's history, the history or the whole resource type is gone.
#include "base/strings.hpp"
#include "clients/kubernetes/informer_impl.hpp"

namespace squall::kubernetes {

bool is_older(const std::string& a, const std::string& b) {
  const auto number_a = parse_int(a);
  const auto number_b = parse_int(b);
  return number_a && number_b && *number_a < *number_b;
}

bool is_too_large(const Error& error, const Value& status) {
  if (error.http_status() != 504) return false;
  const Value& causes = status["details"]["causes"];
  for (size_t i = 0; i < causes.size(); ++i) {
    if (causes[i]["reason"].string_or("") == "ResourceVersionTooLarge") return true;
  }
  return error.message().find("Too large resource version") != std::string::npos;
}

void Informer::handle_error(const Error& error, std::optional<Duration> retry_after) {
  if (error.http_status() == 404) return missing(error);
  if (!is_expired(error)) return retry(error, retry_after);
  if (!cursor_.empty()) return relist();
  connect_after(backoff_.next(clock_.monotonic()));  // the list took so long that its pages are gone: start it over
}

// The position is of no use any more: lists anew, which yields the differences to what was seen.
void Informer::relist() {
  cursor_.clear();
  watch_errors_ = 0;
  const Duration now = clock_.monotonic();
  const bool again = last_relist_ && now - *last_relist_ < options_.backoff.reset_after;
  last_relist_ = now;
  const auto spread = static_cast<uint64_t>(options_.relist_spread.count()) + 1;
  connect_after(again ? backoff_.next(now) : Duration(static_cast<int64_t>(random_.below(spread))));
}

// The server does not know the resource type: its definition was deleted, or is not there yet. Whether its objects are
// gone is told by the list that is possible once it is back; their number is not taken for zero because of an answer
// that a proxy or a server that is just starting can give as well.
void Informer::missing(const Error& error) {
  if (!cursor_.empty()) {
    cursor_.clear();
    queue_->push({}, "");  // what comes back has another history
  }
  client_->forget_types(options_.api_version);
  const Duration delay = std::min(backoff_.next(clock_.monotonic()), options_.missing_retry_max);
  const std::string& what = options_.resource.empty() ? options_.kind : options_.resource;
  set_state(InformerState::kFailing, "the server does not know " + what + " of " + options_.api_version +
                                         "; waiting until it is defined (" + error.message() + ")");
  connect_after(delay);
}

// ---- Lists that nothing forces

// Every so often everything is compared, in case something was missed that nobody could see: a server that was restored
// from a backup while squall was away, and has meanwhile got further than it was before.
void Informer::resync_after(Duration delay) {
  executor_.cancel(resync_timer_);
  if (options_.resync_every <= Duration::zero()) return;
  resync_timer_ = executor_.post_after(delay, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->state_ == InformerState::kStopped) return;
    self->resync_after(self->options_.resync_every);
    if (self->state_ != InformerState::kWatching) return;  // the next list is not far, or the next connection will do
    self->cursor_.clear();
    self->connect();
  });
}

}  // namespace squall::kubernetes
