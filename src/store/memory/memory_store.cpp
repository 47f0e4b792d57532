#include "store/memory/memory_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/assert.hpp"
#include "store/query_plan.hpp"

namespace squall::store {
namespace {

struct Row {
  int64_t revision = 0;
  Value document;
  std::vector<IndexKey> keys;  // in the order of CollectionSchema::fields
};
using Table = std::map<std::string, Row, std::less<>>;

struct Match {
  const std::string* id;
  const Row* row;
};

IndexKey key_of(const Match& match, int field) {
  return field == kIdField ? IndexKey(*match.id) : match.row->keys[static_cast<size_t>(field)];
}

bool has_prefix(const IndexKey& key, const IndexKey& prefix) {
  return std::get<std::string>(key).starts_with(std::get<std::string>(prefix));
}

bool holds(const PlannedFilter& filter, const IndexKey& key) {
  if (filter.compare == Compare::kIsNull) return is_null(key);
  if (filter.compare == Compare::kNotNull) return !is_null(key);
  if (filter.compare == Compare::kIn) {
    return std::find(filter.keys.begin(), filter.keys.end(), key) != filter.keys.end();
  }
  const IndexKey& wanted = filter.keys.front();
  if (filter.compare == Compare::kNotEqual) return key != wanted;
  if (is_null(key)) return false;
  switch (filter.compare) {
    case Compare::kEqual: return key == wanted;
    case Compare::kLess: return key < wanted;
    case Compare::kLessOrEqual: return key <= wanted;
    case Compare::kGreater: return key > wanted;
    case Compare::kGreaterOrEqual: return key >= wanted;
    default: return has_prefix(key, wanted);
  }
}

bool comes_before(const QueryPlan& plan, const Match& a, const Match& b) {
  for (const PlannedSort& sort : plan.sort) {
    const IndexKey key_a = key_of(a, sort.field);
    const IndexKey key_b = key_of(b, sort.field);
    if (key_a != key_b) return sort.descending ? key_b < key_a : key_a < key_b;
  }
  return false;
}

}  // namespace

class MemoryStore::Tables {
 public:
  Tables() : tables_(all_collections().size()) {}
  Table& operator[](Collection collection) { return tables_[static_cast<size_t>(collection)]; }

 private:
  std::vector<Table> tables_;
};

// Changes the tables at once and remembers how they were, to go back when the function fails.
class MemoryStore::Transaction final : public WriteTx {
 public:
  explicit Transaction(Tables& tables) : tables_(tables) {}

  Result<std::optional<Record>> get(Collection collection, std::string_view id) override {
    const Table& table = tables_[collection];
    const auto found = table.find(id);
    if (found == table.end()) return std::optional<Record>();
    return std::optional(Record{found->first, found->second.revision, found->second.document});
  }

  Result<Page> list(Collection collection, const Query& query) override {
    SQ_TRY(const QueryPlan plan, plan_query(schema_of(collection), query));
    std::vector<Match> matches;
    for (const auto& [id, row] : tables_[collection]) {
      const Match match{&id, &row};
      const bool all = std::all_of(plan.filters.begin(), plan.filters.end(), [&](const PlannedFilter& filter) {
        return holds(filter, key_of(match, filter.field));
      });
      if (all) matches.push_back(match);
    }
    std::sort(matches.begin(), matches.end(), [&](const Match& a, const Match& b) { return comes_before(plan, a, b); });

    Page page;
    const auto count = static_cast<int64_t>(matches.size());
    if (plan.count_total) page.total = count;
    const int64_t begin = std::min(plan.offset, count);
    const int64_t end = plan.limit < 0 ? count : begin + std::min(plan.limit, count - begin);
    for (int64_t i = begin; i < end; ++i) {
      const Match& match = matches[static_cast<size_t>(i)];
      page.records.push_back(plan.ids_only ? Record{*match.id, 0, Value()}
                                           : Record{*match.id, match.row->revision, match.row->document});
    }
    return page;
  }

  Status insert(Collection collection, std::string_view id, const Value& document) override {
    SQ_TRY(const ReadyDocument ready, make_ready(collection, id, document));
    Row row = make_row(ready);
    if (tables_[collection].contains(id)) {
      return fail(ErrorCode::kConflict, fmt::format("'{}' has a record '{}' already", schema_of(collection).name, id));
    }
    row.revision = 1;
    change(collection, id, std::move(row));
    return {};
  }

  using WriteTx::put;
  Status put(Collection collection, std::string_view id, const ReadyDocument& document) override {
    Row row = make_row(document);
    const Table& table = tables_[collection];
    const auto found = table.find(id);
    row.revision = found == table.end() ? 1 : found->second.revision + 1;
    change(collection, id, std::move(row));
    return {};
  }

