#include "runners/python.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/strings.hpp"
#include "runners/child_action.hpp"
#include "runners/outcome.hpp"
#include "runners/python_result.hpp"
#include "value/json.hpp"

namespace squall::runners {
namespace {

// Parameters of the runner, which run() does not get even where an action changes their defaults.
constexpr std::array<std::string_view, 5> kRunnerParameters = {"debug", "content_version", "env", "timeout",
                                                               "log_level"};

bool is_runner_parameter(std::string_view name) {
  return std::find(kRunnerParameters.begin(), kRunnerParameters.end(), name) != kRunnerParameters.end();
}

// run() is called with every parameter that is declared, absent ones as None.
Value all_parameters(const ActionRequest& request) {
  Value parameters = request.action_parameters;
  if (parameters.is_null()) parameters = Value::empty_dict();
  if (!request.parameter_schema.is_dict()) return parameters;
  for (const auto& [name, definition] : request.parameter_schema.as_dict())
    if (!parameters.contains(name) && !is_runner_parameter(name)) parameters.set(name, Value());
  return parameters;
}

// The document that run_action.py and zygote.py read. `environment` is for the latter.
Result<std::string> request_document(const ActionRequest& request, const std::string& file,
                                     const PythonOptions& options, const process::Environment* environment) {
  Value document = Value::dict({{"pack", request.pack},
                                {"file_path", file},
                                {"user", request.user},
                                {"config", request.config.is_dict() ? request.config : Value::empty_dict()},
                                {"parameters", all_parameters(request)},
                                {"python2_directory", options.python2_directory},
                                {"log_level", request.runner_parameters["log_level"].string_or("DEBUG")}});
  if (environment != nullptr) {
    Value variables = Value::empty_dict();
    for (const auto& [name, value] : *environment) variables.set(name, text_of(value));
    document.set("environment", std::move(variables));
  }
  return write_json(document, JsonStyle::python());
}

process::Environment environment_of(const ActionRequest& request, const Interpreter& interpreter,
                                    const PythonOptions& options) {
  process::Environment environment = options.environment;
  if (!interpreter.directory.empty()) {
    environment["VIRTUAL_ENV"] = interpreter.directory;
    environment["PATH"] = interpreter.directory + "/bin:" + environment["PATH"];
  }
  process::Environment chosen;
  add_user_variables(request.runner_parameters["env"], chosen);
  for (auto& [name, value] : chosen)
    if (to_lower(name) != "pythonpath") environment[name] = std::move(value);  // it would break the runtime
  environment["PYTHONPATH"] = options.runtime_directory + ":" + absolute_path(request.pack_path + "/actions/lib");
  add_action_variables(request, environment);
  environment["ST2_API_URL"] = request.api_url;
  if (!request.auth_token.empty()) environment["ST2_AUTH_TOKEN"] = request.auth_token;
  return environment;
}

class PythonRunner final : public Runner {
 public:
  PythonRunner(Executor& executor, process::ProcessHost& processes, Virtualenvs& virtualenvs, PythonOptions options,
               ForkServers* servers)
      : context_{"python-script", executor, processes},
        virtualenvs_(virtualenvs),
        servers_(servers),
        options_(std::move(options)) {
    options_.runtime_directory = absolute_path(options_.runtime_directory);
    if (!options_.python2_directory.empty()) options_.python2_directory = absolute_path(options_.python2_directory);
  }

  void start(const ActionRequest& request, StopToken stop, RunHandlers handlers) override {
    const Result<std::string> file = check(request);
    if (!file) return post(std::move(handlers), failed_outcome(context_.runner, file.error().message()));
    virtualenvs_.ensure(request.pack, request.pack_path,
                        [this, request, stop, handlers, file = *file](Result<Interpreter> interpreter) {
                          if (!interpreter)
                            return post(handlers, failed_outcome(context_.runner, interpreter.error().message()));
                          Attempt attempt{request, stop, handlers, file, *interpreter};
                          if (servers_ == nullptr) return run(attempt, "");
                          servers_->ensure(*interpreter,
                                           [this, attempt](const std::string& socket) { run(attempt, socket); });
                        });
  }

  bool is_idempotent(const ActionRequest&) const override { return false; }
  bool uses_process() const override { return true; }

 private:
  static Result<std::string> check(const ActionRequest& request) {
    if (!request.runner_parameters["content_version"].string().empty())
      return fail(ErrorCode::kInvalid,
                  "content_version is not supported: the pack's files are run as they are on disk");
    return entry_point_path(request);
  }

  static ActionOutcome canceled() {
    return {"canceled", Value::dict({{"stdout", ""}, {"stderr", ""}, {"exit_code", 0}, {"result", "None"}}), nullptr};
  }

  void post(RunHandlers handlers, ActionOutcome outcome) {
    context_.executor.post([done = std::move(handlers.on_done), outcome = std::move(outcome)] { done(outcome); });
  }

  // Everything that one run needs.
  struct Attempt {
    ActionRequest request;
    StopToken stop;
    RunHandlers handlers;
    std::string file;
    Interpreter interpreter;
  };

  // Forked from the server that listens on `socket`, or in an interpreter of its own when that is empty.
  void run(const Attempt& attempt, const std::string& socket) {
    if (attempt.stop.stopped()) return post(attempt.handlers, canceled());
    process::Environment environment = environment_of(attempt.request, attempt.interpreter, options_);
    auto document = request_document(attempt.request, attempt.file, options_, socket.empty() ? nullptr : &environment);
    if (!document) return post(attempt.handlers, failed_outcome(context_.runner, document.error().message()));
    ChildLaunch launch;
    launch.spec.arguments = {attempt.interpreter.python, "-u", options_.runtime_directory + "/run_action.py"};
    launch.spec.environment = std::move(environment);
    launch.spec.input = std::move(*document);
    launch.spec.timeout = timeout_of(attempt.request.runner_parameters["timeout"]);
    launch.spec.processes_max = kActionProcessesMax;
    launch.fork_socket = socket;
    launch.on_refused = [this, attempt](const Error& error) {
      servers_->report_broken(attempt.interpreter, error);
      run(attempt, "");
    };

    auto filter = std::make_shared<ResultFilter>();
    const auto show = [filter](OutputKind kind, std::string_view chunk, const RunHandlers& next) {
      if (!next.on_output) return;
      const std::string shown = kind == OutputKind::kStdout ? filter->feed(chunk) : std::string(chunk);
      if (!shown.empty()) next.on_output(kind, shown);
    };
    const auto conclude = [filter, on_output = attempt.handlers.on_output,
                           timeout = attempt.request.runner_parameters["timeout"]](process::ProcessResult& result) {
      if (const std::string rest = filter->finish(); !rest.empty() && on_output) on_output(OutputKind::kStdout, rest);
      return python_outcome(result, timeout);
    };
    run_child(context_, std::move(launch), attempt.stop, attempt.handlers, conclude, show);
  }

  ChildContext context_;
  Virtualenvs& virtualenvs_;
  ForkServers* servers_;
  PythonOptions options_;
};

}  // namespace

std::unique_ptr<Runner> make_python_runner(Executor& executor, process::ProcessHost& processes,
                                           Virtualenvs& virtualenvs, PythonOptions options, ForkServers* servers) {
  return std::make_unique<PythonRunner>(executor, processes, virtualenvs, std::move(options), servers);
}

}  // namespace squall::runners
