// libFuzzer's entry: one program for all targets, chosen by the environment variable SQUALL_FUZZ_TARGET.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "targets.hpp"

namespace {

squall::fuzz::Target chosen_target() {
  const char* name = std::getenv("SQUALL_FUZZ_TARGET");
  const auto found = squall::fuzz::targets().find(name == nullptr ? "" : name);
  if (found != squall::fuzz::targets().end()) return found->second;
  std::fprintf(stderr, "SQUALL_FUZZ_TARGET must be one of:");
  for (const auto& [known, target] : squall::fuzz::targets()) std::fprintf(stderr, " %s", std::string(known).c_str());
  std::fprintf(stderr, "\n");
  std::exit(2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const squall::fuzz::Target target = chosen_target();
  const std::string problem = target({reinterpret_cast<const char*>(data), size});
  if (problem.empty()) return 0;
  std::fprintf(stderr, "wrong: %s\n", problem.c_str());
  std::abort();
}
