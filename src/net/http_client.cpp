#include "net/http_client.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "net/http_exchange_impl.hpp"

namespace squall::net {
namespace {

constexpr long kConnectionsKept = 32;
constexpr Duration kPollMax = std::chrono::minutes(5);  // a wake-up ends it at once

void init_curl_once() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  SQ_ASSERT(code == CURLE_OK);
}

}  // namespace

// The thread and its mailbox. Stop callbacks hold it weakly: a token may outlive the client.
struct HttpClient::Impl : std::enable_shared_from_this<HttpClient::Impl> {
  Impl();
  ~Impl();
  template <typename Handlers>
  uint64_t submit(HttpRequest request, const StopToken& stop, Handlers handlers);
  void cancel(uint64_t id);
  void resume(uint64_t id);
  void shut_down();

  // On the client's thread.
  void run();
  void take_mail();
  void begin(std::unique_ptr<HttpExchange> exchange);
  void collect_finished();
  void strike_idle();
  void finish(uint64_t id, Status status);
  int poll_milliseconds() const;

  CURLM* multi = nullptr;
  std::thread thread;

  std::mutex mutex;  // guards the mailbox
  std::vector<std::unique_ptr<HttpExchange>> arrived;
  std::vector<uint64_t> canceled;
  std::vector<uint64_t> resumed;
  uint64_t last_id = 0;
  bool stopping = false;

  std::unordered_map<uint64_t, std::unique_ptr<HttpExchange>> running;
};

HttpClient::Impl::Impl() {
  init_curl_once();
  multi = curl_multi_init();
  SQ_ASSERT(multi != nullptr);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kConnectionsKept);
}

HttpClient::Impl::~Impl() { curl_multi_cleanup(multi); }

void HttpClient::Impl::cancel(uint64_t id) {
  {
    const std::lock_guard lock(mutex);
    canceled.push_back(id);
  }
  curl_multi_wakeup(multi);
}

void HttpClient::Impl::resume(uint64_t id) {
  {
    const std::lock_guard lock(mutex);
    resumed.push_back(id);
  }
  curl_multi_wakeup(multi);
}

void HttpClient::Impl::shut_down() {
  SQ_ASSERT(std::this_thread::get_id() != thread.get_id());
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  curl_multi_wakeup(multi);
  thread.join();
}

void HttpClient::Impl::run() {
  while (true) {
    take_mail();
    {
      const std::lock_guard lock(mutex);
      if (stopping) break;
    }
    int running_count = 0;
    curl_multi_perform(multi, &running_count);
    collect_finished();
    strike_idle();
    curl_multi_poll(multi, nullptr, 0, poll_milliseconds(), nullptr);
  }
  // Callbacks may still send: what arrives meanwhile is canceled as well.
  while (true) {
    take_mail();
    if (running.empty()) break;
    finish(running.begin()->first, fail(ErrorCode::kCanceled, "the HTTP client is shutting down"));
  }
}

void HttpClient::Impl::take_mail() {
  std::vector<std::unique_ptr<HttpExchange>> fresh;
  std::vector<uint64_t> ended;
  std::vector<uint64_t> flowing;
  {
    const std::lock_guard lock(mutex);
    fresh.swap(arrived);
    ended.swap(canceled);
    flowing.swap(resumed);
  }
  for (auto& exchange : fresh) begin(std::move(exchange));
  for (const uint64_t id : flowing) {
    if (const auto it = running.find(id); it != running.end()) it->second->resume();
  }
  for (const uint64_t id : ended) finish(id, fail(ErrorCode::kCanceled, "the request was canceled"));
}

void HttpClient::Impl::begin(std::unique_ptr<HttpExchange> exchange) {
  const uint64_t id = exchange->id();
  SQ_CRASH_POINT("http.request");
  HttpExchange& added = *running.emplace(id, std::move(exchange)).first->second;
  if (Status ready = added.prepare(); !ready) return finish(id, std::move(ready));
  const CURLMcode code = curl_multi_add_handle(multi, added.handle());
  SQ_ASSERT(code == CURLM_OK);
}

