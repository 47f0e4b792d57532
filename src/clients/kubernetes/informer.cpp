#include "clients/kubernetes/informer.hpp"

#include "clients/kubernetes/informer_impl.hpp"

namespace squall::kubernetes {

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
      backoff_(options_.backoff, random),
      stream_offered_(options_.watch_list) {}

InformerStatus Informer::status() const {
  InformerStatus status;
  status.state = state_;
  status.message = message_;
  status.since = since_;
  status.resource = resource_.resource;
  status.resource_version = cursor_;
  status.objects = cache_.size();
  status.pending = queue_ ? queue_->pending() : 0;
  status.lists = lists_;
  status.last_list = last_list_;
  status.streams_lists = stream_offered_;
  status.keeps_objects = keeping_;
  return status;
}

void Informer::set_state(InformerState state, const std::string& message) {
  const bool is_news = state != state_;
  if (is_news) since_ = clock_.now();
  state_ = state;
  message_ = message;
  if (is_news && on_state_) on_state_(status());
}

void Informer::start() {
  if (state_ != InformerState::kStopped) return;
  resync_after(options_.resync_every / kFirstResyncPart);
  reload();
}

void Informer::stop() {
  begin_attempt();
  executor_.cancel(resync_timer_);
  if (queue_) queue_->close();
  queue_.reset();
  set_state(InformerState::kStopped);
}

void Informer::set_wishes(bool announcing, bool keeping) {
  keeping_ = keeping;
  cache_.set_announcing(announcing);
  cache_.set_keeping(keeping);
  // In every other state it is seen to with the next connection, or at the end of the list.
  if (state_ == InformerState::kWatching && cache_.needs_list()) connect();
}

// Ends what the last attempt has under way: nothing of it arrives any more.
void Informer::begin_attempt() {
  ++epoch_;
  attempt_.stop();
  attempt_ = StopSource();
  executor_.cancel(timer_);
  held_ = false;
  next_page_.reset();
  inflow_.reset();
  streaming_list_ = false;
}

Query Informer::selector_query() const {
  ListOptions options;
  options.label_selector = options_.label_selector;
  options.field_selector = options_.field_selector;
  return list_query(options);
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
    timer_ = executor_.post_after(backoff_.next(clock_.monotonic()), guarded([](Informer& self) { self.reload(); }));
    return;
  }
  for (const auto& [key, entry] : *entries) cache_.restore(key, entry);
  if (entries->size() == kSavedEntriesPage) {
    guarded([last = entries->back().first](Informer& self) { self.load_page(last); })();
    return;
  }
  loaded(*saved);
}

void Informer::loaded(const InformerStorage::Saved& saved) {
  cursor_ = saved.cursor;
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
  queue_ = std::make_shared<ChangeQueue>(executor_, storage_, clock_, random_, options_.backoff, saved.mark,
                                         std::move(handlers));
  connect();
}

// ---- Connecting

void Informer::connect() {
  begin_attempt();
  auto client = client_source_();
  if (!client) return retry(client.error());
  client_ = std::move(*client);
  if (options_.resource.empty()) return resolve();
  auto id = parse_api_version(options_.api_version);
  if (!id) return retry(id.error());
  resource_ = std::move(*id);
  resource_.resource = options_.resource;
  resource_.namespace_name = options_.namespace_name;
  read();
}

void Informer::connect_after(Duration delay) {
  begin_attempt();
  timer_ = executor_.post_after(delay, guarded([](Informer& self) { self.connect(); }));
}

void Informer::resolve() {
  client_->resolve(options_.api_version, options_.kind, attempt_.token(),
                   guarded([](Informer& self, Result<ResourceInfo> info) {
                     if (!info) return self.handle_error(info.error(), std::nullopt);
                     self.resource_ = info->id;
                     self.resource_.namespace_name = self.options_.namespace_name;
                     self.read();
                   }));
}

void Informer::read() {
  if (cursor_.empty() || cache_.needs_list()) return list();
  probe();
}

// A watch from a resourceVersion that the server has not reached stays silent for ever, and looks healthy: so it does
// after the server's storage was restored from a backup. The smallest possible list tells where the server is.
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

void Informer::retry(const Error& error, std::optional<Duration> at_least) {
  const Duration delay = std::max(backoff_.next(clock_.monotonic()), at_least.value_or(Duration::zero()));
  set_state(InformerState::kFailing, error.message());
  connect_after(delay);
}

// ---- Waiting for the store

// Reads no further until the queue is ready. A list waits where it is; what was read beyond `cursor_` otherwise is read
// again.
void Informer::pause() {
  if (held_) return;
  if (streaming_list_) {
    executor_.cancel(timer_);
    inflow_->valve->shut();
    return hold();
  }
  const bool waits_by_itself = state_ == InformerState::kListing && cursor_.empty();  // before it fetches the next page
  if (waits_by_itself) return;
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
  if (held_) {
    hold();
  } else {
    pause();
  }
}

void Informer::queue_is_ready() {
  queue_error_.clear();
  if (!std::exchange(held_, false)) return;
  if (streaming_list_) {
    set_state(InformerState::kListing);
    wait_for_more();
    inflow_->valve->open();
    return;
  }
  if (!next_page_) return connect();
  const std::string token = *std::exchange(next_page_, std::nullopt);
  set_state(InformerState::kListing);
  fetch_page(token);
}

}  // namespace squall::kubernetes
