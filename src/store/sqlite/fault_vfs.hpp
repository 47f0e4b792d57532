// A SQLite VFS in front of the default one that counts flushes, fails on request, and records what would be on the disk
// after a power cut (power_loss_test.cpp). For tests only.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "base/assert.hpp"

namespace squall::store {

// One registered instance per process; counters and switches are shared by all files opened through it.
class FaultVfs {
 public:
  static constexpr const char* kName = "squall-fault-test";

  static FaultVfs& instance() {
    static FaultVfs vfs;
    return vfs;
  }
  void reset() {
    wal_syncs = 0;
    database_syncs = 0;
    fail_wal_sync = false;
    fail_database_sync = false;
    disk_full = false;
    fail_at_call = 0;
    calls = 0;
    failed_at_flush = false;
    record(false);
  }

  // What one call that changes files fails with. kShort: a part of the bytes is written, then the disk breaks.
  enum class Fault { kIo, kShort, kFull };
  // From now on, the `call`-th write, truncation or flush (from 1) fails, once.
  void fail_at(int64_t call, Fault fault) {
    calls = 0;
    fault_ = fault;
    fail_at_call = call;
  }

  // Changes of files in the order in which SQLite made them. The shared-memory file is not among them: it does not
  // outlive its processes.
  struct Change {
    enum class Kind { kWrite, kTruncate, kSync, kDelete } kind;
    std::string file;  // without directory
    int64_t offset;    // of a write; the new size for kTruncate; 1 when a kDelete was flushed with the directory
    std::string bytes;
  };
  void record(bool on) {
    const std::lock_guard lock(mutex_);
    recording_ = on;
    if (on) changes_.clear();
  }
  size_t recorded_count() {
    const std::lock_guard lock(mutex_);
    return changes_.size();
  }
  std::vector<Change> recorded() {
    const std::lock_guard lock(mutex_);
    return changes_;
  }

  std::atomic<int> wal_syncs = 0;
  std::atomic<int> database_syncs = 0;
  std::atomic<bool> fail_wal_sync = false;
  std::atomic<bool> fail_database_sync = false;
  std::atomic<bool> disk_full = false;
  std::atomic<int64_t> calls = 0;
  std::atomic<int64_t> fail_at_call = 0;
  std::atomic<bool> failed_at_flush = false;

 private:
  struct File {
    sqlite3_file base;
    bool is_wal;
    const char* name;    // SQLite keeps it while the file is open
    sqlite3_file* real;  // behind this struct
  };
  static sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

  FaultVfs() {
    default_ = sqlite3_vfs_find(nullptr);
    SQ_ASSERT(default_ != nullptr);
    vfs_ = *default_;
    vfs_.zName = kName;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + default_->szOsFile;
    vfs_.xOpen = &FaultVfs::open;
    vfs_.xDelete = &FaultVfs::remove;
    vfs_.pNext = nullptr;
    SQ_ASSERT(sqlite3_vfs_register(&vfs_, 0) == SQLITE_OK);
  }

  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto* opened = reinterpret_cast<File*>(file);
    opened->base.pMethods = nullptr;
    opened->is_wal = (flags & SQLITE_OPEN_WAL) != 0;
    opened->name = name;
    opened->real = reinterpret_cast<sqlite3_file*>(opened + 1);
    sqlite3_vfs* behind = instance().default_;
    const int result = behind->xOpen(behind, name, opened->real, flags, out_flags);
    if (opened->real->pMethods != nullptr) opened->base.pMethods = &methods();
    return result;
  }

  static int remove(sqlite3_vfs*, const char* name, int sync_directory) {
    sqlite3_vfs* behind = instance().default_;
    instance().note(Change::Kind::kDelete, name, sync_directory != 0 ? 1 : 0, {});
    return behind->xDelete(behind, name, sync_directory);
  }

