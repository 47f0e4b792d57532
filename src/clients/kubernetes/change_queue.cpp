#include "clients/kubernetes/change_queue.hpp"

namespace squall::kubernetes {

Status check_mark(const StateMark& saved, const ChangeBatch& batch) {
  if (saved == batch.previous) return {};
  const auto refuse = [](std::string_view type, std::string message) {
    return fail(Error(ErrorCode::kConflict, std::move(message)).with_type(std::string(type)));
  };
  const bool ours = saved.writer == batch.mark.writer;
  if (ours && saved.sequence >= batch.mark.sequence) return refuse(kAlreadyApplied, "these changes are saved already");
  const bool is_first = batch.previous.writer != batch.mark.writer;
  if (!is_first && saved.sequence < batch.previous.sequence)
    return refuse(kBatchMissing, "earlier changes are not saved");
  return refuse(kStateChanged, "somebody else saved changes of the same resource");
}

ChangeQueue::ChangeQueue(Executor& executor, InformerStorage& storage, const Clock& clock, Random& random,
                         Backoff::Limits backoff, StateMark last, Handlers handlers)
    : executor_(executor),
      storage_(storage),
      clock_(clock),
      backoff_(backoff, random),
      handlers_(std::move(handlers)),
      writer_(random.hex(12)),
      last_(std::move(last)) {}

void ChangeQueue::push(std::vector<Change> changes, std::optional<std::string> cursor) {
  for (Change& change : changes) waiting_.push_back({std::move(change), std::nullopt});
  if (cursor) {
    // A position joins what it follows; only the newest of several in a row matters.
    if (waiting_.empty()) waiting_.emplace_back();
    waiting_.back().cursor = std::move(cursor);
  }
  pump();
}

size_t ChangeQueue::pending() const {
  size_t count = waiting_.size();
  for (const auto& flight : flights_) count += flight->batch.changes.size();
  return count;
}

void ChangeQueue::close() { closed_ = true; }

void ChangeQueue::pump() {
  while (!closed_ && !failing_ && flights_.size() < kCommitsInFlightMax && !waiting_.empty()) {
    auto batch = next_batch();
    if (!batch) break;
    flights_.push_back(std::make_shared<Flight>(Flight{std::move(*batch)}));
    submit(flights_.back());
  }
  if (!closed_) update_congested();
}

void ChangeQueue::update_congested() {
  const size_t waiting_max = congested_ ? kPendingChangesMax / 2 : kPendingChangesMax;
  const bool was_congested = std::exchange(congested_, failing_ || waiting_.size() > waiting_max);
  if (was_congested && !congested_) handlers_.on_ready();
}

std::optional<ChangeBatch> ChangeQueue::next_batch() {
  constexpr size_t kWeightMax = kBatchQuietMax;
  constexpr size_t kToldWeight = kBatchQuietMax / kBatchChangesMax;
  ChangeBatch batch;
  size_t weight = 0;
  while (!waiting_.empty() && weight < kWeightMax) {
    Item& item = waiting_.front();
    if (item.change) {
      if (auto status = complete(*item.change); !status) {
        if (!batch.changes.empty() || batch.cursor) break;  // those first
        retry_later(status.error());
        return std::nullopt;
      }
      auto& [object, count] = overlay_[item.change->key];
      object = item.change->kept();
      ++count;
      weight += item.change->told ? kToldWeight : 1;
      batch.changes.push_back(std::move(*item.change));
    }
    if (item.cursor) batch.cursor = std::move(item.cursor);
    waiting_.pop_front();
  }
  if (batch.changes.empty() && !batch.cursor) return std::nullopt;
  batch.previous = last_;
  batch.mark = last_ = StateMark{last_.sequence + 1, writer_};
  return batch;
}

// Looks up what was seen of the object before.
Status ChangeQueue::complete(Change& change) {
  if (change.type == ChangeType::kCreated || !change.told) return {};
  Value known;
  if (const auto found = overlay_.find(change.key); found != overlay_.end()) {
    known = found->second.first;
  } else {
    SQ_TRY(known, storage_.load_object(change.key));
  }
  if (change.object.is_null()) change.object = known;
  change.old_object = std::move(known);
  return {};
}

void ChangeQueue::submit(const std::shared_ptr<Flight>& flight) {
  flight->stage = Stage::kSubmitted;
  storage_.commit(flight->batch, [weak = weak_from_this(), flight](const Status& outcome) {
    if (const auto self = weak.lock(); self && !self->closed_) self->arrived(*flight, outcome);
  });
}

void ChangeQueue::arrived(Flight& flight, const Status& outcome) {
  const std::string type = outcome ? std::string() : outcome.error().type();
  const bool is_done = outcome || type == kAlreadyApplied;
  flight.stage = is_done ? Stage::kDone : Stage::kFailed;
  if (!is_done && !error_) error_ = outcome.error();
  // Everything before the first flight was saved once; when it is not there any more, the state was erased.
  const bool is_first = !flights_.empty() && flights_.front().get() == &flight;
  if (type == kStateChanged || (type == kBatchMissing && is_first)) lost_ = true;
  const bool progress = !flights_.empty() && flights_.front()->stage == Stage::kDone;
  drop_done();
  if (error_) {
    // Those behind it have failed as well, or will: they are made again once all are back.
    for (const auto& other : flights_) {
      if (other->stage == Stage::kSubmitted) return;
    }
    const Error error = *std::exchange(error_, std::nullopt);
    if (lost_) {
      close();
      return handlers_.on_lost();
    }
    return retry_later(error);
  }
  if (progress) {
    backoff_.reset();
    reported_ = false;
    if (std::exchange(failing_, false)) {
      for (const auto& other : flights_) {
        if (other->stage != Stage::kDone) submit(other);
      }
    }
  }
  pump();
}

void ChangeQueue::drop_done() {
  while (!flights_.empty() && flights_.front()->stage == Stage::kDone) {
    for (const Change& change : flights_.front()->batch.changes) {
      const auto found = overlay_.find(change.key);
      if (found != overlay_.end() && --found->second.second == 0) overlay_.erase(found);
    }
    flights_.pop_front();
  }
}

void ChangeQueue::retry_later(const Error& error) {
  failing_ = true;
  congested_ = true;
  if (!std::exchange(reported_, true)) handlers_.on_error(error);
  executor_.post_after(backoff_.next(clock_.monotonic()), [weak = weak_from_this()] {
    if (const auto self = weak.lock(); self && !self->closed_) self->retry();
  });
}

void ChangeQueue::retry() {
  // The first one alone: the others follow when it went well.
  if (!flights_.empty()) return submit(flights_.front());
  failing_ = false;  // it was a lookup that had failed
  pump();
}

}  // namespace squall::kubernetes
