#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <mutex>
#include <set>

#include "base/clock.hpp"
#include "base/strings.hpp"

namespace squall {
namespace {

constexpr size_t kShortestSecret = 6;
constexpr std::string_view kMask = "********";

std::atomic<LogFormat> g_format{LogFormat::kText};

struct SecretSet {
  std::mutex mutex;
  // Longest first, so that a secret that contains another is masked whole.
  std::set<std::string, decltype([](const std::string& a, const std::string& b) {
             return a.size() != b.size() ? a.size() > b.size() : a < b;
           })>
      values;
};

SecretSet& secrets() {
  static SecretSet set;
  return set;
}

spdlog::logger& logger() {
  static spdlog::logger instance = [] {
    spdlog::logger made("squall", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made.set_pattern("%v");
    return made;
  }();
  return instance;
}

const char* level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "info";
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      out += "\\u00" + hex_encode(std::string_view(&c, 1));
    } else {
      out += c;
    }
  }
  out += '"';
}

// Blanks and quotes in a value would make the line ambiguous, so such values are quoted.
void append_text_value(std::string& out, std::string_view value) {
  const bool plain = !value.empty() && value.find_first_of(" \"=\n\t") == std::string_view::npos;
  if (plain) {
    out += value;
  } else {
    append_json_string(out, value);
  }
}

std::string json_line(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  std::string line = R"({"time":")" + format_timestamp(Clock::system().now()) + R"(","level":")" + level_name(level);
  line += R"(","message":)";
  append_json_string(line, message);
  for (const LogField& field : fields) {
    line += ',';
    append_json_string(line, field.name);
    line += ':';
    append_json_string(line, field.value);
  }
  return line + '}';
}

std::string text_line(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  std::string line = format_timestamp(Clock::system().now()) + ' ' + level_name(level) + ' ' + std::string(message);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    append_text_value(line, field.value);
  }
  return line;
}

}  // namespace

void configure_log(LogLevel level, LogFormat format) {
  g_format = format;
  logger().set_level(to_spdlog(level));
}

bool parse_log_level(std::string_view name, LogLevel& level) {
  for (const LogLevel candidate : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (name == level_name(candidate)) {
      level = candidate;
      return true;
    }
  }
  return false;
}

void add_log_secret(std::string_view secret) {
  if (secret.size() < kShortestSecret) return;
  const std::lock_guard lock(secrets().mutex);
  secrets().values.emplace(secret);
}

std::string mask_secrets(std::string_view text) {
  std::string masked(text);
  const std::lock_guard lock(secrets().mutex);
  for (const std::string& secret : secrets().values) {
    if (masked.find(secret) != std::string::npos) masked = replace_all(masked, secret, kMask);
  }
  return masked;
}

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!logger().should_log(to_spdlog(level))) return;
  const std::string line =
      g_format == LogFormat::kJson ? json_line(level, message, fields) : text_line(level, message, fields);
  logger().log(to_spdlog(level), mask_secrets(line));
  logger().flush();
}

}  // namespace squall
