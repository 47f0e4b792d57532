// Watches: every event moves the position.
#include "clients/kubernetes/informer_impl.hpp"

namespace squall::kubernetes {

void Informer::watch() {
  if (queue_->congested()) return pause();
  Query query = selector_query();
  query.emplace_back("resourceVersion", cursor_);
  open_stream(std::move(query));
  // Where nothing happens the head of the answer can be late too: a proxy may send it along with the first event.
  timer_ = executor_.post_after(options_.short_watch, guarded([](Informer& self) {
                                  self.set_state(InformerState::kWatching);
                                  self.look_for_silence();
                                }));
}

void Informer::open_stream(Query query) {
  ApiRequest request;
  request.path = resource_.path();
  const auto spread = static_cast<uint64_t>((options_.watch_timeout_max - options_.watch_timeout_min).count()) + 1;
  const Duration timeout = options_.watch_timeout_min + Duration(static_cast<int64_t>(random_.below(spread)));
  const int64_t seconds = std::max<int64_t>(1, std::chrono::duration_cast<std::chrono::seconds>(timeout).count());
  request.query = std::move(query);
  request.query.emplace_back("watch", "1");
  request.query.emplace_back("allowWatchBookmarks", "true");
  request.query.emplace_back("timeoutSeconds", std::to_string(seconds));

  last_event_ = watch_began_ = clock_.monotonic();
  watch_had_event_ = false;
  const auto was_open = std::make_shared<bool>(false);
  const auto inflow = inflow_ = std::make_shared<Inflow>();
  Client::WatchHandlers handlers;
  handlers.valve = inflow->valve;
  handlers.on_open = guarded([was_open](Informer& self) {
    *was_open = true;
    if (!self.streaming_list_) self.set_state(InformerState::kWatching);
  });
  const auto on_events = guarded([inflow](Informer& self, const std::vector<Value>& events) {
    inflow->unread -= events.size();
    self.take_events(events);
    // Always, not only when it was full: the other thread may be about to shut the valve because of what is read now.
    if (!self.held_ && inflow->unread <= kUnreadEventsMax / 2) inflow->valve->open();
  });
  handlers.on_events = [on_events, inflow, project = options_.project](std::vector<Value> events) {
    for (Value& event : events) {
      const std::string_view type = event["type"].string_or("");
      if (!project || type == "ERROR" || type == "BOOKMARK") continue;
      Value object = event["object"];
      event.set("object", Value());  // so that the object has one holder and can be changed in place
      event.set("object", project(std::move(object)));
    }
    if (inflow->unread.fetch_add(events.size()) + events.size() > kUnreadEventsMax) inflow->valve->shut();
    on_events(std::move(events));
  };
  handlers.on_end =
      guarded([was_open](Informer& self, const Result<ApiAnswer>& answer) { self.watch_ended(answer, *was_open); });
  client_->watch(std::move(request), options_.idle_timeout, attempt_.token(), std::move(handlers));
}

void Informer::take_events(const std::vector<Value>& events) {
  last_event_ = clock_.monotonic();
  const uint64_t epoch = epoch_;
  for (const Value& event : events) {
    if (!take_event(event) || epoch_ != epoch) return;
  }
  if (queue_->congested()) return pause();
  if (streaming_list_ && !held_) wait_for_more();
}

// False when the watch is over.
bool Informer::take_event(const Value& event) {
  const std::string_view type = event["type"].string_or("");
  const Value& object = event["object"];
  if (type == "ERROR") return take_error(object);
  const std::string version = object["metadata"]["resourceVersion"].string();
  const bool is_known = type == "ADDED" || type == "MODIFIED" || type == "DELETED" || type == "BOOKMARK";
  if (version.empty() || !is_known) {
    retry(Error(ErrorCode::kRemote, "the watch sent an event of type '" + std::string(type) +
                                        (is_known ? "' without a resourceVersion" : "', which is unknown")));
    return false;
  }
  watch_had_event_ = true;
  watch_errors_ = 0;
  if (streaming_list_) {
    take_initial_event(type, object);
    return true;
  }
  set_state(InformerState::kWatching);
  // Events of a watch come in the order of their versions. One from before it began: the server counts anew.
  if (is_older(version, cursor_)) {
    relist();
    return false;
  }
  cursor_ = version;
  if (type == "BOOKMARK") {
    queue_->push({}, cursor_);
    return true;
  }
  std::vector<Change> changes = cache_.apply_event(type, object);
  if (!changes.empty()) queue_->push(std::move(changes), cursor_);
  return true;
}

bool Informer::take_error(const Value& status) {
  ApiAnswer answer;
  answer.body = status;
  const Error error = error_of_status(status, 500);
  if (streaming_list_) {
    stream_fails(error, retry_after_of(answer));
  } else if (is_too_large(error, status)) {
    relist();
  } else if (!is_expired(error) && ++watch_errors_ >= kWatchErrorsMax) {
    cursor_.clear();
    watch_errors_ = 0;
    retry(error, retry_after_of(answer));
  } else {
    handle_error(error, retry_after_of(answer));
  }
  return false;
}

void Informer::watch_ended(const Result<ApiAnswer>& answer, bool was_open) {
  if (streaming_list_) return stream_ended(answer);
  if (!answer) {
    // Silence is normal where a server sends no bookmarks; looking again costs next to nothing and loses nothing.
    const bool was_silent = was_open || clock_.monotonic() - watch_began_ >= options_.idle_timeout;
    if (was_silent && answer.error().code() == ErrorCode::kTimeout) return connect();
    return retry(answer.error());
  }
  if (answer->status != 200) {
    const Error error = error_of_status(answer->body, answer->status, answer->text);
    return is_too_large(error, answer->body) ? relist() : handle_error(error, retry_after_of(*answer));
  }
  const bool was_short = clock_.monotonic() - watch_began_ < options_.short_watch;
  if (was_short && !watch_had_event_) {
    return retry(Error(ErrorCode::kUnavailable, "the server ended the watch at once"));
  }
  connect();
}

// The idle timeout of the connection counts bytes; something in between may send some to keep it open. It is events
// that matter: a watch without any, bookmarks included, is replaced, and on the way the server says where it is.
void Informer::look_for_silence() {
  const Duration left = last_event_ + options_.idle_timeout - clock_.monotonic();
  if (left <= Duration::zero()) return connect();
  timer_ = executor_.post_after(left, guarded([](Informer& self) { self.look_for_silence(); }));
}

}  // namespace squall::kubernetes
