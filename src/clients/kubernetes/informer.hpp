// Informer: follows one resource of one cluster and never misses a difference.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.hpp"
#include "base/ids.hpp"
#include "base/stop_token.hpp"
#include "clients/kubernetes/backoff.hpp"
#include "clients/kubernetes/change_queue.hpp"
#include "clients/kubernetes/client.hpp"
#include "clients/kubernetes/object_cache.hpp"

namespace squall::kubernetes {

inline constexpr size_t kSavedEntriesPage = 500;   // read back at once, so that a restart does not hold the executor
inline constexpr int kWatchErrorsMax = 3;          // ERROR events in a row before a new list
inline constexpr int kStreamFailuresMax = 2;       // streamed lists cut short in a row before one in pages
inline constexpr size_t kUnreadEventsMax = 1'000;  // parsed but not taken up yet; above, the server has to wait
inline constexpr int kFirstResyncPart =
    10;  // of resync_every: after a restart nobody has listed for who knows how long

struct InformerOptions {
  std::string api_version;
  std::string resource;  // plural; empty: looked up by `kind`
  std::string kind;
  std::string namespace_name;  // empty: all
  std::string label_selector, field_selector;

  bool watch_list = true;  // streams lists where the server can; false: always in pages
  int64_t page_size = 500;
  Duration idle_timeout = std::chrono::seconds(75);  // no event for so long: connect again (bookmarks come every 60 s)
  Duration watch_timeout_min = std::chrono::minutes(5);  // asked of the server, which ends the watch in good order then
  Duration watch_timeout_max = std::chrono::minutes(10);
  // A watch that ends earlier without an event counts as an error; one that lives longer counts as accepted.
  Duration short_watch = std::chrono::seconds(1);
  // A streamed list that is silent for so long does not know its end: the server does not know what it was asked for.
  Duration stream_patience = std::chrono::seconds(20);
  Duration relist_spread = std::chrono::seconds(1);  // lists after 410 are spread over this time
  Duration resync_every = std::chrono::hours(1);     // a list although all is well, give or take a tenth; zero: never
  Duration missing_retry_max = std::chrono::seconds(5);  // between looks for a resource type that is not there
  Backoff::Limits backoff;
  // Applied to each object before anything else: what it drops is neither kept nor compared nor shown. Any thread.
  std::function<Value(Value)> project;
};

enum class InformerState { kStopped, kStarting, kListing, kWatching, kPaused, kFailing };
// "stopped", "starting", "listing", "watching", "paused", "failing".
std::string_view state_name(InformerState state);

struct InformerStatus {
  InformerState state = InformerState::kStopped;
  std::string message;  // why it fails or pauses
  Timestamp since{};    // of this state
  std::string resource;
  std::string resource_version;  // read up to here
  size_t objects = 0;
  size_t pending = 0;  // changes that are not durable yet
  uint64_t lists = 0;  // complete ones since start()
  std::optional<Timestamp> last_list;
  bool streams_lists = false;  // false: in pages
  bool keeps_objects = true;
};

// Life: start() loads what was saved and goes on from there: a watch from the saved resourceVersion, or a list when
// there is none. Every difference to what was saved comes out of `storage.commit()` once, whatever happens in between:
// an expired resourceVersion, a broken or silent connection, a server that restarts or was restored from a backup, a
// resource type that is deleted and made again, a restart of squall. While storage does not take commits it stops
// reading. stop() ends it for good; commits on their way still arrive.
//
// Lists are streamed (sendInitialEvents) where the server offers it, else they come in pages. Differences are found by
// content, see ObjectCache; so a list more often than needed costs time, but tells nothing twice.
//
// Lives on the executor's thread; held by shared_ptr, because requests in flight refer to it. `storage` and `executor`
// must outlive it. Pages and events are parsed on the HTTP client's thread.
class Informer : public std::enable_shared_from_this<Informer> {
 public:
  // Asked before each connection, so that changed kubeconfig files are noticed.
  using ClientSource = std::function<Result<std::shared_ptr<Client>>()>;

