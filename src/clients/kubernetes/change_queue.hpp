// ChangeQueue: hands changes on to durable storage: in order, none lost, none twice.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/executor.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "clients/kubernetes/backoff.hpp"
#include "clients/kubernetes/object_cache.hpp"

namespace squall::kubernetes {

inline constexpr size_t kBatchChangesMax = 64;       // of one commit that are told of, each of which makes work
inline constexpr size_t kBatchQuietMax = 512;        // of one commit that are only recorded
inline constexpr size_t kCommitsInFlightMax = 4;     // of one informer
inline constexpr size_t kPendingChangesMax = 2'000;  // above, the informer reads no further

// Which commit was the last one. Saved with the state; every commit names the one that it follows.
struct StateMark {
  int64_t sequence = 0;
  std::string writer;  // a random name of who wrote it
  bool operator==(const StateMark&) const = default;
};

// Changes that become durable together, along with how far the informer got.
struct ChangeBatch {
  StateMark previous;
  StateMark mark;
  std::vector<Change> changes;  // with object and old_object
  std::optional<std::string>
      cursor;  // resourceVersion to go on from; empty: a list must come first. Nothing: unchanged
};

// May this batch be applied to a state with mark `saved`? Called by storages inside the transaction of the commit. The
// errors (kConflict) have a type by which the queue knows what to do.
Status check_mark(const StateMark& saved, const ChangeBatch& batch);
inline constexpr std::string_view kAlreadyApplied = "AlreadyApplied";  // this very batch: nothing to do any more
inline constexpr std::string_view kBatchMissing = "BatchMissing";      // the batch before it failed
inline constexpr std::string_view kStateChanged = "StateChanged";      // somebody else wrote: the state must be loaded

// Where an informer keeps what it saw. All calls come on the executor's thread.
class InformerStorage {
 public:
  struct Saved {
    StateMark mark;
    std::string cursor;
  };
  virtual ~InformerStorage() = default;

  virtual Result<Saved> load_state() = 0;
  // Marks of up to `limit` objects with keys after `after`, ordered by key.
  virtual Result<std::vector<std::pair<std::string, ObjectCache::Entry>>> load_entries(const std::string& after,
                                                                                       size_t limit) = 0;
  // The object as last committed, its marks when no more of it is kept; null when there is none.
  virtual Result<Value> load_object(const std::string& key) = 0;
  // Makes a batch durable (of each change `object`, or its marks when it is not to be kept whole) if check_mark()
  // allows it, all or nothing, in the order of the calls; `done` comes on the executor.
  virtual void commit(ChangeBatch batch, std::function<void(Status)> done) = 0;
};

// Lives on the executor's thread. Several commits may be on their way at the same time; when one fails, those after it
// fail too (their `previous` is missing), and all are made again in order, after a delay, for as long as it takes.
class ChangeQueue : public std::enable_shared_from_this<ChangeQueue> {
 public:
  struct Handlers {
    std::function<void()> on_ready;              // no longer congested()
    std::function<void()> on_lost;               // the state is not ours any more: load it and make a new queue
    std::function<void(const Error&)> on_error;  // a commit failed, after a time in which they went well
  };

  ChangeQueue(Executor& executor, InformerStorage& storage, const Clock& clock, Random& random, Backoff::Limits backoff,
              StateMark last, Handlers handlers);

  // Queues changes; `cursor` holds once they are durable.
  void push(std::vector<Change> changes, std::optional<std::string> cursor);
  // True when no more should be pushed for now: storage does not take it, or too much is waiting (until half is gone).
  bool congested() const { return congested_; }
  size_t pending() const;
  // Commits nothing any more and calls nobody; what is on its way still arrives.
  void close();

 private:
  struct Item {
    std::optional<Change> change;
    std::optional<std::string> cursor;
  };
  enum class Stage { kHeld, kSubmitted, kFailed, kDone };
  struct Flight {
    ChangeBatch batch;
    Stage stage = Stage::kHeld;
  };

  void pump();
  void update_congested();
  std::optional<ChangeBatch> next_batch();
  Status complete(Change& change);
  void submit(const std::shared_ptr<Flight>& flight);
  void arrived(Flight& flight, const Status& outcome);
  void drop_done();
  void retry_later(const Error& error);
  void retry();

  Executor& executor_;
  InformerStorage& storage_;
  const Clock& clock_;
  Backoff backoff_;
  const Handlers handlers_;
  const std::string writer_;

  StateMark last_;                               // of the newest batch that was made
  std::deque<Item> waiting_;                     // not yet in a batch
  std::deque<std::shared_ptr<Flight>> flights_;  // batches on their way, or to be made again
  // The kept state of objects that are in `flights_`; the number says in how many changes.
  std::map<std::string, std::pair<Value, size_t>, std::less<>> overlay_;
  std::optional<Error> error_;  // of the first flight that failed, until all are back
  bool failing_ = false;        // waiting to try again, or trying
  bool reported_ = false;       // on_error() told of it
  bool congested_ = false;
  bool lost_ = false;
  bool closed_ = false;
};

}  // namespace squall::kubernetes
