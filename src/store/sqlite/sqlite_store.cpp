#include "store/sqlite/sqlite_store.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/directory_lock.hpp"
#include "store/sqlite/migrations.hpp"
#include "store/sqlite/reader_pool.hpp"
#include "store/sqlite/transaction.hpp"
#include "store/store_limits.hpp"
#include "store/write_queue.hpp"

namespace squall::store {
namespace {

class SqliteStore final : public Store {
 public:
  SqliteStore(SqliteOptions options, DirectoryLock lock, std::unique_ptr<Connection> writer, ConnectionOptions readers)
      : options_(std::move(options)),
        lock_(std::move(lock)),
        connection_(std::move(writer)),
        readers_(std::move(readers)) {
    writer_ = std::thread([this] { writer_loop(); });
  }
  ~SqliteStore() override {
    close();
    queue_.stop();
    writer_.join();
  }

  void write(WriteFunction function, Done done) override { queue_.push(std::move(function), std::move(done)); }
  std::optional<Error> hold_up() const override;
  Status read(const ReadFunction& function) override;
  void close() override;

 private:
  using Answers = std::vector<std::optional<Status>>;

  void writer_loop();
  void close_files();
  void run_batch(std::vector<WriteJob>& batch);
  Answers apply(std::vector<WriteJob>& batch);
  Status run_until_space(std::vector<WriteJob>& batch, Answers& answers);
  void set_hold_up(std::optional<Error> reason);
  Status run_jobs(std::vector<WriteJob>& batch, Answers& answers);
  Status run_in_savepoint(WriteJob& job, std::optional<Status>& answer);
  void roll_back();
  void checkpoint_if_due();
  void stop_writing(const Error& cause);

  const SqliteOptions options_;
  std::optional<DirectoryLock> lock_;
  WriteQueue queue_;

  // Of the writer thread.
  std::unique_ptr<Connection> connection_;
  std::optional<Error> failure_;  // why nothing more may be written
  int checkpointed_pages_ = 0;    // length of the write-ahead log at the latest checkpoint

  mutable std::mutex hold_up_mutex_;
  std::optional<Error> hold_up_;

  ReaderPool readers_;
  std::mutex closed_mutex_;
  std::condition_variable closed_changed_;
  bool closed_ = false;
  std::thread writer_;  // last: it uses all of the above
};

Status SqliteStore::read(const ReadFunction& function) {
  SQ_TRY(auto connection, readers_.take());
  auto status = connection->run("BEGIN");
  if (status) {
    SqliteTransaction transaction(*connection);
    status = function(transaction);
    auto ended = connection->run("COMMIT");
    if (status && !ended) status = std::move(ended);
  }
  readers_.give_back(std::move(connection));
  return status;
}

void SqliteStore::close() {
  SQ_ASSERT(std::this_thread::get_id() != writer_.get_id());
  queue_.close();
  std::unique_lock lock(closed_mutex_);
  closed_changed_.wait(lock, [this] { return closed_; });
}

void SqliteStore::writer_loop() {
  std::vector<WriteJob> batch;
  while (queue_.wait_and_take(batch)) {
    if (!batch.empty()) run_batch(batch);
    batch.clear();
    if (queue_.drained()) close_files();
  }
}

void SqliteStore::close_files() {
  // Readers first: the last connection to go is the one that may checkpoint.
  readers_.close();
  connection_.reset();
  lock_.reset();
  const std::lock_guard lock(closed_mutex_);
  closed_ = true;
  closed_changed_.notify_all();
}

void SqliteStore::run_batch(std::vector<WriteJob>& batch) {
  const bool had_failed = failure_.has_value();
  SQ_CRASH_POINT("store.taken");
  Answers answers = apply(batch);
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].done) batch[i].done(std::move(*answers[i]));
  }
  SQ_CRASH_POINT("store.answered");
  // After the answers: nobody needs to wait for this.
  checkpoint_if_due();
  if (!had_failed && failure_ && options_.on_fatal) options_.on_fatal(*failure_);
}

SqliteStore::Answers SqliteStore::apply(std::vector<WriteJob>& batch) {
  Answers answers(batch.size());
  size_t open = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].refusal) {
      answers[i] = fail(*batch[i].refusal);
    } else if (failure_) {
      answers[i] = fail(*failure_);
    } else {
      ++open;
    }
  }
  if (open == 0) return answers;

  auto committed = run_until_space(batch, answers);
  if (committed) return answers;
  // Nobody may hear that his part of the transaction was kept. (After a failed flush it may turn up after the next
  // start all the same: the log may have reached the disk.)
  const bool fatal = is_fatal(committed.error());
  const Error error = committed.error().with_context(fatal ? "the write may be lost" : "the write was not kept");
  for (auto& answer : answers) {
    if (!answer || *answer) answer = fail(error);
  }
  if (fatal) stop_writing(committed.error());
  return answers;
}

