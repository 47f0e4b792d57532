#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace squall {

void assertion_failed(const char* expression, const char* file, int line) {
  // stdio without our logger: the logger may be what is broken.
  std::fprintf(stderr, "squall: assertion failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace squall
