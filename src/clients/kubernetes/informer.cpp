#include "clients/kubernetes/informer.hpp"

#include "base/strings.hpp"

namespace squall::kubernetes {
namespace {

// True when both are decimal numbers and `a` is the smaller one. Kubernetes compares resourceVersions of one resource so.
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

}  // namespace

std::string_view state_name(InformerState state) {
  switch (state) {
    case InformerState::kStopped: return "stopped";
    case InformerState::kStarting: return "starting";
    case InformerState::kListing: return "listing";
    case InformerState::kWatching: return "watching";
    case InformerState::kPaused: return "paused";
    case InformerState::kFailing: return "failing";
  }
  return "";
}

Informer::Informer(Executor& executor, ClientSource client_source, InformerStorage& storage, InformerOptions options,
                   std::function<void(const InformerStatus&)> on_state, const Clock& clock, Random& random)
    : executor_(executor),
      client_source_(std::move(client_source)),
      storage_(storage),
      options_(std::move(options)),
      on_state_(std::move(on_state)),
      clock_(clock),
      random_(random),
      backoff_(options_.backoff, random) {}

// Wraps a step of the current connection attempt: callable from any thread, runs on the executor, and only if the attempt
// is still the current one then.
template <typename Step>
auto Informer::guarded(Step step) {
  return [&executor = executor_, weak = weak_from_this(), epoch = epoch_, step = std::move(step)](auto... arguments) {
    executor.post([weak, epoch, step, ... moved = std::move(arguments)]() mutable {
      const auto self = weak.lock();
      if (self && self->epoch_ == epoch) step(*self, std::move(moved)...);
    });
  };
}

InformerStatus Informer::status() const {
  return {state_, message_, since_, resource_.resource, cursor_, cache_.size(), queue_ ? queue_->pending() : 0};
}

void Informer::set_state(InformerState state, const std::string& message) {
  const bool is_news = state != state_;
  if (is_news) since_ = clock_.now();
  state_ = state;
  message_ = message;
  if (is_news && on_state_) on_state_(status());
}

void Informer::start() {
  if (state_ == InformerState::kStopped) reload();
}

void Informer::stop() {
  begin_attempt();
  if (queue_) queue_->close();
  queue_.reset();
  set_state(InformerState::kStopped);
}

void Informer::set_announcing(bool announcing) {
  announcing_ = announcing;
  if (!queue_) return;  // loading: done at its end
  queue_->push(cache_.set_announcing(announcing), std::nullopt);
}

// Ends what the last attempt has under way: nothing of it arrives any more.
void Informer::begin_attempt() {
  ++epoch_;
  attempt_.stop();
  attempt_ = StopSource();
  executor_.cancel(timer_);
  held_ = false;
  next_page_.reset();
}

// ---- What was saved

void Informer::reload() {
  begin_attempt();
  if (queue_) queue_->close();
  queue_.reset();
  queue_error_.clear();
  cache_.clear();
  if (state_ != InformerState::kFailing) set_state(InformerState::kStarting);
  guarded([](Informer& self) { self.load_page(""); })();
}

void Informer::load_page(const std::string& after) {
  const auto entries = storage_.load_entries(after, kSavedEntriesPage);
  const auto saved = storage_.load_state();
  if (!entries || !saved) {
    begin_attempt();
    const Error& error = !entries ? entries.error() : saved.error();
    set_state(InformerState::kFailing, error.with_context("saved state").message());
    timer_ = executor_.post_after(backoff_.next(clock_.monotonic()),
                                  guarded([](Informer& self) { self.reload(); }));
    return;
  }
  for (const auto& [key, entry] : *entries) cache_.restore(key, entry);
  if (entries->size() == kSavedEntriesPage) {
    guarded([last = entries->back().first](Informer& self) { self.load_page(last); })();
    return;
  }
  cursor_ = saved->cursor;
  ChangeQueue::Handlers handlers;
  const auto weak = weak_from_this();
  handlers.on_ready = [weak] {
    if (const auto self = weak.lock()) self->queue_is_ready();
  };
  handlers.on_lost = [weak] {
    if (const auto self = weak.lock()) self->reload();
  };
  handlers.on_error = [weak](const Error& error) {
    if (const auto self = weak.lock()) self->queue_fails(error);
  };
  queue_ = std::make_shared<ChangeQueue>(executor_, storage_, clock_, random_, options_.backoff, saved->mark,
                                         std::move(handlers));
  queue_->push(cache_.set_announcing(announcing_), std::nullopt);
  connect();
}

// ---- Connecting

void Informer::connect() {
  begin_attempt();
  auto client = client_source_();
  if (!client) return retry(client.error());
  client_ = std::move(*client);
  if (!options_.resource.empty()) {
    auto id = parse_api_version(options_.api_version);
    if (!id) return retry(id.error());
    resource_ = std::move(*id);
    resource_.resource = options_.resource;
    resource_.namespace_name = options_.namespace_name;
    return cursor_.empty() ? list() : probe();
  }
  resolve();
}

void Informer::resolve() {
  client_->resolve(options_.api_version, options_.kind, attempt_.token(),
                   guarded([](Informer& self, Result<ResourceInfo> info) {
                     if (!info) return self.retry(info.error());
                     self.resource_ = info->id;
                     self.resource_.namespace_name = self.options_.namespace_name;
                     self.cursor_.empty() ? self.list() : self.probe();
                   }));
}

// A watch from a resourceVersion that the server has not reached stays silent for ever, and looks healthy: so it does after
// the server's storage was restored from a backup. The smallest possible list tells where the server is.
void Informer::probe() {
  ApiRequest request;
  request.path = resource_.path();
  request.query = selector_query();
  request.query.emplace_back("limit", "1");
  client_->send(std::move(request), attempt_.token(), guarded([](Informer& self, Result<ApiAnswer> answer) {
                  if (!answer) return self.retry(answer.error());
                  const auto retry_after = retry_after_of(*answer);
                  auto body = body_of(std::move(*answer));
                  if (!body) return self.handle_error(body.error(), retry_after);
                  if (is_older((*body)["metadata"]["resourceVersion"].string(), self.cursor_)) return self.relist();
                  self.watch();
                }));
}

Query Informer::selector_query() const {
  ListOptions options;
  options.label_selector = options_.label_selector;
  options.field_selector = options_.field_selector;
  return list_query(options);
}

// ---- Lists

void Informer::list() {
  if (state_ != InformerState::kFailing) set_state(InformerState::kListing);
  cache_.begin_list();
  queue_->push({}, "");  // until the list is complete there is no position to go on from
  fetch_page("");
}

void Informer::fetch_page(const std::string& continue_token) {
  if (queue_->congested()) {
    next_page_ = continue_token;
    return hold();
  }
  ApiRequest request;
  request.path = resource_.path();
  ListOptions options{options_.label_selector, options_.field_selector, options_.page_size, continue_token};
  request.query = list_query(options);
  const auto on_page = guarded([](Informer& self, Result<ListPage> page, std::optional<Duration> retry_after) {
    if (!page) return self.handle_error(page.error(), retry_after);
    self.take_page(std::move(*page));
  });
  client_->send(std::move(request), attempt_.token(), [on_page, project = options_.project](Result<ApiAnswer> answer) {
    if (!answer) return on_page(Result<ListPage>(fail(answer.error())), std::optional<Duration>());
    const auto retry_after = retry_after_of(*answer);
    auto body = body_of(std::move(*answer));
    if (!body) return on_page(Result<ListPage>(fail(body.error())), retry_after);
    ListPage page = parse_list_page(*body);
    body = Value();  // so that the objects belong to the page alone and can be changed in place
    for (Value& item : page.items) {
      if (project) item = project(std::move(item));
    }
    on_page(Result<ListPage>(std::move(page)), retry_after);
  });
}

void Informer::take_page(ListPage page) {
  if (page.resource_version.empty()) return retry(Error(ErrorCode::kRemote, "a list has no resourceVersion"));
  set_state(InformerState::kListing);
  queue_->push(cache_.apply_page(page.items), std::nullopt);
  if (!page.continue_token.empty()) return fetch_page(page.continue_token);
  cursor_ = page.resource_version;
  queue_->push(cache_.end_list(), cursor_);
  watch();
}

// ---- Watches

void Informer::watch() {
  if (queue_->congested()) return pause();
  ApiRequest request;
  request.path = resource_.path();
  request.query = selector_query();
  const auto spread = static_cast<uint64_t>((options_.watch_timeout_max - options_.watch_timeout_min).count()) + 1;
  const Duration timeout = options_.watch_timeout_min + Duration(static_cast<int64_t>(random_.below(spread)));
  const int64_t seconds = std::max<int64_t>(1, std::chrono::duration_cast<std::chrono::seconds>(timeout).count());
  request.query.emplace_back("watch", "1");
  request.query.emplace_back("resourceVersion", cursor_);
  request.query.emplace_back("allowWatchBookmarks", "true");
  request.query.emplace_back("timeoutSeconds", std::to_string(seconds));

  watch_began_ = clock_.monotonic();
  watch_had_event_ = false;
  const auto was_open = std::make_shared<bool>(false);
  Client::WatchHandlers handlers;
  handlers.on_open = guarded([was_open](Informer& self) {
    *was_open = true;
    self.set_state(InformerState::kWatching);
  });
  const auto on_events = guarded([](Informer& self, const std::vector<Value>& events) { self.take_events(events); });
  handlers.on_events = [on_events, project = options_.project](std::vector<Value> events) {
    for (Value& event : events) {
      const std::string_view type = event["type"].string_or("");
      if (!project || type == "ERROR" || type == "BOOKMARK") continue;
      Value object = event["object"];
      event.set("object", Value());  // so that the object has one holder and can be changed in place
      event.set("object", project(std::move(object)));
    }
    on_events(std::move(events));
  };
  handlers.on_end = guarded(
      [was_open](Informer& self, const Result<ApiAnswer>& answer) { self.watch_ended(answer, *was_open); });
  client_->watch(std::move(request), options_.idle_timeout, attempt_.token(), std::move(handlers));
  // Where nothing happens the head of the answer can be late too: a proxy may send it along with the first event.
  timer_ = executor_.post_after(options_.short_watch, guarded([](Informer& self) {
                                  self.set_state(InformerState::kWatching);
                                }));
}

void Informer::take_events(const std::vector<Value>& events) {
  for (const Value& event : events) {
    if (!take_event(event)) return;
  }
  if (queue_->congested()) pause();
}

// False when the watch is over.
bool Informer::take_event(const Value& event) {
  const std::string_view type = event["type"].string_or("");
  const Value& object = event["object"];
  if (type == "ERROR") {
    ApiAnswer answer;
    answer.body = object;
    const Error error = error_of_status(object, 500);
    if (is_too_large(error, object)) {
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
  const std::string version = object["metadata"]["resourceVersion"].string();
  const bool is_known = type == "ADDED" || type == "MODIFIED" || type == "DELETED" || type == "BOOKMARK";
  if (version.empty() || !is_known) {
    retry(Error(ErrorCode::kRemote, "the watch sent an event of type '" + std::string(type) +
                                        (is_known ? "' without a resourceVersion" : "', which is unknown")));
    return false;
  }
  watch_had_event_ = true;
  watch_errors_ = 0;
  set_state(InformerState::kWatching);
  if (type == "BOOKMARK") {
    if (is_older(version, cursor_)) {
      relist();
      return false;
    }
    cursor_ = version;
    queue_->push({}, cursor_);
    return true;
  }
  cursor_ = version;
  std::vector<Change> changes = cache_.apply_event(type, object);
  if (!changes.empty()) queue_->push(std::move(changes), cursor_);
  return true;
}

void Informer::watch_ended(const Result<ApiAnswer>& answer, bool was_open) {
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

// ---- When things go wrong

void Informer::handle_error(const Error& error, std::optional<Duration> retry_after) {
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

void Informer::retry(const Error& error, std::optional<Duration> at_least) {
  const Duration delay = std::max(backoff_.next(clock_.monotonic()), at_least.value_or(Duration::zero()));
  set_state(InformerState::kFailing, error.message());
  connect_after(delay);
}

void Informer::connect_after(Duration delay) {
  begin_attempt();
  timer_ = executor_.post_after(delay, guarded([](Informer& self) { self.connect(); }));
}

// Reads no further until the queue is ready. What was read beyond `cursor_` is read again then.
void Informer::pause() {
  const bool waits_by_itself = state_ == InformerState::kListing && cursor_.empty();  // before it fetches the next page
  if (waits_by_itself || held_) return;
  begin_attempt();
  hold();
}

void Informer::hold() {
  held_ = true;
  if (queue_error_.empty()) {
    set_state(InformerState::kPaused, "waiting for the store");
  } else {
    set_state(InformerState::kFailing, queue_error_);
  }
}

void Informer::queue_fails(const Error& error) {
  queue_error_ = error.with_context("the store does not take changes").message();
  pause();
}

void Informer::queue_is_ready() {
  queue_error_.clear();
  if (!std::exchange(held_, false)) return;
  if (!next_page_) return connect();
  const std::string token = *std::exchange(next_page_, std::nullopt);
  set_state(InformerState::kListing);
  fetch_page(token);
}

}  // namespace squall::kubernetes
