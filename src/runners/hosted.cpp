#include "runners/hosted.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "runners/child_action.hpp"
#include "runners/outcome.hpp"
#include "runners/python_result.hpp"
#include "value/json.hpp"
#include "value/yaml.hpp"

namespace squall::runners {
namespace {

namespace fs = std::filesystem;

Value variables_of(const ActionRequest& request) {
  process::Environment environment;
  add_action_variables(request, environment);
  Value variables = Value::empty_dict();
  for (const auto& [name, value] : environment) variables.set(name, value);
  return variables;
}

// What run_runner.py reads.
Result<std::string> request_document(const ActionRequest& request, const HostedRunnerType& type) {
  std::string entry_point;
  if (!request.entry_point.empty()) {
    SQ_TRY(entry_point, entry_point_path(request));
  }
  const auto dict = [](const Value& value) { return value.is_dict() ? value : Value::empty_dict(); };
  const Value document = Value::dict({{"runner", Value::dict({{"name", type.name},
                                                              {"directory", type.directory},
                                                              {"package", type.package},
                                                              {"module", type.module},
                                                              {"parameters", dict(type.parameters)}})},
                                      {"action", Value::dict({{"ref", request.action_ref},
                                                              {"pack", request.pack},
                                                              {"parameters", dict(request.parameter_schema)},
                                                              {"entry_point", request.entry_point}})},
                                      {"entry_point", entry_point},
                                      {"runner_parameters", dict(request.runner_parameters)},
                                      {"action_parameters", dict(request.action_parameters)},
                                      {"config", dict(request.config)},
                                      {"context", dict(request.context)},
                                      {"common_variables", variables_of(request)},
                                      {"execution_id", request.execution_id},
                                      {"liveaction_id", request.liveaction_id},
                                      {"auth_token", request.auth_token}});
  return write_json(document, JsonStyle::python());
}

ActionOutcome hosted_outcome(const std::string& runner, const process::ProcessResult& process, const Value& timeout) {
  if (process.timed_out) {
    return {"timeout",
            Value::dict(
                {{"error", timeout_error(timeout)}, {"traceback", fmt::format("in the runner {} of squall", runner)}}),
            nullptr};
  }
  if (process.too_many_processes) return failed_outcome(runner, processes_error());
  const auto answer = delimited_answer(process.standard_output);
  auto document = answer ? parse_json(*answer, JsonDialect::kPython) : Result<Value>(Value());
  if (!answer || !document || !document->is_dict()) {
    const std::string told = text_of(process.standard_error);
    return failed_outcome(runner, fmt::format("the runner ended with exit code {} and without a result{}{}",
                                              process.exit_code, told.empty() ? "" : ": ", told));
  }
  return {(*document)["status"].string(), (*document)["result"], nullptr};
}

class HostedRunner final : public Runner {
 public:
  HostedRunner(Executor& executor, process::ProcessHost& processes, Virtualenvs& virtualenvs, HostedRunnerType type,
               HostedOptions options)
      : context_{type.name, executor, processes},
        virtualenvs_(virtualenvs),
        type_(std::move(type)),
        options_(std::move(options)) {
    options_.runtime_directory = absolute_path(options_.runtime_directory);
    type_.directory = absolute_path(type_.directory);
  }

  void start(const ActionRequest& request, StopToken stop, RunHandlers handlers) override {
    auto document = request_document(request, type_);
    if (!document) return post(std::move(handlers), failed_outcome(type_.name, document.error().message()));
    // No pack can have this name: those of packs have no dot.
    virtualenvs_.ensure("runner." + fs::path(type_.directory).filename().string(), type_.directory,
                        [this, stop, handlers, input = *document,
                         timeout = request.runner_parameters["timeout"]](Result<Interpreter> interpreter) {
                          if (!interpreter)
                            return post(handlers, failed_outcome(type_.name, interpreter.error().message()));
                          if (stop.stopped()) return post(handlers, {"canceled", Value::empty_dict(), nullptr});
                          run(*interpreter, input, timeout, stop, handlers);
                        });
  }

  bool is_idempotent(const ActionRequest&) const override { return false; }
  bool uses_process() const override { return true; }

 private:
  void post(RunHandlers handlers, ActionOutcome outcome) {
    context_.executor.post([done = std::move(handlers.on_done), outcome = std::move(outcome)] { done(outcome); });
  }

