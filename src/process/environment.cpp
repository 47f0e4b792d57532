#include "process/environment.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/strings.hpp"

namespace squall::process {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";
constexpr std::string_view kOwnPrefix = "SQUALL_";

bool is_executable_file(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

Environment inherited_environment() {
  Environment result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || text.starts_with(kOwnPrefix)) continue;
    result.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

Result<std::string> find_program(std::string_view program, std::string_view path) {
  if (program.empty()) return fail(ErrorCode::kNotFound, "no program to start: its name is empty");
  if (program.find('/') != std::string_view::npos) return std::string(program);
  const std::string_view searched = path.empty() ? kDefaultPath : path;
  for (const std::string& directory : split(searched, ':')) {
    // An empty entry means the working directory. Nobody wants a program from there by accident.
    if (directory.empty()) continue;
    std::string candidate = directory + "/" + std::string(program);
    if (is_executable_file(candidate)) return candidate;
  }
  return fail(ErrorCode::kNotFound, fmt::format("no such program: {} (looked in {})", program, searched));
}

}  // namespace squall::process