  Informer(Executor& executor, ClientSource client_source, InformerStorage& storage, InformerOptions options,
           std::function<void(const InformerStatus&)> on_state, const Clock& clock = Clock::system(),
           Random& random = Random::system());

  void start();
  void stop();
  // See ObjectCache::set_announcing() and set_keeping(). Both true at first.
  void set_wishes(bool announcing, bool keeping);
  InformerStatus status() const;

 private:
  // Events on their way from the HTTP client's thread to the executor.
  struct Inflow {
    const std::shared_ptr<net::Valve> valve = std::make_shared<net::Valve>();
    std::atomic<size_t> unread{0};
  };

  // Runs `step` on the executor, unless another connection has begun meanwhile.
  template <typename Step>
  auto guarded(Step step);
  void set_state(InformerState state, const std::string& message = {});
  void begin_attempt();
  Query selector_query() const;

  // What was saved.
  void reload();
  void load_page(const std::string& after);
  void loaded(const InformerStorage::Saved& saved);

  // Connecting.
  void connect();
  void connect_after(Duration delay);
  void resolve();
  void read();
  void probe();
  void retry(const Error& error, std::optional<Duration> at_least = std::nullopt);

  // Waiting for the store.
  void pause();
  void hold();
  void queue_fails(const Error& error);
  void queue_is_ready();

  // Lists.
  void list();
  void fetch_page(const std::string& continue_token);
  void take_page(ListPage page);
  void stream_list();
  void take_initial_event(std::string_view type, const Value& object);
  void stream_refused(const std::string& why);
  void stream_fails(const Error& error, std::optional<Duration> retry_after);
  void stream_ended(const Result<ApiAnswer>& answer);
  void wait_for_more();
  void listed(const std::string& resource_version);

  // Watches.
  void watch();
  void open_stream(Query query);
  void take_events(const std::vector<Value>& events);
  bool take_event(const Value& event);
  bool take_error(const Value& status);
  bool take_bookmark(const std::string& version);
  void watch_ended(const Result<ApiAnswer>& answer, bool was_open);
  void look_for_silence();

  // When the position or the resource itself is gone.
  void handle_error(const Error& error, std::optional<Duration> retry_after);
  void relist();
  void missing(const Error& error);
  void resync_after(Duration delay);

  Executor& executor_;
  const ClientSource client_source_;
  InformerStorage& storage_;
  const InformerOptions options_;
  const std::function<void(const InformerStatus&)> on_state_;
  const Clock& clock_;
  Random& random_;

  InformerState state_ = InformerState::kStopped;
  std::string message_;
  Timestamp since_{};
  bool keeping_ = true;

  ObjectCache cache_;
  std::shared_ptr<ChangeQueue> queue_;
  Backoff backoff_;
  std::string cursor_;  // everything up to this resourceVersion is in the queue or durable; empty: list first

  // The current connection.
  uint64_t epoch_ = 0;
  StopSource attempt_;
  std::shared_ptr<Client> client_;
  ResourceId resource_;
  Executor::TimerId timer_ = 0;
  bool held_ = false;                     // until the queue is ready
  std::optional<std::string> next_page_;  // continue token of the page to fetch then; nothing: connect
  std::shared_ptr<Inflow> inflow_;        // of the watch that is open
  bool streaming_list_ = false;           // its initial events have not ended yet
  std::string queue_error_;
  Duration last_event_{};  // monotonic; or the watch's beginning
  Duration watch_began_{};
  bool watch_had_event_ = false;
  int watch_errors_ = 0;                 // ERROR events since the last good one
  bool stream_offered_ = true;           // until the server refuses
  int stream_failures_ = 0;              // streamed lists cut short since the last complete list
  std::optional<Duration> last_relist_;  // monotonic

  Executor::TimerId resync_timer_ = 0;
  uint64_t lists_ = 0;
  std::optional<Timestamp> last_list_;
};

}  // namespace squall::kubernetes