  void run(const Interpreter& interpreter, const std::string& input, const Value& timeout, const StopToken& stop,
           const RunHandlers& handlers) {
    ChildLaunch launch;
    launch.spec.arguments = {interpreter.python, "-u", options_.runtime_directory + "/run_runner.py"};
    launch.spec.environment = options_.environment;
    launch.spec.environment["PYTHONPATH"] = options_.runtime_directory;
    launch.spec.input = input;
    launch.spec.processes_max = kActionProcessesMax;
    const Duration limit = timeout_of(timeout);
    if (limit > Duration::zero()) launch.spec.timeout = limit + kHostedGrace;
    auto filter = std::make_shared<ResultFilter>();
    const auto show = [filter](OutputKind kind, std::string_view chunk, const RunHandlers& next) {
      if (!next.on_output) return;
      const std::string shown = kind == OutputKind::kStdout ? filter->feed(chunk) : std::string(chunk);
      if (!shown.empty()) next.on_output(kind, shown);
    };
    const auto conclude = [name = type_.name, timeout](process::ProcessResult& result) {
      return hosted_outcome(name, result, timeout);
    };
    run_child(context_, std::move(launch), stop, handlers, conclude, show);
  }

  ChildContext context_;
  Virtualenvs& virtualenvs_;
  HostedRunnerType type_;
  HostedOptions options_;
};

// One entry of a runner.yaml, or what is wrong with it.
Result<Value> check_type(const Value& entry) {
  for (const char* name : {"name", "runner_module"})
    if (!entry[name].is_string() || entry[name].empty())
      return fail(ErrorCode::kInvalid, fmt::format("it has no \"{}\"", name));
  if (!entry["runner_parameters"].is_null() && !entry["runner_parameters"].is_dict())
    return fail(ErrorCode::kInvalid, "\"runner_parameters\" has to be a map of parameters");
  Value type = entry;
  const std::string module = entry["runner_module"].string();
  if (entry["runner_package"].string().empty()) type.set("runner_package", module);
  if (!entry["runner_parameters"].is_dict()) type.set("runner_parameters", Value::empty_dict());
  if (!entry.contains("enabled")) type.set("enabled", true);
  if (!entry["output_schema"].is_dict()) type.set("output_schema", Value::empty_dict());
  if (!entry.contains("description")) type.set("description", "");
  type.set("uid", "runner_type:" + entry["name"].string());
  return type;
}

void add_types(const fs::path& file, HostedRunnerTypes& found) {
  const auto refuse = [&](const Error& error) {
    log_error("a runner is left out", {{"file", file.string()}, {"reason", error.to_string()}});
  };
  const auto text = read_file(file.string());
  if (!text) return refuse(text.error());
  const auto parsed = parse_yaml(*text);
  if (!parsed) return refuse(parsed.error());
  const Value entries = parsed->is_list() ? *parsed : Value::list({*parsed});
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto type = check_type(entries[i]);
    if (!type) {
      refuse(type.error());
      continue;
    }
    found.types.push_back({(*type)["name"].string(), file.parent_path().string(), (*type)["runner_package"].string(),
                           (*type)["runner_module"].string(), (*type)["runner_parameters"]});
    found.documents.push_back(*type);
  }
}

}  // namespace

std::unique_ptr<Runner> make_hosted_runner(Executor& executor, process::ProcessHost& processes,
                                           Virtualenvs& virtualenvs, HostedRunnerType type, HostedOptions options) {
  return std::make_unique<HostedRunner>(executor, processes, virtualenvs, std::move(type), std::move(options));
}

HostedRunnerTypes find_hosted_runners(const std::vector<std::string>& directories) {
  HostedRunnerTypes found;
  for (const std::string& directory : directories) {
    std::vector<fs::path> runners;
    std::error_code error;
    for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
      if (fs::is_regular_file(it->path() / "runner.yaml")) runners.push_back(it->path());
    if (error)
      log_error("a directory of runners cannot be read", {{"directory", directory}, {"reason", error.message()}});
    std::sort(runners.begin(), runners.end());
    for (const fs::path& runner : runners) add_types(runner / "runner.yaml", found);
  }
  return found;
}

std::vector<HostedRunnerType> winrm_runner_types(const std::string& directory) {
  const std::string package = "winrm_runner", place = directory + "/" + package;
  return {{"winrm-cmd", place, package, "winrm_command_runner", Value()},
          {"winrm-ps-cmd", place, package, "winrm_ps_command_runner", Value()},
          {"winrm-ps-script", place, package, "winrm_ps_script_runner", Value()}};
}

}  // namespace squall::runners