// A full disk fails nothing: its owner will make room, and until then the changes wait here, unanswered. Every try is a
// new transaction from the first change on.
Status SqliteStore::run_until_space(std::vector<WriteJob>& batch, Answers& answers) {
  const Answers refused = answers;
  while (true) {
    auto committed = run_jobs(batch, answers);
    if (!committed) roll_back();
    const bool full = !committed && is_full(committed.error());
    set_hold_up(full ? std::optional(committed.error()) : std::nullopt);
    if (!full || queue_.wait_for_close(options_.full_retry)) return committed;
    answers = refused;
  }
}

// Tells the log once when it begins and once when it ends.
void SqliteStore::set_hold_up(std::optional<Error> reason) {
  const std::lock_guard lock(hold_up_mutex_);
  if (reason.has_value() && !hold_up_) {
    log_error("changes wait until there is space on the disk; new work is refused", {{"error", reason->message()}});
  } else if (!reason && hold_up_) {
    log_info("there is space on the disk again; the changes that waited are written", {});
  }
  hold_up_ = std::move(reason);
}

std::optional<Error> SqliteStore::hold_up() const {
  const std::lock_guard lock(hold_up_mutex_);
  return hold_up_;
}

// Fails when the transaction as a whole did; what a job's own function says is in its answer.
Status SqliteStore::run_jobs(std::vector<WriteJob>& batch, Answers& answers) {
  SQ_CHECK(connection_->run("BEGIN IMMEDIATE"));
  if (batch.size() == 1) {
    SqliteTransaction transaction(*connection_);
    answers[0] = batch[0].function(transaction);
    if (!*answers[0]) {
      const Error error = answers[0]->error();
      if (is_fatal(error) || is_full(error)) return fail(error);
      roll_back();
      return {};
    }
  } else {
    for (size_t i = 0; i < batch.size(); ++i) {
      if (!answers[i]) SQ_CHECK(run_in_savepoint(batch[i], answers[i]));
    }
  }
  if (!connection_->in_transaction()) return fail(ErrorCode::kIo, "SQLite gave the transaction up");
  SQ_CRASH_POINT("store.applied");
  SQ_CHECK(connection_->run("COMMIT"));
  SQ_CRASH_POINT("store.committed");
  return {};
}

Status SqliteStore::run_in_savepoint(WriteJob& job, std::optional<Status>& answer) {
  SQ_CHECK(connection_->run("SAVEPOINT job"));
  SqliteTransaction transaction(*connection_);
  answer = job.function(transaction);
  if (!*answer && (is_fatal(answer->error()) || is_full(answer->error()) || !connection_->in_transaction()))
    return *answer;
  if (!*answer) SQ_CHECK(connection_->run("ROLLBACK TO job"));
  return connection_->run("RELEASE job");
}

void SqliteStore::roll_back() {
  if (!connection_->in_transaction()) return;
  auto status = connection_->execute("ROLLBACK");
  if (!status) log_error("cannot roll back a transaction", {{"error", status.error().to_string()}});
}

void SqliteStore::checkpoint_if_due() {
  if (failure_ || connection_ == nullptr) return;
  const int pages = connection_->wal_pages();
  if (pages < checkpointed_pages_) checkpointed_pages_ = 0;  // the log began anew
  if (pages - checkpointed_pages_ < options_.checkpoint_pages) return;
  SQ_CRASH_POINT("store.checkpoint");
  auto left = connection_->checkpoint();
  SQ_CRASH_POINT("store.checkpointed");
  if (!left) {
    if (is_fatal(left.error())) return stop_writing(left.error());
    log_warning("cannot move the write-ahead log into the database", {{"error", left.error().to_string()}});
  }
  // Also when readers held a part of it back: the next try waits for as many pages again.
  checkpointed_pages_ = pages;
}

void SqliteStore::stop_writing(const Error& cause) {
  if (failure_) return;
  failure_ = Error(ErrorCode::kIo, "the store takes no more writes since: " + cause.message() +
                                       "; mend the disk and start squall again");
  // After a failed flush nobody knows what of the log is on the disk: it is left for the recovery at the next start.
  connection_->leave_wal_alone();
  log_error("the store stops writing", {{"error", cause.message()}});
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(SqliteOptions options) {
  SQ_TRY(auto lock, DirectoryLock::acquire(options.directory));
  ConnectionOptions connection_options{
      .path = options.directory + "/squall.db",
      .role = ConnectionRole::kWriter,
      .sync_full = options.sync_full,
      .vfs = options.vfs,
  };
  SQ_TRY(auto writer, Connection::open(connection_options));
  auto prepared = prepare_schema(*writer);
  if (!prepared) return fail(prepared.error().with_context("cannot open the store '" + connection_options.path + "'"));
  connection_options.role = ConnectionRole::kReader;
  return std::make_unique<SqliteStore>(std::move(options), std::move(lock), std::move(writer),
                                       std::move(connection_options));
}

}  // namespace squall::store
