// A SQLite VFS in front of the default one that counts flushes and fails on request. For tests only.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstring>
#include <string>

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
  }

  std::atomic<int> wal_syncs = 0;
  std::atomic<int> database_syncs = 0;
  std::atomic<bool> fail_wal_sync = false;
  std::atomic<bool> fail_database_sync = false;
  std::atomic<bool> disk_full = false;

 private:
  struct File {
    sqlite3_file base;
    bool is_wal;
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
    vfs_.pNext = nullptr;
    SQ_ASSERT(sqlite3_vfs_register(&vfs_, 0) == SQLITE_OK);
  }

  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto* opened = reinterpret_cast<File*>(file);
    opened->base.pMethods = nullptr;
    opened->is_wal = (flags & SQLITE_OPEN_WAL) != 0;
    opened->real = reinterpret_cast<sqlite3_file*>(opened + 1);
    sqlite3_vfs* behind = instance().default_;
    const int result = behind->xOpen(behind, name, opened->real, flags, out_flags);
    if (opened->real->pMethods != nullptr) opened->base.pMethods = &methods();
    return result;
  }

  static int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    if (instance().disk_full) return SQLITE_FULL;
    return real(file)->pMethods->xWrite(real(file), bytes, count, offset);
  }

  static int sync(sqlite3_file* file, int flags) {
    FaultVfs& vfs = instance();
    const bool is_wal = reinterpret_cast<File*>(file)->is_wal;
    ++(is_wal ? vfs.wal_syncs : vfs.database_syncs);
    if (is_wal ? vfs.fail_wal_sync : vfs.fail_database_sync) return SQLITE_IOERR_FSYNC;
    return real(file)->pMethods->xSync(real(file), flags);
  }

  static const sqlite3_io_methods& methods() {
    static const sqlite3_io_methods kMethods = {
        .iVersion = 2,  // 3 would be memory-mapped reads, which squall does not use
        .xClose = [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); },
        .xRead = [](sqlite3_file* f, void* to, int n,
                    sqlite3_int64 at) { return real(f)->pMethods->xRead(real(f), to, n, at); },
        .xWrite = &FaultVfs::write,
        .xTruncate = [](sqlite3_file* f, sqlite3_int64 size) { return real(f)->pMethods->xTruncate(real(f), size); },
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
};

}  // namespace squall::store
