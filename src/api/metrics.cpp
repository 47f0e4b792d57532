#include "api/metrics.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/strings.hpp"

namespace squall::api {
namespace {

// A label's value as the format wants it.
std::string label_text(std::string_view text) {
  return replace_all(replace_all(replace_all(std::string(text), "\\", "\\\\"), "\"", "\\\""), "\n", "\\n");
}

class Text {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    text_ += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }
  void sample(std::string_view name, std::string_view labels, double value) {
    text_ += labels.empty() ? fmt::format("{} {}\n", name, value) : fmt::format("{}{{{}}} {}\n", name, labels, value);
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    family(name, "gauge", help);
    sample(name, "", value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// Of this process, from /proc; the names are those of Prometheus' own client libraries.
void add_process(Text& text) {
  std::error_code error;
  size_t files = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
       entry.increment(error))
    ++files;
  text.gauge("process_open_fds", "Open file descriptors.", static_cast<double>(files));
  std::ifstream memory("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  memory >> total >> resident;
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  text.gauge("process_resident_memory_bytes", "Memory in use.", static_cast<double>(resident) * page);
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  text.family("process_cpu_seconds_total", "counter", "Processor time used.");
  text.sample("process_cpu_seconds_total", "",
              static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9);
}

}  // namespace

void Metrics::on_answer(const std::string& method, const std::string& route, int status, Duration took) {
  ++answers_[{method, route, status}];
  Times& times = times_[method];
  const double seconds = std::chrono::duration<double>(took).count();
  ++times.count;
  times.seconds += seconds;
  for (size_t i = 0; i < kBounds.size(); ++i) times.buckets[i] += seconds <= kBounds[i] ? 1 : 0;
}

std::string Metrics::text(const std::string& version, size_t connections) const {
  Text text;
  text.family("squall_build_info", "gauge", "Always 1; the label says which squall this is.");
  text.sample("squall_build_info", "version=\"" + label_text(version) + "\"", 1);
  text.family("squall_http_requests_total", "counter", "Requests answered.");
  for (const auto& [key, count] : answers_) {
    const auto& [method, route, status] = key;
    text.sample("squall_http_requests_total",
                fmt::format("method=\"{}\",route=\"{}\",status=\"{}\"", label_text(method), label_text(route), status),
                static_cast<double>(count));
  }
  text.family("squall_http_request_duration_seconds", "histogram", "Time from a request to its answer.");
  for (const auto& [method, times] : times_) {
    const std::string label = "method=\"" + label_text(method) + "\"";
    for (size_t i = 0; i < kBounds.size(); ++i)
      text.sample("squall_http_request_duration_seconds_bucket", fmt::format("{},le=\"{}\"", label, kBounds[i]),
                  static_cast<double>(times.buckets[i]));
    text.sample("squall_http_request_duration_seconds_bucket", label + ",le=\"+Inf\"",
                static_cast<double>(times.count));
    text.sample("squall_http_request_duration_seconds_sum", label, times.seconds);
    text.sample("squall_http_request_duration_seconds_count", label, static_cast<double>(times.count));
  }
  text.gauge("squall_http_connections", "Open connections.", static_cast<double>(connections));
  text.gauge("squall_executions_unfinished", "Executions that have not ended.",
             static_cast<double>(engine_.executions().live_count()));
  text.gauge("squall_executions_recovering", "Unfinished executions that a restart has yet to take up.",
             static_cast<double>(engine_.executions().unrecovered_count()));
  text.gauge("squall_store_held_up", "1 while the disk takes no more.", engine_.store().hold_up() ? 1 : 0);
  text.family("squall_sensors", "gauge", "Sensors by what they do.");
  std::map<std::string, int> states;
  const Value sensors = engine_.sensor_status();
  if (sensors.is_dict()) {
    for (const auto& [ref, sensor] : sensors.as_dict()) ++states[sensor["state"].string()];
  }
  for (const auto& [state, count] : states) text.sample("squall_sensors", "state=\"" + label_text(state) + "\"", count);
  add_process(text);
  return text.take();
}

}  // namespace squall::api
