#include "api/audit_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/log.hpp"
#include "value/json.hpp"
#include "value/json_form.hpp"

namespace squall::api {
namespace {

constexpr int kNotice = 5;  // syslog's level, which GELF has
constexpr unsigned kOwnerOnly = 0600;

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

}  // namespace

AuditLog::AuditLog(const Clock& clock, std::string path) : clock_(clock), path_(std::move(path)), host_(host_name()) {}

void AuditLog::write(const AuditEntry& entry) {
  const Timestamp now = clock_.now();
  const double seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
  Value line = Value::dict({{"version", "1.1"},
                            {"host", host_},
                            {"short_message", entry.message},
                            {"full_message", entry.message},
                            {"timestamp", static_cast<int64_t>(seconds)},
                            {"timestamp_f", seconds},
                            {"level", kNotice},
                            {"_time", format_timestamp(now)}});
  // What clients sent is bytes of any kind; a line is text.
  for (const auto& [name, value] : entry.facts) line.set("_" + name, valid_text(mask_secrets(value)));
  const std::string text = to_json(line) + "\n";
  const int file = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kOwnerOnly);
  const bool written = file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (file >= 0) ::close(file);
  if (!written && !broken_)
    log_error("the audit log cannot be written", {{"file", path_}, {"error", std::strerror(error)}});
  broken_ = !written;
}

}  // namespace squall::api
