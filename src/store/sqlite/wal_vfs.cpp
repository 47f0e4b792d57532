#include "store/sqlite/wal_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <new>

#include "base/assert.hpp"

namespace squall::store {
namespace {

// More than this is written without waiting for a flush, so that a huge transaction does not stand in memory twice.
constexpr size_t kGatheredBytesMax = 1 << 20;
// SQLite itself writes no more than a page at a time, and its VFS for Unix takes at most 128 KiB less one byte.
constexpr size_t kWriteBytesMax = 64 << 10;

// All but its name, its xOpen and the size of its files is a copy of the VFS behind.
struct WalVfs : sqlite3_vfs {
  std::string name;
  sqlite3_vfs* behind;
};

// An open log. SQLite allocates it; the file of the VFS behind follows it in the same block.
struct WalFile {
  sqlite3_file base;
  sqlite3_file* real;
  std::string* gathered;     // owned
  sqlite3_int64 begins = 0;  // where the gathered bytes belong
};

WalFile& of(sqlite3_file* file) { return *reinterpret_cast<WalFile*>(file); }

int write_out(WalFile& file) {
  if (file.gathered->empty()) return SQLITE_OK;
  int result = SQLITE_OK;
  for (size_t done = 0; result == SQLITE_OK && done < file.gathered->size(); done += kWriteBytesMax) {
    const size_t count = std::min(kWriteBytesMax, file.gathered->size() - done);
    result = file.real->pMethods->xWrite(file.real, file.gathered->data() + done, static_cast<int>(count),
                                         file.begins + static_cast<sqlite3_int64>(done));
  }
  // Also after a failure: SQLite rolls the transaction back and writes its frames again.
  file.gathered->clear();
  return result;
}

int close_file(sqlite3_file* file) {
  WalFile& wal = of(file);
  const int written = write_out(wal);
  delete wal.gathered;
  const int closed = wal.real->pMethods->xClose(wal.real);
  return written != SQLITE_OK ? written : closed;
}

int read_file(sqlite3_file* file, void* out, int count, sqlite3_int64 offset) {
  WalFile& wal = of(file);
  const auto end = wal.begins + static_cast<sqlite3_int64>(wal.gathered->size());
  if (offset < end && wal.begins < offset + count) {
    const int written = write_out(wal);
    if (written != SQLITE_OK) return written;
  }
  return wal.real->pMethods->xRead(wal.real, out, count, offset);
}

int write_file(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  WalFile& wal = of(file);
  const auto end = wal.begins + static_cast<sqlite3_int64>(wal.gathered->size());
  if (offset != end || wal.gathered->size() + static_cast<size_t>(count) > kGatheredBytesMax) {
    const int written = write_out(wal);
    if (written != SQLITE_OK) return written;
  }
  if (wal.gathered->empty()) wal.begins = offset;
  try {
    wal.gathered->append(static_cast<const char*>(bytes), static_cast<size_t>(count));
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
  return SQLITE_OK;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  const int written = write_out(of(file));
  return written != SQLITE_OK ? written : of(file).real->pMethods->xTruncate(of(file).real, size);
}

int sync_file(sqlite3_file* file, int flags) {
  const int written = write_out(of(file));
  return written != SQLITE_OK ? written : of(file).real->pMethods->xSync(of(file).real, flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  const int written = write_out(of(file));
  return written != SQLITE_OK ? written : of(file).real->pMethods->xFileSize(of(file).real, size);
}

int lock_file(sqlite3_file* file, int level) { return of(file).real->pMethods->xLock(of(file).real, level); }
int unlock_file(sqlite3_file* file, int level) { return of(file).real->pMethods->xUnlock(of(file).real, level); }
int check_reserved_lock(sqlite3_file* file, int* held) {
  return of(file).real->pMethods->xCheckReservedLock(of(file).real, held);
}
int file_control(sqlite3_file* file, int operation, void* argument) {
  return of(file).real->pMethods->xFileControl(of(file).real, operation, argument);
}
int sector_size(sqlite3_file* file) { return of(file).real->pMethods->xSectorSize(of(file).real); }
int device_characteristics(sqlite3_file* file) {
  return of(file).real->pMethods->xDeviceCharacteristics(of(file).real);
}

const sqlite3_io_methods& methods() {
  static const sqlite3_io_methods kMethods = [] {
    sqlite3_io_methods made{};
    made.iVersion = 1;  // a log is neither mapped nor shared memory
    made.xClose = close_file;
    made.xRead = read_file;
    made.xWrite = write_file;
    made.xTruncate = truncate_file;
    made.xSync = sync_file;
    made.xFileSize = file_size;
    made.xLock = lock_file;
    made.xUnlock = unlock_file;
    made.xCheckReservedLock = check_reserved_lock;
    made.xFileControl = file_control;
    made.xSectorSize = sector_size;
    made.xDeviceCharacteristics = device_characteristics;
    return made;
  }();
  return kMethods;
}

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  sqlite3_vfs* behind = static_cast<WalVfs*>(vfs)->behind;
  if ((flags & SQLITE_OPEN_WAL) == 0) return behind->xOpen(behind, name, file, flags, out_flags);

  auto* wal = new (file) WalFile{};
  wal->real = reinterpret_cast<sqlite3_file*>(wal + 1);
  const int result = behind->xOpen(behind, name, wal->real, flags, out_flags);
  if (wal->real->pMethods == nullptr) return result;  // SQLite closes nothing then
  wal->gathered = new std::string();
  wal->base.pMethods = &methods();
  return result;
}

}  // namespace

std::string wal_vfs(const std::string& behind) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<WalVfs>> registered;
  const std::lock_guard lock(mutex);
  std::unique_ptr<WalVfs>& mine = registered[behind];
  if (mine == nullptr) {
    sqlite3_vfs* found = sqlite3_vfs_find(behind.empty() ? nullptr : behind.c_str());
    SQ_ASSERT(found != nullptr);
    mine.reset(new WalVfs{*found, std::string("squall-wal-") + found->zName, found});
    mine->zName = mine->name.c_str();
    mine->szOsFile = static_cast<int>(sizeof(WalFile)) + found->szOsFile;
    mine->xOpen = open_file;
    mine->pNext = nullptr;
    SQ_ASSERT(sqlite3_vfs_register(mine.get(), 0) == SQLITE_OK);
  }
  return mine->name;
}

}  // namespace squall::store
