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
// An event dirties some thirty pages, most of them of indexes that grow by one entry each: what a commit costs goes
// with the size of the page. (A row without rowid keeps a quarter of a page in its tree and the rest on pages of its
// own, so that larger pages would store executions of 1 to 2 KB in less space, and larger ones in more.)
inline constexpr int kPageBytes = 4096;
inline constexpr int kWriterCacheKib = 2048;             // page cache of the writer's connection
inline constexpr int kReaderCacheKib = 512;              // page cache of each read connection
inline constexpr int kWalCheckpointPages = 2000;         // pages in the write-ahead log that start a checkpoint
inline constexpr int64_t kWalKeptBytesMax = 64ll << 20;  // a longer log is cut to this size once it is checkpointed
inline constexpr int kFullRetryMillis = 500;             // between two tries to write to a full disk
inline constexpr int kBusyTimeoutMillis = 5000;          // patience with a foreign process that locks the database

}  // namespace squall::store
