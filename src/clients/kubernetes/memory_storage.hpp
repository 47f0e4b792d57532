// InformerStorage in memory, with faults. For tests.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/executor.hpp"
#include "clients/kubernetes/change_queue.hpp"

namespace squall::kubernetes::testing {

// Applies commits at once and answers on the executor. The public members are for the executor's thread; log() is for
// any.
class MemoryStorage final : public InformerStorage {
 public:
  explicit MemoryStorage(Executor& executor) : executor_(executor) {}

  Saved saved;
  std::map<std::string, Value> objects;
  std::map<std::string, ObjectCache::Entry> entries;
  std::vector<Value> old_objects;  // of all changes that were told of
  size_t commits = 0;              // that were tried
  int fail_next = 0;               // commits that fail
  int lie_next = 0;                // commits that are made, but reported as failed
  int fail_lookups = 0;            // load_object() calls that fail
  int fail_loads = 0;              // load_state() calls that fail
  bool hold = false;               // commits wait for release()

  void reset() {
    saved = {};
    objects.clear();
    entries.clear();
    old_objects.clear();
    commits = 0;
    fail_next = lie_next = fail_lookups = fail_loads = 0;
    const std::lock_guard lock(mutex_);
    log_.clear();
  }
  // "created shop/a 1 before -" of each change that is told of.
  std::vector<std::string> log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  size_t held() const { return held_.size(); }
  void release() {
    for (auto& task : std::exchange(held_, {})) task();
  }

  Result<Saved> load_state() override {
    if (fail_loads > 0 && fail_loads-- > 0) return fail(ErrorCode::kIo, "cannot read");
    return saved;
  }
  Result<std::vector<std::pair<std::string, ObjectCache::Entry>>> load_entries(const std::string& after,
                                                                               size_t limit) override {
    std::vector<std::pair<std::string, ObjectCache::Entry>> page;
    for (auto it = entries.upper_bound(after); it != entries.end() && page.size() < limit; ++it) page.push_back(*it);
    return page;
  }
  Result<Value> load_object(const std::string& key) override {
    if (fail_lookups > 0 && fail_lookups-- > 0) return fail(ErrorCode::kIo, "cannot look up");
    const auto found = objects.find(key);
    return found == objects.end() ? Value() : found->second;
  }
  void commit(ChangeBatch batch, std::function<void(Status)> done) override {
    if (hold) {
      held_.push_back([this, batch = std::move(batch), done = std::move(done)]() mutable {
        commit(std::move(batch), std::move(done));
      });
      return;
    }
    executor_.post([done = std::move(done), status = apply(batch)] { done(status); });
  }

 private:
  Status apply(const ChangeBatch& batch) {
    ++commits;
    if (fail_next > 0 && fail_next-- > 0) return fail(ErrorCode::kUnavailable, "store is down");
    SQ_CHECK(check_mark(saved.mark, batch));
    saved.mark = batch.mark;
    if (batch.cursor) saved.cursor = *batch.cursor;
    for (const Change& change : batch.changes) note(change);
    if (lie_next > 0 && lie_next-- > 0) return fail(ErrorCode::kUnavailable, "the answer was lost");
    return {};
  }

  void note(const Change& change) {
    const Value& before = change.old_object["metadata"]["resourceVersion"];
    if (change.type == ChangeType::kDeleted) {
      objects.erase(change.key);
      entries.erase(change.key);
    } else {
      objects[change.key] = change.kept();
      entries[change.key] = {change.uid, change.resource_version, change.hash, change.announced, change.whole};
    }
    if (!change.told) return;
    old_objects.push_back(change.old_object);
    const std::lock_guard lock(mutex_);
    log_.push_back(std::string(change_name(change.type)) + " " + change.key + " " + change.resource_version +
                   " before " + (before.is_null() ? "-" : before.string()));
  }

  Executor& executor_;
  mutable std::mutex mutex_;
  std::vector<std::string> log_;
  std::vector<std::function<void()>> held_;
};

}  // namespace squall::kubernetes::testing
