// The durable store: one SQLite database in WAL mode, one writer thread with group commit.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "store/store.hpp"
#include "store/store_limits.hpp"

namespace squall::store {

struct SqliteOptions {
  std::string directory;  // made when missing; holds squall.db, its log, and the lock file
  // True: an acknowledged write survives a power cut. False: it survives a crash of the program, but a power cut may
  // take the last moments back (never a part of a transaction).
  bool sync_full = true;
  // Called once, on the writer thread, when nothing more may be written: a disk flush failed or the database is
  // damaged. From then on every write fails; reads still work as far as the disk does.
  std::function<void(const Error&)> on_fatal;
  int checkpoint_pages = kWalCheckpointPages;
  std::chrono::milliseconds full_retry{kFullRetryMillis};
  std::string vfs;  // a SQLite VFS by name, for fault tests; empty: the default one
};

// Exactly one process may have a directory open; kConflict with that process's id otherwise.
Result<std::unique_ptr<Store>> open_sqlite_store(SqliteOptions options);

}  // namespace squall::store
