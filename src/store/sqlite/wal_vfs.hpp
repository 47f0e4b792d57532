// A SQLite VFS for the writer's connection that gathers what goes into the write-ahead log.
//
// SQLite writes every frame of the log with two calls (a header of 24 bytes, then the page), so that a transaction of
// forty pages costs eighty calls before its one flush. Frames lie one behind the other; they are kept here until the
// log is flushed, read or measured, and then go to the file in one call. Nobody can miss them before that: with
// synchronous=FULL SQLite flushes the log before it publishes the new frames in the shared index, so other connections
// never look for a frame that has not reached the file. Without that flush (synchronous=NORMAL) it must not be used.
#pragma once

#include <string>

namespace squall::store {

// The name of the VFS that works in front of the one called `behind` (empty: the default one); registered on the first
// call and never removed. Thread-safe.
std::string wal_vfs(const std::string& behind);

}  // namespace squall::store
