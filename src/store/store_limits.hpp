// Named limits of the store.
#pragma once

#include <cstddef>
#include <cstdint>

namespace squall::store {

inline constexpr size_t kIdBytesMax = 1024;
inline constexpr size_t kQueuedWritesMax = 100'000;  // waiting writes; more are refused with kLimit
inline constexpr size_t kBatchWritesMax = 256;       // writes that share one transaction and one disk flush

inline constexpr int kReadersMax = 4;         // SQLite read connections, opened when first needed
inline constexpr size_t kStatementsMax = 64;  // prepared statements kept per connection
// A row without rowid keeps up to a quarter of a page in its tree and the rest on pages of its own: with SQLite's 4096
// an execution of 1.5 KB costs 5 KB on the disk, with 8192 it costs 2 KB, and writing is no slower.
inline constexpr int kPageBytes = 8192;
inline constexpr int kWriterCacheKib = 2048;             // page cache of the writer's connection
inline constexpr int kReaderCacheKib = 512;              // page cache of each read connection
inline constexpr int kWalCheckpointPages = 1000;         // pages in the write-ahead log that start a checkpoint
inline constexpr int64_t kWalKeptBytesMax = 64ll << 20;  // a longer log is cut to this size once it is checkpointed
inline constexpr int kFullRetryMillis = 500;             // between two tries to write to a full disk
inline constexpr int kBusyTimeoutMillis = 5000;          // patience with a foreign process that locks the database

}  // namespace squall::store