void HttpClient::Impl::collect_finished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    void* private_pointer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private_pointer);
    auto& exchange = *static_cast<HttpExchange*>(private_pointer);
    Result<bool> again = exchange.hop_done(code);
    if (!again) {
      finish(exchange.id(), fail(std::move(again).error()));
    } else if (!*again) {
      finish(exchange.id(), {});
    } else {
      curl_multi_remove_handle(multi, exchange.handle());
      if (Status ready = exchange.prepare(); !ready) {
        finish(exchange.id(), std::move(ready));
      } else {
        const CURLMcode added = curl_multi_add_handle(multi, exchange.handle());
        SQ_ASSERT(added == CURLM_OK);
      }
    }
  }
}

void HttpClient::Impl::strike_idle() {
  const Duration now = Clock::system().monotonic();
  std::vector<uint64_t> idle;
  for (const auto& [id, exchange] : running) {
    if (const auto deadline = exchange->idle_deadline(); deadline && *deadline <= now) idle.push_back(id);
  }
  for (const uint64_t id : idle) {
    if (const auto it = running.find(id); it != running.end()) finish(id, fail(it->second->idle_error()));
  }
}

void HttpClient::Impl::finish(uint64_t id, Status status) {
  const auto it = running.find(id);
  if (it == running.end()) return;  // ended already
  const auto exchange = std::move(it->second);
  running.erase(it);
  curl_multi_remove_handle(multi, exchange->handle());
  // The other side has done its part; nothing here knows of it yet.
  SQ_CRASH_POINT("http.answer");
  exchange->finish(std::move(status));
}

int HttpClient::Impl::poll_milliseconds() const {
  Duration wait = kPollMax;
  const Duration now = Clock::system().monotonic();
  for (const auto& [id, exchange] : running) {
    if (const auto deadline = exchange->idle_deadline())
      wait = std::min(wait, std::max(Duration::zero(), *deadline - now));
  }
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
}

HttpClient::HttpClient() : impl_(std::make_shared<Impl>()) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}
HttpClient::~HttpClient() { impl_->shut_down(); }

template <typename Handlers>
uint64_t HttpClient::Impl::submit(HttpRequest request, const StopToken& stop, Handlers handlers) {
  uint64_t id = 0;
  {
    const std::lock_guard lock(mutex);
    id = ++last_id;
    arrived.push_back(std::make_unique<HttpExchange>(id, std::move(request), std::move(handlers)));
  }
  curl_multi_wakeup(multi);
  stop.on_stop([weak = weak_from_this(), id] {
    if (const auto impl = weak.lock()) impl->cancel(id);
  });
  return id;
}

void HttpClient::send(HttpRequest request, StopToken stop, Done done) {
  impl_->submit(std::move(request), stop, std::move(done));
}

void HttpClient::stream(HttpRequest request, StopToken stop, StreamHandlers handlers) {
  const std::shared_ptr<Valve> valve = handlers.valve;
  const uint64_t id = impl_->submit(std::move(request), stop, std::move(handlers));
  if (valve == nullptr) return;
  valve->on_open([weak = impl_->weak_from_this(), id] {
    if (const auto impl = weak.lock()) impl->resume(id);
  });
}

void Valve::shut() {
  const std::lock_guard lock(mutex_);
  open_ = false;
}

void Valve::open() {
  std::function<void()> tell;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(open_, true)) return;
    tell = on_open_;
  }
  if (tell) tell();
}

bool Valve::is_open() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

void Valve::on_open(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    on_open_ = callback;
    if (!open_) return;
  }
  callback();  // it may have been shut, and opened again, before anybody could be told
}

Result<HttpResponse> HttpClient::call(HttpRequest request, StopToken stop) {
  SQ_ASSERT(std::this_thread::get_id() != impl_->thread.get_id());
  std::mutex mutex;
  std::condition_variable ready;
  std::optional<Result<HttpResponse>> answer;
  send(std::move(request), std::move(stop), [&](Result<HttpResponse> result) {
    const std::lock_guard lock(mutex);
    answer = std::move(result);
    ready.notify_one();  // under the lock: the waiting thread takes `ready` away right after
  });
  std::unique_lock lock(mutex);
  ready.wait(lock, [&] { return answer.has_value(); });
  return std::move(*answer);
}

}  // namespace squall::net
