// PythonSensor: the process of one Python sensor, and what is said over the line to it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "process/process.hpp"
#include "runners/virtualenv.hpp"
#include "sensors/sensor.hpp"

namespace squall::sensors {

// Bytes of one message of a sensor; a longer one ends its process.
inline constexpr size_t kSensorMessageBytesMax = 64u << 20;
// Answered calls that are remembered, so that a repeated one is answered and not carried out again.
inline constexpr size_t kSensorCallsRemembered = 256;
// Bytes of one line of a sensor's output in the log.
inline constexpr size_t kSensorLogLineBytesMax = 8u << 10;

struct PythonSensorOptions {
  std::string runtime_directory;     // python/squall_runner
  std::string python2_directory;     // where conversions of Python 2 sources are kept; empty: nowhere
  process::Environment environment;  // what every sensor's environment starts from
  // The config of a pack, dynamic values resolved; asked before each start. May be empty.
  std::function<Result<Value>(const std::string& pack)> config;
  // A call of the API on behalf of the sensor, for the datastore; `done` gets status and body on the executor.
  using ApiDone = std::function<void(int status, std::string body)>;
  using Api = std::function<void(const std::string& method, const std::string& path, const Value& query,
                                 const Value& body, ApiDone done)>;
  Api api;
  // A process that ended is started again: after `restart_delay`, then twice that, and so on; never given up. One that
  // ran for `healthy_after` begins anew.
  Duration restart_delay = std::chrono::seconds(1);
  Duration restart_delay_max = std::chrono::seconds(60);
  Duration healthy_after = std::chrono::seconds(60);
  Duration stop_grace = std::chrono::seconds(5);  // between SIGTERM, on which cleanup() is called, and SIGKILL
};

// What all sensors share; outlives them.
struct PythonSensorContext {
  Executor& executor;
  process::ProcessHost& processes;
  runners::Virtualenvs& virtualenvs;
  const Clock& clock;
  PythonSensorOptions options;
  SensorHost* host = nullptr;             // while running
  std::map<std::string, Value> triggers;  // by ref, of all types
};

// Runs in the interpreter of its pack. Everything passes over the process's own pipes (squall_runtime/channel.py has
// the format); what it prints goes to the log. A dispatched event is acknowledged once it is durable; a call that is
// made again with the same id is answered again and not carried out again.
//
// Owned by PythonSensors; shared so that late callbacks find out that it has gone. Executor's thread only.
class PythonSensor : public std::enable_shared_from_this<PythonSensor> {
 public:
  PythonSensor(PythonSensorContext& context, PackSensor sensor);

  // Starts the process, if the sensor is enabled.
  void start();
  // Ends it; start() may follow at once.
  void stop();
  // Goes on as another version of the same sensor.
  void replace(PackSensor sensor);
  // "add" or "remove" a trigger; only of its own types.
  void tell_trigger(const std::string& change, const Value& trigger);

  const PackSensor& sensor() const { return sensor_; }
  std::string ref() const { return sensor_.document["ref"].string(); }
  // {state: disabled | starting | running | restarting | stopping | stopped, message, pid, since, restarts, events,
  // events_refused, last_event, last_error, last_exit_code}.
  Value status() const;

 private:
  struct Run;  // one process, from its start to its end

  bool is_enabled() const { return sensor_.document["enabled"].bool_or(true); }
  void set_state(std::string state, std::string message = {});
  void launch();
  void start_process(const runners::Interpreter& interpreter);
  Result<std::string> request_line() const;
  process::Environment environment_of(const runners::Interpreter& interpreter) const;
  void failed(const std::string& reason);
  void restart_later(const std::string& reason);
  void ended(const std::shared_ptr<Run>& run, const process::ProcessResult& result);
  void announce(std::string_view trigger, Value payload);

  void on_output(const std::shared_ptr<Run>& run, std::string_view chunk);
  void on_error_output(const std::shared_ptr<Run>& run, std::string_view chunk);
  void on_message(const std::shared_ptr<Run>& run, std::string_view line);
  void on_call(const std::shared_ptr<Run>& run, const Value& message);
  void dispatch(const std::shared_ptr<Run>& run, const std::string& id, const Value& message);
  void call_api(const std::shared_ptr<Run>& run, const std::string& id, const Value& message);
  void answer(const std::shared_ptr<Run>& run, const std::string& id, Value answer);
  void write_log(const Value& record) const;
  bool wants(const Value& trigger) const;

  PythonSensorContext& context_;
  PackSensor sensor_;
  bool wanted_ = false;  // between start() and stop()
  std::string state_ = "stopped", message_;
  Timestamp since_{};
  std::shared_ptr<Run> run_;
  Executor::TimerId restart_timer_ = 0;
  uint64_t launches_ = 0;  // tells a late callback of an earlier launch
  Duration next_delay_{};
  int64_t restarts_ = 0, events_ = 0, events_refused_ = 0;
  Timestamp last_event_{};
  std::string last_error_;
  Value last_exit_code_;
};

}  // namespace squall::sensors
