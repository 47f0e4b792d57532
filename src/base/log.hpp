// Logging: one line an event, text or JSON, to standard error. Thread-safe.
//
//   log_info("rule matched", {{"rule", ref}, {"trigger_instance", id}});
//
// Never give a secret to a log call. What was registered with add_log_secret() is masked all the same, as a second line
// of defence against values that arrive inside error texts of other systems.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace squall {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

struct LogField {
  std::string_view name;
  std::string value;
};

// Sets level and format for the whole process; the default is kInfo as text.
void configure_log(LogLevel level, LogFormat format);
// "debug", "info", "warning" or "error"; false leaves `level` alone.
bool parse_log_level(std::string_view name, LogLevel& level);

// From now on every occurrence of `secret` in a log line is shown as "********". Texts under 6 bytes are ignored.
void add_log_secret(std::string_view secret);
// `text` with every registered secret masked; for texts of other systems that go into records.
std::string mask_secrets(std::string_view text);

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});
inline void log_debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kDebug, message, fields);
}
inline void log_info(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kInfo, message, fields);
}
inline void log_warning(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kWarning, message, fields);
}
inline void log_error(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kError, message, fields);
}

}  // namespace squall
