// SQ_ASSERT: a programmer's mistake stops the program, in release builds too. Cheap next to any I/O.
#pragma once

namespace squall {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}

#define SQ_ASSERT(expression) \
  (__builtin_expect(!!(expression), 1) ? (void)0 : ::squall::assertion_failed(#expression, __FILE__, __LINE__))
