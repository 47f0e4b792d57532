// Changes: what one step of the engine wants to be durable, and what it does once it is.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/executor.hpp"
#include "base/result.hpp"
#include "store/store.hpp"
#include "value/value.hpp"

namespace squall::engine {

// Collected on the engine's thread, applied in one transaction. The last put() of a document wins.
class Changes {
 public:
  void put(store::Collection collection, std::string id, Value document) {
    writes_[{collection, std::move(id)}] = {Write::What::kDocument, {std::move(document), {}}};
  }
  // A document that its writer looked at already, with store::make_ready().
  void put(store::Collection collection, std::string id, store::ReadyDocument ready) {
    writes_[{collection, std::move(id)}] = {Write::What::kReady, std::move(ready)};
  }
  void erase(store::Collection collection, std::string id) {
    writes_[{collection, std::move(id)}] = {Write::What::kErase, {}};
  }
  // More work inside the same transaction; runs on the store's thread.
  void add(store::Store::WriteFunction function) { functions_.push_back(std::move(function)); }
  // Runs on the engine's thread after the commit, in the order of the calls; not at all when the commit fails.
  void after_commit(std::function<void()> action) { after_.push_back(std::move(action)); }
  // A document that is to be written, else null. Valid until the next change.
  const Value* find(store::Collection collection, const std::string& id) const {
    const auto found = writes_.find({collection, id});
    return found == writes_.end() || found->second.what == Write::What::kErase ? nullptr
                                                                               : &found->second.ready.document;
  }
  bool empty() const { return writes_.empty() && functions_.empty() && after_.empty(); }

 private:
  friend class Committer;
  struct Write {
    enum class What { kDocument, kReady, kErase } what = What::kErase;
    store::ReadyDocument ready;  // kDocument: without keys until Committer makes it ready
  };
  std::map<std::pair<store::Collection, std::string>, Write> writes_;
  std::vector<store::Store::WriteFunction> functions_;
  std::vector<std::function<void()>> after_;
};

// Hands Changes to the store in order. A commit that fails is fatal for the engine: its memory is then ahead of the
// disk, so `on_fatal` must end the process; after a restart it goes on from what is durable.
//
// A document that the store would refuse never gets that far. Whoever takes data in gives it a JSON form
// (value/json_form.hpp) and answers with an error when it has none; the driver checks every execution it saves. What
// slips through all the same is left out of the commit here and told in the log: one record is lost, not the process.
class Committer {
 public:
  Committer(store::Store& store, Executor& executor, std::function<void(const Error&)> on_fatal)
      : store_(store), executor_(executor), on_fatal_(std::move(on_fatal)) {}

  // `done` (may be empty) runs on the engine's thread before the after_commit() actions. Its status is that of the
  // functions added with Changes::add(): when one of them cannot write what it wants to (kInvalid, kLimit), the
  // documents are committed all the same.
  void commit(Changes changes, std::function<void(Status)> done = {});

  // Called on the engine's thread with every document that has become durable, before done().
  using Observer = std::function<void(store::Collection, const std::string& id, const Value& document, bool erased)>;
  void on_committed(Observer observer) { observer_ = std::move(observer); }

  // Documents that were left out since the start.
  size_t refused_count() const { return refused_count_; }

 private:
  void make_ready(Changes& changes);

  Observer observer_;
  size_t refused_count_ = 0;
  store::Store& store_;
  Executor& executor_;
  std::function<void(const Error&)> on_fatal_;
};

}  // namespace squall::engine
