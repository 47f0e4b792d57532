// Crash points: named places where a test build can be made to die, to prove that squall goes on from there.
//
// SQ_CRASH_POINT("store.committed") compiles to nothing unless the build option SQUALL_CRASH_POINTS is on (preset
// `crash`). There it counts every passing in the order of the passings, over all threads, and
//   SQUALL_CRASH_AT=17               kills the process (SIGKILL) at the 17th passing of any point,
//   SQUALL_CRASH_AT=store.applied:3  at the 3rd passing of this point,
//   SQUALL_CRASH_TRACE=FILE          appends "NUMBER NAME\n" for every passing, so that a driver knows what there is.
// tests/crash/ is the driver. Names are FOLDER.MOMENT; docs/explanation/durability.md lists them.
#pragma once

#ifdef SQUALL_CRASH_POINTS
namespace squall {
// Thread-safe. `name` must be a literal.
void pass_crash_point(const char* name);
}  // namespace squall
#define SQ_CRASH_POINT(name) ::squall::pass_crash_point(name)
#else
#define SQ_CRASH_POINT(name) static_cast<void>(0)
#endif
