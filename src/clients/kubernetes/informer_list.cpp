// Lists: streamed as the first events of a watch, or in pages.
#include "base/log.hpp"
#include "clients/kubernetes/informer_impl.hpp"

namespace squall::kubernetes {
namespace {

constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";

// Will asking again for a streamed list be of use? An overloaded server, or one whose cache is behind, says so for a
// while. What a list in pages would be refused for as well is said by that one.
bool may_pass(int http_status) {
  return http_status == 401 || http_status == 404 || http_status == 408 || http_status == 429 || http_status == 502 ||
         http_status == 503 || http_status == 504;
}

}  // namespace

void Informer::list() {
  if (state_ != InformerState::kFailing) set_state(InformerState::kListing);
  cursor_.clear();
  cache_.begin_list();
  queue_->push({}, "");  // until the list is complete there is no position to go on from
  if (stream_offered_ && stream_failures_ < kStreamFailuresMax) {
    stream_list();
  } else {
    fetch_page("");
  }
}

// The list is complete and this is where it stands.
void Informer::listed(const std::string& resource_version) {
  cursor_ = resource_version;
  queue_->push(cache_.end_list(), cursor_);
  ++lists_;
  last_list_ = clock_.now();
  stream_failures_ = 0;
  const auto spread = static_cast<uint64_t>(options_.resync_every.count() / 5) + 1;
  resync_after(options_.resync_every - options_.resync_every / 10 +
               Duration(static_cast<int64_t>(random_.below(spread))));
}

// ---- In pages

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
  listed(page.resource_version);
  cache_.needs_list() ? connect() : watch();
}

// ---- Streamed

// All objects come as ADDED events, then a bookmark that says so, and then the watch goes on. It costs the server far
// less than pages do, which it has to read from its storage.
void Informer::stream_list() {
  Query query = selector_query();
  query.emplace_back("sendInitialEvents", "true");
  query.emplace_back("resourceVersionMatch", "NotOlderThan");
  streaming_list_ = true;
  open_stream(std::move(query));
  wait_for_more();
}

void Informer::wait_for_more() {
  executor_.cancel(timer_);
  timer_ = executor_.post_after(options_.stream_patience, guarded([](Informer& self) {
                                  self.stream_refused("the end of the initial events does not come");
                                }));
}

void Informer::take_initial_event(std::string_view type, const Value& object) {
  if (state_ != InformerState::kListing && !held_) set_state(InformerState::kListing);
  if (type != "BOOKMARK") {
    queue_->push(cache_.apply_event(type, object), std::nullopt);
    return;
  }
  const Value& metadata = object["metadata"];
  if (metadata["annotations"][kInitialEventsEnd].string_or("") != "true") return;
  executor_.cancel(timer_);
  streaming_list_ = false;
  listed(metadata["resourceVersion"].string());
  if (cache_.needs_list()) return connect();
  if (!held_) set_state(InformerState::kWatching);
  look_for_silence();
}

// From now on in pages. What came already was true, and comes again.
void Informer::stream_refused(const std::string& why) {
  log_info("the Kubernetes API server does not stream lists, squall reads them in pages",
           {{"resource", resource_.display()}, {"reason", why}});
  stream_offered_ = false;
  connect();
}

void Informer::stream_fails(const Error& error, std::optional<Duration> retry_after) {
  const int status = error.http_status();
  if (status != 0 && !may_pass(status)) return stream_refused(error.message());
  if (status != 404 && status != 429) ++stream_failures_;
  handle_error(error, retry_after);
}

void Informer::stream_ended(const Result<ApiAnswer>& answer) {
  if (!answer) return stream_fails(answer.error(), std::nullopt);
  if (answer->status != 200) {
    return stream_fails(error_of_status(answer->body, answer->status, answer->text), retry_after_of(*answer));
  }
  stream_fails(Error(ErrorCode::kUnavailable, "the server ended the watch before its initial events were complete"),
               std::nullopt);
}

}  // namespace squall::kubernetes
