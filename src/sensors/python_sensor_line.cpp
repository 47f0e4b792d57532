// What a Python sensor says, and what it is answered.
#include <algorithm>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "runners/outcome.hpp"
#include "sensors/python_sensor.hpp"
#include "sensors/python_sensor_run.hpp"
#include "value/json.hpp"

namespace squall::sensors {
namespace {

constexpr int kOk = 200, kMultipleChoices = 300;

LogLevel level_of(std::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warning" || name == "warn") return LogLevel::kWarning;
  if (name == "error" || name == "critical" || name == "fatal") return LogLevel::kError;
  return LogLevel::kInfo;
}

std::string shortened(std::string_view text) {
  if (text.size() <= kSensorLogLineBytesMax) return runners::text_of(text);
  return runners::text_of(text.substr(0, kSensorLogLineBytesMax)) + " ... (" + std::to_string(text.size()) + " bytes)";
}

// Only the datastore and the user are a sensor's business.
// What sensors of packs have to do with, by st2client or the datastore service. Not what gives rights: tokens, keys,
// roles.
constexpr std::string_view kAllowed[] = {
    "actionalias", "actions",      "aliasexecution", "config_schemas", "configs",     "executions",
    "inquiries",   "keys",         "packs",          "policies",       "policytypes", "ruleenforcements",
    "rules",       "runnertypes",  "sensortypes",    "timers",         "traces",      "triggerinstances",
    "triggers",    "triggertypes", "user",           "webhooks",       "workflows"};

bool is_allowed(std::string_view path) {
  if (!path.starts_with("/")) return false;
  const std::string_view group = path.substr(1, path.find('/', 1) - 1);
  return std::find(std::begin(kAllowed), std::end(kAllowed), group) != std::end(kAllowed);
}

Value error_answer(const std::string& message, Value status = {}) {
  return Value::dict({{"error", message}, {"status", std::move(status)}});
}

// The answer of the API as that to a call.
Value api_answer(int status, const std::string& body) {
  Value document;
  if (!trim(body).empty()) {
    auto parsed = parse_json(body);
    if (!parsed) return error_answer("the answer is no JSON: " + parsed.error().message(), status);
    document = std::move(*parsed);
  }
  if (status >= kOk && status < kMultipleChoices) return Value::dict({{"result", document}});
  return error_answer(document["faultstring"].is_string() ? document["faultstring"].string() : body, status);
}

}  // namespace

void PythonSensor::on_output(const std::shared_ptr<Run>& run, std::string_view chunk) {
  run->output += chunk;
  size_t start = 0;
  for (size_t end = 0; (end = run->output.find('\n', start)) != std::string::npos; start = end + 1)
    on_message(run, std::string_view(run->output).substr(start, end - start));
  run->output.erase(0, start);
  if (run->output.size() <= kSensorMessageBytesMax) return;
  run->failure = "a message of more than " + std::to_string(kSensorMessageBytesMax >> 20) + " MiB";
  run->output.clear();
  run->process->kill(Duration::zero());
}

void PythonSensor::on_error_output(const std::shared_ptr<Run>& run, std::string_view chunk) {
  std::string& waiting = run->error_output;
  waiting += chunk;
  size_t start = 0;
  for (size_t end = 0; (end = waiting.find('\n', start)) != std::string::npos; start = end + 1) {
    const std::string_view line = std::string_view(waiting).substr(start, end - start);
    if (!trim(line).empty()) log_info("sensor output", {{"sensor", ref()}, {"text", shortened(line)}});
  }
  waiting.erase(0, start);
  if (waiting.size() > kSensorLogLineBytesMax) {
    log_info("sensor output", {{"sensor", ref()}, {"text", shortened(waiting)}});
    waiting.clear();
  }
}

void PythonSensor::on_message(const std::shared_ptr<Run>& run, std::string_view line) {
  const auto message = parse_json(line);
  if (!message || !message->is_dict()) {
    log_warning("sensor said what cannot be understood", {{"sensor", ref()}, {"text", shortened(line)}});
    return;
  }
  if ((*message)["call"].is_string()) return on_call(run, *message);
  if ((*message)["log"].is_dict()) return write_log((*message)["log"]);
  if ((*message)["failed"].is_string()) {
    run->failure = mask_secrets(shortened((*message)["failed"].as_string()));
    return;
  }
  if ((*message)["state"].string_or("") == "running" && run_ == run && state_ == "starting") set_state("running");
}

void PythonSensor::write_log(const Value& record) const {
  log(level_of(record["level"].string_or("")), shortened(record["message"].string()),
      {{"sensor", ref()}, {"logger", record["name"].string()}});
}

void PythonSensor::on_call(const std::shared_ptr<Run>& run, const Value& message) {
  const std::string id = message["id"].string();
  if (run->open_calls.contains(id)) return;
  if (const auto known = run->answered.find(id); known != run->answered.end())
    return run->process->write_input(known->second);
  run->open_calls.insert(id);
  const std::string name = message["call"].string();
  if (context_.host == nullptr) return;  // stopping: nothing is promised any more
  if (name == "dispatch") return dispatch(run, id, message);
  if (name == "api") return call_api(run, id, message);
  answer(run, id, error_answer("unknown call \"" + name + "\""));
}

void PythonSensor::dispatch(const std::shared_ptr<Run>& run, const std::string& id, const Value& message) {
  if (!message["payload"].is_dict())
    return answer(run, id,
                  error_answer("the payload of an event has to be a dict, not " +
                               std::string(message["payload"].json_type_name())));
  SensorCommit commit;
  commit.emissions.push_back({message["trigger"].string(), message["payload"], message["trace_tag"].string()});
  const auto refused = std::make_shared<bool>(false);
  commit.on_refused = [weak = weak_from_this(), refused](const Emission& emission, const Error& error) {
    *refused = true;
    const auto self = weak.lock();
    if (!self) return;
    ++self->events_refused_;
    self->last_error_ = "an event for " + emission.trigger + " was refused: " + mask_secrets(error.message());
  };
  context_.host->commit(std::move(commit), [weak = weak_from_this(), run, id, refused](const Status& status) {
    const auto self = weak.lock();
    if (!self) return;
    if (!status) return self->answer(run, id, error_answer(status.error().message()));
    if (!*refused) {
      ++self->events_;
      self->last_event_ = self->context_.clock.now();
    }
    self->answer(run, id, Value::dict({{"result", !*refused}}));
  });
}

void PythonSensor::call_api(const std::shared_ptr<Run>& run, const std::string& id, const Value& message) {
  const std::string path = message["path"].string();
  if (!is_allowed(path) || !context_.options.api)
    return answer(run, id, error_answer("a sensor may not ask for " + path));
  context_.options.api(message["method"].string(), path, message["query"], message["body"],
                       [weak = weak_from_this(), run, id](int status, const std::string& body) {
                         if (const auto self = weak.lock()) self->answer(run, id, api_answer(status, body));
                       });
}

void PythonSensor::answer(const std::shared_ptr<Run>& run, const std::string& id, Value answer) {
  answer.set("id", id);
  const std::string line = to_json(answer) + "\n";
  run->open_calls.erase(id);
  run->answered[id] = line;
  run->answered_order.push_back(id);
  if (run->answered_order.size() > kSensorCallsRemembered) {
    run->answered.erase(run->answered_order.front());
    run->answered_order.pop_front();
  }
  if (!run->has_ended) run->process->write_input(line);
}

}  // namespace squall::sensors
