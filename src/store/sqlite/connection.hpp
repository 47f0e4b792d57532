// A thin layer over one SQLite connection: errors as Results, prepared statements kept for reuse.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.hpp"
#include "store/document.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace squall::store {

// A prepared statement on loan: reset when the loan ends. The same text must not be on loan twice at a time.
class Statement {
 public:
  Statement(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Parameters count from 1, or follow each other with the bind functions that take no index. Texts must outlive the
  // statement's run.
  Statement& bind(std::string_view text);
  Statement& bind(int64_t integer);
  Statement& bind(const IndexKey& key);

  // True when there is a row to read; false at the end.
  Result<bool> step();
  // Steps to the end.
  Status run();

  // Columns of the row, counted from 0. The text is valid until the next step.
  std::string_view text(int column) const;
  int64_t integer(int column) const;
  IndexKey key(int column) const;

 private:
  void note(int code);
  sqlite3* database_;
  sqlite3_stmt* statement_;
  int next_parameter_ = 1;
  int bind_code_ = 0;  // of the first bind that failed; told by step()
};

enum class ConnectionRole { kWriter, kReader };

struct ConnectionOptions {
  std::string path;
  ConnectionRole role = ConnectionRole::kReader;
  bool sync_full = true;
  std::string vfs;  // empty: the default one
};

// To be used by one thread at a time. Not movable: statements and hooks point to it.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const ConnectionOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // A statement from the cache, prepared when it is new.
  Result<Statement> statement(std::string_view sql);
  // One statement without results, kept as those of statement().
  Status run(std::string_view sql);
  // One or more statements without results, not kept.
  Status execute(const std::string& sql);

  // False when SQLite itself gave up the transaction, as it does when the disk is full.
  bool in_transaction() const;
  // Rows changed by the latest statement.
  int64_t changes() const;

  // Writer only: pages in the write-ahead log after the latest commit.
  int wal_pages() const { return wal_pages_; }
  // Writer only: moves what readers allow from the write-ahead log into the database file. Gives the pages still left
  // in it.
  Result<int> checkpoint();
  // The connection will not checkpoint when it is closed. For readers, and for a writer whose disk failed.
  void leave_wal_alone();

 private:
  struct Kept {
    std::string sql;
    sqlite3_stmt* statement;
  };

  explicit Connection(sqlite3* database) : database_(database) {}
  Status configure(const ConnectionOptions& options);
  static int on_wal(void* self, sqlite3* database, const char* schema, int pages);

  sqlite3* database_;
  std::list<Kept> kept_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Kept>::iterator> kept_by_sql_;
  int wal_pages_ = 0;
};

// True for an error after which the file must not be written any more: a failed flush or a damaged database.
bool is_fatal(const Error& error);
// True when the disk, a quota or a file size limit left no space: the transaction is void and may be tried again.
bool is_full(const Error& error);

}  // namespace squall::store
