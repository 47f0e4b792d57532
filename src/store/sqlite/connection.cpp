#include "store/sqlite/connection.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <utility>

#include "base/assert.hpp"
#include "store/sqlite/wal_vfs.hpp"
#include "store/store_limits.hpp"

namespace squall::store {
namespace {

// Errors of this type end all writing. See is_fatal().
constexpr std::string_view kFatalType = "store-fatal";
// See is_full().
constexpr std::string_view kFullType = "store-full";

// SQLite itself says SQLITE_FULL for ENOSPC only, and only where it writes pages.
bool is_full_code(sqlite3* database, int extended) {
  if ((extended & 0xff) == SQLITE_FULL) return true;
  if (database == nullptr || (extended & 0xff) != SQLITE_IOERR || extended == SQLITE_IOERR_FSYNC) return false;
  const int reason = sqlite3_system_errno(database);
  return reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
}

bool is_fatal_code(int extended) {
  const int code = extended & 0xff;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || extended == SQLITE_IOERR_FSYNC ||
         extended == SQLITE_IOERR_DIR_FSYNC || extended == SQLITE_READONLY_DBMOVED;
}

Error make_error(sqlite3* database, int result) {
  const char* path = database != nullptr ? sqlite3_db_filename(database, "main") : nullptr;
  const int extended = database != nullptr ? sqlite3_extended_errcode(database) : result;
  const char* text = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(result);
  const std::string where = path != nullptr ? path : "the database";
  if (is_full_code(database, extended)) {
    return Error(ErrorCode::kIo, fmt::format("no space is left to write '{}': make room on its disk", where))
        .with_type(std::string(kFullType));
  }
  switch (extended & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(ErrorCode::kIo,
                   fmt::format("'{}' is damaged or no SQLite database ({}): put a backup in its place, or "
                               "save what is readable with the .recover command of the sqlite3 program",
                               where, text))
          .with_type(std::string(kFatalType));
    case SQLITE_BUSY:
      return Error(ErrorCode::kUnavailable,
                   fmt::format("'{}' is locked by another program ({}): end it, nothing but squall may write there",
                               where, text));
    default: break;
  }
  if (extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC) text = "a flush to the disk failed";
  Error error(ErrorCode::kIo, fmt::format("'{}': {} (SQLite error {})", where, text, extended));
  return is_fatal_code(extended) ? error.with_type(std::string(kFatalType)) : error;
}

}  // namespace

bool is_fatal(const Error& error) { return error.type() == kFatalType; }
bool is_full(const Error& error) { return error.type() == kFullType; }

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      next_parameter_(other.next_parameter_),
      bind_code_(other.bind_code_) {}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Statement::note(int code) {
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
  ++next_parameter_;
}

Statement& Statement::bind(std::string_view text) {
  note(sqlite3_bind_text64(statement_, next_parameter_, text.data() != nullptr ? text.data() : "", text.size(),
                           SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind(int64_t integer) {
  note(sqlite3_bind_int64(statement_, next_parameter_, integer));
  return *this;
}

Statement& Statement::bind(const IndexKey& key) {
  if (const auto* text = std::get_if<std::string>(&key)) return bind(std::string_view(*text));
  if (const auto* number = std::get_if<int64_t>(&key)) return bind(*number);
  note(sqlite3_bind_null(statement_, next_parameter_));
  return *this;
}

Result<bool> Statement::step() {
  if (bind_code_ != SQLITE_OK) return fail(make_error(database_, bind_code_));
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  if (sqlite3_extended_errcode(database_) == SQLITE_CONSTRAINT_PRIMARYKEY) {
    return fail(ErrorCode::kConflict, "the id is taken");
  }
  return fail(make_error(database_, result));
}

Status Statement::run() {
  while (true) {
    SQ_TRY(const bool row, step());
    if (!row) return {};
  }
}

std::string_view Statement::text(int column) const {
  const unsigned char* bytes = sqlite3_column_text(statement_, column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

IndexKey Statement::key(int column) const {
  switch (sqlite3_column_type(statement_, column)) {
    case SQLITE_NULL: return {};
    case SQLITE_INTEGER: return integer(column);
    default: return std::string(text(column));
  }
}

Result<std::unique_ptr<Connection>> Connection::open(const ConnectionOptions& options) {
  sqlite3* database = nullptr;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
  if (options.role == ConnectionRole::kWriter) flags |= SQLITE_OPEN_CREATE;
  const bool gathers = options.role == ConnectionRole::kWriter && options.sync_full;
  const std::string vfs = gathers ? wal_vfs(options.vfs) : options.vfs;
  const int result = sqlite3_open_v2(options.path.c_str(), &database, flags, vfs.empty() ? nullptr : vfs.c_str());
  if (database == nullptr) return fail(ErrorCode::kIo, "no memory to open '" + options.path + "'");
  std::unique_ptr<Connection> connection(new Connection(database));
  if (result != SQLITE_OK) {
    return fail(ErrorCode::kIo, fmt::format("cannot open '{}': {} (error {} of the operating system)", options.path,
                                            sqlite3_errmsg(database), sqlite3_system_errno(database)));
  }
  SQ_CHECK(connection->configure(options));
  return connection;
}

Status Connection::configure(const ConnectionOptions& options) {
  const bool writer = options.role == ConnectionRole::kWriter;
  sqlite3_busy_timeout(database_, kBusyTimeoutMillis);
  // Only the writer checkpoints, by its own call after a commit: in SQLite before 3.51.3 two connections that
  // checkpoint at the same time can damage the log.
  sqlite3_wal_autocheckpoint(database_, 0);
  if (!writer) leave_wal_alone();
  SQ_CHECK(execute(fmt::format("PRAGMA cache_size = -{}", writer ? kWriterCacheKib : kReaderCacheKib)));
  SQ_CHECK(execute("PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF"));
  if (!writer) return execute("PRAGMA query_only = ON");

  sqlite3_wal_hook(database_, &Connection::on_wal, this);
  // Before the log is chosen: that step of a new file goes through a rollback journal, and with less than EXTRA a power
  // cut could bring the journal back after its removal, and it would undo the file and all that came later. Later EXTRA
  // is the same as FULL.
  SQ_CHECK(execute(options.sync_full ? "PRAGMA synchronous = EXTRA" : "PRAGMA synchronous = NORMAL"));
  SQ_CHECK(execute(fmt::format("PRAGMA page_size = {}", kPageBytes)));  // of a new file; others keep theirs
  {
    SQ_TRY(Statement mode, statement("PRAGMA journal_mode = WAL"));
    SQ_TRY(const bool row, mode.step());
    if (!row || mode.text(0) != "wal") {
      return fail(ErrorCode::kIo, fmt::format("'{}' cannot have a write-ahead log: its file system lacks shared memory "
                                              "(a network file system?); choose a local disk",
                                              options.path));
    }
  }
  return execute(fmt::format("PRAGMA journal_size_limit = {}", kWalKeptBytesMax));
}

Connection::~Connection() {
  for (const Kept& kept : kept_) sqlite3_finalize(kept.statement);
  const int result = sqlite3_close(database_);
  SQ_ASSERT(result == SQLITE_OK);  // else a statement is still on loan
}

Result<Statement> Connection::statement(std::string_view sql) {
  if (const auto found = kept_by_sql_.find(sql); found != kept_by_sql_.end()) {
    kept_.splice(kept_.begin(), kept_, found->second);
    SQ_ASSERT(!sqlite3_stmt_busy(kept_.front().statement));
    return Statement(database_, kept_.front().statement);
  }
  sqlite3_stmt* prepared = nullptr;
  const int result = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                        &prepared, nullptr);
  if (result != SQLITE_OK) return fail(make_error(database_, result));
  kept_.push_front({std::string(sql), prepared});
  kept_by_sql_.emplace(kept_.front().sql, kept_.begin());
  if (kept_.size() > kStatementsMax && !sqlite3_stmt_busy(kept_.back().statement)) {
    kept_by_sql_.erase(kept_.back().sql);
    sqlite3_finalize(kept_.back().statement);
    kept_.pop_back();
  }
  return Statement(database_, prepared);
}

Status Connection::run(std::string_view sql) {
  SQ_TRY(Statement kept, statement(sql));
  return kept.run();
}

Status Connection::execute(const std::string& sql) {
  const int result = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return fail(make_error(database_, result));
  return {};
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }

int64_t Connection::changes() const { return sqlite3_changes64(database_); }

int Connection::on_wal(void* self, sqlite3*, const char*, int pages) {
  static_cast<Connection*>(self)->wal_pages_ = pages;
  return SQLITE_OK;
}

Result<int> Connection::checkpoint() {
  int pages = 0;
  int moved = 0;
  const int result = sqlite3_wal_checkpoint_v2(database_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
  if (result != SQLITE_OK && result != SQLITE_BUSY) return fail(make_error(database_, result));
  return pages - moved;
}

void Connection::leave_wal_alone() { sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); }

}  // namespace squall::store