  void note(Change::Kind kind, const char* name, int64_t offset, std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    if (!recording_ || name == nullptr) return;
    changes_.push_back({kind, std::filesystem::path(name).filename().string(), offset, std::string(bytes)});
  }

  // The failure of this call, if it is the one; SQLITE_OK else.
  int failure_now(bool is_sync) {
    if (++calls != fail_at_call) return SQLITE_OK;
    failed_at_flush = is_sync;
    if (is_sync) return SQLITE_IOERR_FSYNC;
    return fault_ == Fault::kFull ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  }

  static int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    FaultVfs& vfs = instance();
    if (vfs.disk_full) return SQLITE_FULL;
    if (const int failure = vfs.failure_now(false); failure != SQLITE_OK) {
      if (vfs.fault_ == Fault::kShort) real(file)->pMethods->xWrite(real(file), bytes, count / 2, offset);
      return failure;
    }
    vfs.note(Change::Kind::kWrite, reinterpret_cast<File*>(file)->name, offset,
             {static_cast<const char*>(bytes), static_cast<size_t>(count)});
    return real(file)->pMethods->xWrite(real(file), bytes, count, offset);
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (const int failure = instance().failure_now(false); failure != SQLITE_OK) return SQLITE_IOERR_TRUNCATE;
    instance().note(Change::Kind::kTruncate, reinterpret_cast<File*>(file)->name, size, {});
    return real(file)->pMethods->xTruncate(real(file), size);
  }

  static int sync(sqlite3_file* file, int flags) {
    FaultVfs& vfs = instance();
    const bool is_wal = reinterpret_cast<File*>(file)->is_wal;
    ++(is_wal ? vfs.wal_syncs : vfs.database_syncs);
    if (is_wal ? vfs.fail_wal_sync : vfs.fail_database_sync) return SQLITE_IOERR_FSYNC;
    if (const int failure = vfs.failure_now(true); failure != SQLITE_OK) return failure;
    const int result = real(file)->pMethods->xSync(real(file), flags);
    vfs.note(Change::Kind::kSync, reinterpret_cast<File*>(file)->name, 0, {});
    return result;
  }

  static const sqlite3_io_methods& methods() {
    static const sqlite3_io_methods kMethods = {
        .iVersion = 2,  // 3 would be memory-mapped reads, which squall does not use
        .xClose = [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); },
        .xRead = [](sqlite3_file* f, void* to, int n,
                    sqlite3_int64 at) { return real(f)->pMethods->xRead(real(f), to, n, at); },
        .xWrite = &FaultVfs::write,
        .xTruncate = &FaultVfs::truncate,
        .xSync = &FaultVfs::sync,
        .xFileSize = [](sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); },
        .xLock = [](sqlite3_file* f, int lock) { return real(f)->pMethods->xLock(real(f), lock); },
        .xUnlock = [](sqlite3_file* f, int lock) { return real(f)->pMethods->xUnlock(real(f), lock); },
        .xCheckReservedLock = [](sqlite3_file* f,
                                 int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); },
        .xFileControl = [](sqlite3_file* f, int op,
                           void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); },
        .xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); },
        .xDeviceCharacteristics = [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); },
        .xShmMap = [](sqlite3_file* f, int page, int size, int extend,
                      void volatile** out) { return real(f)->pMethods->xShmMap(real(f), page, size, extend, out); },
        .xShmLock = [](sqlite3_file* f, int offset, int n,
                       int flags) { return real(f)->pMethods->xShmLock(real(f), offset, n, flags); },
        .xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); },
        .xShmUnmap = [](sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); },
        .xFetch = nullptr,
        .xUnfetch = nullptr,
    };
    return kMethods;
  }

  sqlite3_vfs* default_;
  sqlite3_vfs vfs_;
  Fault fault_ = Fault::kIo;
  std::mutex mutex_;
  bool recording_ = false;
  std::vector<Change> changes_;
};

}  // namespace squall::store
