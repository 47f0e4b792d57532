// For tests only: what an expression costs at most before a limit ends it.
#pragma once

#include <time.h>

#include <algorithm>
#include <chrono>

namespace squall::expr {

// 100 ms are promised on a machine that does nothing else; one that runs all tests at once needs several times as long
// for the same instructions. Builds that are not optimised, or have sanitizers, are slower.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
inline constexpr double kLimitSeconds = 0.5;
#else
inline constexpr double kLimitSeconds = 15;
#endif

inline double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Processor seconds that `work` takes, of a few attempts the first that keeps the promise: on a busy machine, with
// shared caches and stolen time, one attempt says little.
template <typename Work>
double cost_of(Work work) {
  double best = 1e9;
  for (int attempt = 0; attempt < 4 && best >= kLimitSeconds; ++attempt) {
    const double start = thread_cpu_seconds();
    work();
    best = std::min(best, thread_cpu_seconds() - start);
  }
  return best;
}

}  // namespace squall::expr