  Status update(Collection collection, std::string_view id, int64_t revision, const Value& document) override {
    SQ_TRY(const ReadyDocument ready, make_ready(collection, id, document));
    Row row = make_row(ready);
    const Table& table = tables_[collection];
    const auto found = table.find(id);
    if (found == table.end()) {
      return fail(ErrorCode::kNotFound, fmt::format("'{}' has no record '{}'", schema_of(collection).name, id));
    }
    if (found->second.revision != revision) {
      return fail(ErrorCode::kConflict,
                  fmt::format("the record '{}' of '{}' changed meanwhile: it has revision {}, not {}", id,
                              schema_of(collection).name, found->second.revision, revision));
    }
    row.revision = revision + 1;
    change(collection, id, std::move(row));
    return {};
  }

  Result<bool> erase(Collection collection, std::string_view id) override {
    if (!tables_[collection].contains(id)) return false;
    change(collection, id, std::nullopt);
    return true;
  }

  void roll_back() {
    while (!before_.empty()) {
      Before& last = before_.back();
      set(last.collection, last.id, std::move(last.row));
      before_.pop_back();
    }
  }

 private:
  struct Before {
    Collection collection;
    std::string id;
    std::optional<Row> row;
  };

  static Row make_row(const ReadyDocument& ready) {
    Row row;
    row.document = ready.document;
    row.keys = ready.keys;
    return row;
  }

  void change(Collection collection, std::string_view id, std::optional<Row> row) {
    Table& table = tables_[collection];
    const auto found = table.find(id);
    std::optional<Row> old;
    if (found != table.end()) old = std::move(found->second);
    before_.push_back({collection, std::string(id), std::move(old)});
    set(collection, id, std::move(row));
  }

  void set(Collection collection, std::string_view id, std::optional<Row> row) {
    if (row) {
      tables_[collection].insert_or_assign(std::string(id), std::move(*row));
    } else {
      tables_[collection].erase(std::string(id));
    }
  }

  Tables& tables_;
  std::vector<Before> before_;
};

MemoryStore::MemoryStore(MemoryOptions options) : options_(options), tables_(std::make_unique<Tables>()) {
  if (options_.own_thread) writer_ = std::thread([this] { writer_loop(); });
}

MemoryStore::~MemoryStore() {
  close();
  queue_.stop();
  if (writer_.joinable()) writer_.join();
}

void MemoryStore::write(WriteFunction function, Done done) { queue_.push(std::move(function), std::move(done)); }

Status MemoryStore::write_and_wait(WriteFunction function) {
  if (options_.own_thread) return Store::write_and_wait(std::move(function));
  std::optional<Status> answer;
  write(std::move(function), [&answer](Status status) { answer = std::move(status); });
  while (!answer) drain_once();
  return std::move(*answer);
}

Status MemoryStore::read(const ReadFunction& function) {
  {
    const std::lock_guard lock(closed_mutex_);
    if (closed_) return fail(closed_error());
  }
  const std::lock_guard lock(tables_mutex_);
  Transaction transaction(*tables_);
  return function(transaction);
}

void MemoryStore::close() {
  queue_.close();
  if (!options_.own_thread) {
    drain();
    const std::lock_guard lock(closed_mutex_);
    closed_ = true;
    return;
  }
  SQ_ASSERT(std::this_thread::get_id() != writer_.get_id());
  std::unique_lock lock(closed_mutex_);
  closed_changed_.wait(lock, [this] { return closed_; });
}

size_t MemoryStore::drain_once() {
  SQ_ASSERT(!options_.own_thread);
  std::vector<WriteJob> batch;
  queue_.take(batch);
  run_batch(batch);
  return batch.size();
}

size_t MemoryStore::drain() {
  size_t total = 0;
  while (const size_t count = drain_once()) total += count;
  return total;
}

void MemoryStore::run_batch(std::vector<WriteJob>& batch) {
  std::vector<Status> answers;
  for (WriteJob& job : batch) {
    if (job.refusal) {
      answers.push_back(fail(*job.refusal));
      continue;
    }
    const std::lock_guard lock(tables_mutex_);
    Transaction transaction(*tables_);
    answers.push_back(job.function(transaction));
    if (!answers.back()) transaction.roll_back();
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].done) batch[i].done(std::move(answers[i]));
  }
}

void MemoryStore::writer_loop() {
  std::vector<WriteJob> batch;
  while (queue_.wait_and_take(batch)) {
    run_batch(batch);
    batch.clear();
    if (!queue_.drained()) continue;
    const std::lock_guard lock(closed_mutex_);
    closed_ = true;
    closed_changed_.notify_all();
  }
}

}  // namespace squall::store
