// Informer: follows one resource of one cluster and never misses a difference.
#pragma once

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

inline constexpr size_t kSavedEntriesPage = 500;  // read back at once, so that a restart does not hold the executor
inline constexpr int kWatchErrorsMax = 3;         // ERROR events in a row before a new list

struct InformerOptions {
  std::string api_version;
  std::string resource;  // plural; empty: looked up by `kind`
  std::string kind;
  std::string namespace_name;  // empty: all
  std::string label_selector, field_selector;

  int64_t page_size = 500;
  Duration idle_timeout = std::chrono::seconds(75);   // no byte for so long: connect again (bookmarks come every 60 s)
  Duration watch_timeout_min = std::chrono::minutes(5);  // asked of the server, which ends the watch in good order then
  Duration watch_timeout_max = std::chrono::minutes(10);
  // A watch that ends earlier without an event counts as an error; one that lives longer counts as accepted.
  Duration short_watch = std::chrono::seconds(1);
  Duration relist_spread = std::chrono::seconds(1);   // lists after 410 are spread over this time
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
};

// Life: start() loads what was saved and goes on from there: a watch from the saved resourceVersion, or a list when there is
// none. Every difference to what was saved comes out of `storage.commit()` once, whatever happens in between: an expired
// resourceVersion, a broken or silent connection, a server that restarts or was restored from a backup, a restart of squall.
// While storage does not take commits it stops reading. stop() ends it for good; commits on their way still arrive.
//
// Lives on the executor's thread; held by shared_ptr, because requests in flight refer to it. `storage` and `executor` must
// outlive it. Pages and events are parsed on the HTTP client's thread.
class Informer : public std::enable_shared_from_this<Informer> {
 public:
  // Asked before each connection, so that changed kubeconfig files are noticed.
  using ClientSource = std::function<Result<std::shared_ptr<Client>>()>;

  Informer(Executor& executor, ClientSource client_source, InformerStorage& storage, InformerOptions options,
           std::function<void(const InformerStatus&)> on_state, const Clock& clock = Clock::system(),
           Random& random = Random::system());

  void start();
  void stop();
  // See ObjectCache::set_announcing(). True at first.
  void set_announcing(bool announcing);
  InformerStatus status() const;

 private:
  // Runs `step` on the executor, unless another connection has begun meanwhile.
  template <typename Step>
  auto guarded(Step step);
  void set_state(InformerState state, const std::string& message = {});
  void reload();
  void load_page(const std::string& after);
  void connect();
  void begin_attempt();
  void resolve();
  void probe();
  void list();
  void fetch_page(const std::string& continue_token);
  void take_page(ListPage page);
  void watch();
  void take_events(const std::vector<Value>& events);
  bool take_event(const Value& event);
  void take_bookmark(const Value& object);
  void watch_ended(const Result<ApiAnswer>& answer, bool was_open);
  void handle_error(const Error& error, std::optional<Duration> retry_after);
  void relist();
  void retry(const Error& error, std::optional<Duration> at_least = std::nullopt);
  void connect_after(Duration delay);
  void pause();
  void hold();
  void queue_fails(const Error& error);
  void queue_is_ready();
  Query selector_query() const;

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
  bool announcing_ = true;

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
  std::string queue_error_;
  Duration watch_began_{};
  bool watch_had_event_ = false;
  int watch_errors_ = 0;                  // ERROR events since the last good one
  std::optional<Duration> last_relist_;  // monotonic
};

}  // namespace squall::kubernetes
