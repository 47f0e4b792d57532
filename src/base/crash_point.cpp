#include "base/crash_point.hpp"

#ifdef SQUALL_CRASH_POINTS

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <string>

#include "base/strings.hpp"

namespace squall {
namespace {

class CrashPoints {
 public:
  CrashPoints() {
    if (const char* file = std::getenv("SQUALL_CRASH_TRACE"); file != nullptr && *file != '\0') {
      trace_ = ::open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    const char* given = std::getenv("SQUALL_CRASH_AT");
    std::string at = given != nullptr ? given : "";
    if (const size_t colon = at.rfind(':'); colon != std::string::npos) {
      name_ = at.substr(0, colon);
      at = at.substr(colon + 1);
    }
    at_ = parse_int(at).value_or(0);
  }

  void pass(const char* name) {
    const std::lock_guard lock(mutex_);
    const int64_t number = ++passed_;
    const int64_t of_name = ++passed_by_name_[name];
    if (trace_ >= 0) {
      const std::string line = std::to_string(number) + " " + name + "\n";
      // A lost line would only make the driver try one point less.
      [[maybe_unused]] const auto written = ::write(trace_, line.data(), line.size());
    }
    // Every other thread stops with us: the lock is held until the process is gone.
    if (at_ > 0 && (name_.empty() ? number : name_ == name ? of_name : 0) == at_) {
      ::kill(::getpid(), SIGKILL);
      while (true) ::pause();
    }
  }

 private:
  std::mutex mutex_;
  int64_t passed_ = 0;
  std::map<std::string, int64_t, std::less<>> passed_by_name_;
  int64_t at_ = 0;
  std::string name_;
  int trace_ = -1;
};

}  // namespace

void pass_crash_point(const char* name) {
  static CrashPoints points;
  points.pass(name);
}

}  // namespace squall

#endif
