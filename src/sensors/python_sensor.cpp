#include "sensors/python_sensor.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "runners/outcome.hpp"
#include "sensors/python_sensor_run.hpp"
#include "value/json.hpp"

namespace squall::sensors {
namespace {

constexpr std::string_view kFileScheme = "file://";
// StackStorm's triggers about sensor processes (stackstorm-features.md G-5).
constexpr std::string_view kSpawnTrigger = "core.st2.sensor.process_spawn";
constexpr std::string_view kExitTrigger = "core.st2.sensor.process_exit";

std::string file_of(const Value& document) {
  const std::string uri = document["artifact_uri"].string();
  return uri.starts_with(kFileScheme) ? uri.substr(kFileScheme.size()) : uri;
}

std::string seconds_text(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count() / 1000) + " s";
}

int64_t seconds_of(Timestamp time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string end_text(const process::ProcessResult& result) {
  if (result.exit_code == 0) return "run() returned";
  if (result.exit_code < 0) return "its process was ended by signal " + std::to_string(-result.exit_code);
  return "its process ended with exit code " + std::to_string(result.exit_code);
}

}  // namespace

PythonSensor::PythonSensor(PythonSensorContext& context, PackSensor sensor)
    : context_(context),
      sensor_(std::move(sensor)),
      since_(context.clock.now()),
      next_delay_(context.options.restart_delay) {}

void PythonSensor::set_state(std::string state, std::string message) {
  if (state_ != state) since_ = context_.clock.now();
  state_ = std::move(state);
  message_ = std::move(message);
}

void PythonSensor::start() {
  wanted_ = true;
  if (!is_enabled()) return set_state("disabled");
  if (run_ != nullptr) return;  // the one before is just ending; ended() goes on
  next_delay_ = context_.options.restart_delay;
  launch();
}

void PythonSensor::stop() {
  wanted_ = false;
  ++launches_;
  context_.executor.cancel(restart_timer_);
  if (run_ == nullptr) return set_state(is_enabled() ? "stopped" : "disabled");
  set_state("stopping");
  run_->process->kill(context_.options.stop_grace);
}

void PythonSensor::replace(PackSensor sensor) {
  const bool was_wanted = wanted_;
  stop();
  const bool is_ending = run_ != nullptr;
  sensor_ = std::move(sensor);
  if (was_wanted) start();
  if (is_ending) set_state("stopping", is_enabled() ? "to start again with what has changed" : "it was disabled");
}

void PythonSensor::launch() {
  set_state("starting");
  const uint64_t launch = ++launches_;
  context_.virtualenvs.ensure(sensor_.document["pack"].string(), sensor_.pack_path,
                              [weak = weak_from_this(), launch](const Result<runners::Interpreter>& interpreter) {
                                const auto self = weak.lock();
                                if (!self || !self->wanted_ || self->launches_ != launch) return;
                                if (!interpreter) return self->failed(interpreter.error().message());
                                self->start_process(*interpreter);
                              });
}

process::Environment PythonSensor::environment_of(const runners::Interpreter& interpreter) const {
  process::Environment environment = context_.options.environment;
  if (!interpreter.directory.empty()) {
    environment["VIRTUAL_ENV"] = interpreter.directory;
    environment["PATH"] = interpreter.directory + "/bin:" + environment["PATH"];
  }
  environment["PYTHONPATH"] = context_.options.runtime_directory;
  return environment;
}

// The document that run_sensor.py reads, on one line.
Result<std::string> PythonSensor::request_line() const {
  const Value& document = sensor_.document;
  Value config = Value::empty_dict();
  if (context_.options.config) {
    SQ_TRY(config, context_.options.config(document["pack"].string()));
  }
  Value triggers = Value::empty_list();
  for (const auto& [ref, trigger] : context_.triggers)
    if (wants(trigger)) triggers.push_back(trigger);
  const Value request = Value::dict({{"pack", document["pack"]},
                                     {"class_name", document["class_name"]},
                                     {"file_path", file_of(document)},
                                     {"config", config},
                                     {"poll_interval", document["poll_interval"]},
                                     {"python2_directory", context_.options.python2_directory},
                                     {"triggers", triggers}});
  SQ_TRY(std::string line, write_json(request, JsonStyle::python()));
  return line + "\n";
}

void PythonSensor::start_process(const runners::Interpreter& interpreter) {
  auto request = request_line();
  if (!request) return failed(request.error().message());
  auto run = std::make_shared<Run>();
  run->started_at = context_.clock.monotonic();
  process::ProcessSpec spec;
  spec.arguments = {interpreter.python, "-u", context_.options.runtime_directory + "/run_sensor.py"};
  spec.environment = environment_of(interpreter);
  process::ProcessHandlers handlers;
  handlers.keep_input_open = true;
  handlers.collect_output = false;
  handlers.on_output = [weak = weak_from_this(), run](process::OutputStream stream, std::string_view chunk) {
    const auto self = weak.lock();
    if (!self) return;
    if (stream == process::OutputStream::kStandardOutput)
      self->on_output(run, chunk);
    else
      self->on_error_output(run, chunk);
  };
  handlers.on_exit = [weak = weak_from_this(), run](const process::ProcessResult& result) {
    if (const auto self = weak.lock()) self->ended(run, result);
  };
  auto process = context_.processes.start(std::move(spec), std::move(handlers));
  if (!process) return failed(process.error().message());
  run->process = std::move(*process);
  run->process->write_input(std::move(*request));
  run_ = run;
  log_info("sensor process started", {{"sensor", ref()}, {"pid", std::to_string(run->process->pid())}});
  announce(kSpawnTrigger, Value::dict({{"id", sensor_.document["class_name"]},
                                       {"timestamp", seconds_of(context_.clock.now())},
                                       {"pid", run->process->pid()},
                                       {"cmd", interpreter.python + " -u run_sensor.py"}}));
}

void PythonSensor::failed(const std::string& reason) {
  last_error_ = mask_secrets(reason);
  restart_later(reason);
}

void PythonSensor::restart_later(const std::string& reason) {
  const Duration delay = next_delay_;
  next_delay_ = std::min(next_delay_ * 2, context_.options.restart_delay_max);
  log_warning("sensor will be started again", {{"sensor", ref()}, {"reason", reason}, {"in", seconds_text(delay)}});
  set_state("restarting", mask_secrets(reason));
  restart_timer_ = context_.executor.post_after(delay, [weak = weak_from_this(), launch = launches_] {
    const auto self = weak.lock();
    if (!self || !self->wanted_ || self->launches_ != launch) return;
    ++self->restarts_;
    self->launch();
  });
}

void PythonSensor::ended(const std::shared_ptr<Run>& run, const process::ProcessResult& result) {
  run->has_ended = true;
  on_error_output(run, "\n");  // what was left without a line's end
  last_exit_code_ = result.exit_code;
  announce(kExitTrigger, Value::dict({{"id", sensor_.document["class_name"]},
                                      {"timestamp", seconds_of(context_.clock.now())},
                                      {"exit_code", result.exit_code}}));
  const bool was_stopping = state_ == "stopping";
  if (run_ == run) run_.reset();
  if (!wanted_ || !is_enabled()) return set_state(is_enabled() ? "stopped" : "disabled");
  if (was_stopping) return start();
  if (context_.clock.monotonic() - run->started_at >= context_.options.healthy_after)
    next_delay_ = context_.options.restart_delay;
  const std::string reason = run->failure.empty() ? end_text(result) : run->failure;
  if (result.exit_code != 0 || !run->failure.empty()) last_error_ = reason;
  restart_later(reason);
}

// Nobody waits for these, and after a stop nobody hears of them.
void PythonSensor::announce(std::string_view trigger, Value payload) {
  if (context_.host == nullptr) return;
  SensorCommit commit;
  commit.emissions.push_back({std::string(trigger), std::move(payload), "", false});
  context_.host->commit(std::move(commit), [](const Status&) {});
}

bool PythonSensor::wants(const Value& trigger) const {
  const Value& types = sensor_.document["trigger_types"];
  for (size_t i = 0; i < types.size(); ++i)
    if (types[i] == trigger["type"]) return true;
  return false;
}

void PythonSensor::tell_trigger(const std::string& change, const Value& trigger) {
  if (run_ == nullptr || !wants(trigger)) return;
  run_->process->write_input(to_json(Value::dict({{"trigger", change}, {"document", trigger}})) + "\n");
}

Value PythonSensor::status() const {
  Value status = Value::dict({{"state", state_},
                              {"message", message_},
                              {"since", format_timestamp(since_)},
                              {"pid", run_ != nullptr ? Value(run_->process->pid()) : Value()},
                              {"restarts", restarts_},
                              {"events", events_},
                              {"events_refused", events_refused_},
                              {"last_event", events_ > 0 ? Value(format_timestamp(last_event_)) : Value()},
                              {"last_error", last_error_.empty() ? Value() : Value(last_error_)},
                              {"last_exit_code", last_exit_code_}});
  return status;
}

}  // namespace squall::sensors
