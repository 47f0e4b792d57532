#include "runners/local.hpp"

#include <fmt/core.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runners/child_action.hpp"
#include "runners/outcome.hpp"
#include "runners/script_arguments.hpp"

namespace squall::runners {
namespace {

constexpr std::string_view kDefaultKwargOp = "--";
constexpr int kInvalidSudoPassword = -1;  // return_code upstream

std::string own_user() {
  // Called at start-up only, so the static buffer of getpwuid does no harm.
  const passwd* entry = ::getpwuid(::getuid());
  return entry == nullptr ? std::to_string(::getuid()) : entry->pw_name;
}

std::string_view status_of(int exit_code) {
  switch (exit_code) {
    case 0: return "succeeded";
    case -SIGKILL: return "timeout";
    case -SIGTERM: return "abandoned";
    default: return "failed";
  }
}

ActionOutcome conclude(const process::ProcessResult& process, const Value& timeout, bool used_sudo_password) {
  int exit_code = process.timed_out ? -SIGKILL : process.exit_code;
  std::string error;
  // Upstream cannot tell its own SIGKILL from another one, so that both are a timeout.
  if (process.too_many_processes)
    error = processes_error();
  else if (exit_code == -SIGKILL && !process.killed)
    error = timeout_error(timeout);
  if (used_sudo_password) {
    if (const auto user = refused_sudo_user(text_of(process.standard_error))) {
      error = sudo_error(*user);
      exit_code = kInvalidSudoPassword;
    }
  }
  if (error.empty() && process.output_truncated) error = truncation_error();

  Value result = Value::dict({{"failed", exit_code != 0},
                              {"succeeded", exit_code == 0},
                              {"return_code", exit_code},
                              {"stdout", output_value(process.standard_output)},
                              {"stderr", output_value(process.standard_error)}});
  if (!error.empty()) result.set("error", error);
  return {process.too_many_processes ? "failed" : std::string(status_of(exit_code)), std::move(result), nullptr};
}

// What both runners share.
class LocalRunner : public Runner {
 public:
  LocalRunner(std::string name, Executor& executor, process::ProcessHost& processes, LocalOptions options)
      : context_{std::move(name), executor, processes}, options_(std::move(options)) {
    const bool other_user = !options_.system_user.empty() && options_.system_user != own_user();
    if (!other_user) options_.system_user.clear();
  }

  void start(const ActionRequest& request, StopToken stop, RunHandlers handlers) override {
    Result<std::string> command = command_of(request);
    if (!command) {
      context_.executor.post([handlers, outcome = failed_outcome(context_.runner, command.error().message())] {
        handlers.on_done(outcome);
      });
      return;
    }
    const Value& parameters = request.runner_parameters;
    const std::string password = parameters["sudo_password"].string();
    const bool through_sudo = parameters["sudo"].truthy() || !options_.system_user.empty();

    process::ProcessSpec spec;
    spec.arguments = {"/bin/sh", "-c",
                      through_sudo ? with_sudo(*command, parameters["sudo"].truthy(), password) : *command};
    spec.environment = options_.environment;
    add_user_variables(parameters["env"], spec.environment);
    add_action_variables(request, spec.environment);
    spec.working_directory = parameters["cwd"].string();
    if (!password.empty()) spec.input = password + "\n";
    spec.timeout = timeout_of(parameters["timeout"]);
    spec.kill_with_sudo = through_sudo;
    spec.processes_max = kActionProcessesMax;

    run_child(context_, {.spec = std::move(spec)}, stop, std::move(handlers),
              [timeout = parameters["timeout"], asks = !password.empty()](process::ProcessResult& result) {
                return conclude(result, timeout, asks);
              });
  }

  // Nobody knows what a command does when it runs twice.
  bool is_idempotent(const ActionRequest&) const override { return false; }
  bool uses_process() const override { return true; }

 protected:
  virtual Result<std::string> command_of(const ActionRequest& request) const = 0;

 private:
  // sudo: as root; else as the system user. -E keeps the environment, -S reads the password from standard input.
  std::string with_sudo(const std::string& command, bool as_root, const std::string& password) const {
    const std::string user = as_root ? "" : " -H -u " + shell_quote(options_.system_user);
    return fmt::format("sudo {}-E{} -- bash -c {}", password.empty() ? "" : "-S ", user, shell_quote(command));
  }

  ChildContext context_;
  LocalOptions options_;
};

class LocalShellRunner final : public LocalRunner {
 public:
  using LocalRunner::LocalRunner;

 protected:
  Result<std::string> command_of(const ActionRequest& request) const override {
    const Value& command = request.runner_parameters["cmd"];
    if (!command.is_string()) return fail(ErrorCode::kInvalid, "the parameter \"cmd\" has no value");
    return command.string();
  }
};

class LocalScriptRunner final : public LocalRunner {
 public:
  using LocalRunner::LocalRunner;

 protected:
  Result<std::string> command_of(const ActionRequest& request) const override {
    if (request.entry_point.empty()) return fail(ErrorCode::kInvalid, "Missing entry_point action metadata attribute");
    SQ_TRY(const std::string script, entry_point_path(request));
    if (!request.runner_parameters["content_version"].string().empty())
      return fail(ErrorCode::kInvalid,
                  "content_version is not supported: the pack's files are run as they are on disk");
    make_executable(script);
    const std::string arguments = script_arguments(request.action_parameters, request.parameter_schema,
                                                   request.runner_parameters["kwarg_op"].string_or(kDefaultKwargOp));
    return shell_quote(script) + (arguments.empty() ? "" : " " + arguments);
  }

 private:
  // Where it fails (a read-only file system), the shell tells what is wrong.
  static void make_executable(const std::string& script) {
    struct stat info {};
    if (::stat(script.c_str(), &info) == 0 && S_ISREG(info.st_mode)) ::chmod(script.c_str(), info.st_mode | 0111);
  }
};

}  // namespace

std::unique_ptr<Runner> make_local_shell_runner(Executor& executor, process::ProcessHost& processes,
                                                LocalOptions options) {
  return std::make_unique<LocalShellRunner>("local-shell-cmd", executor, processes, std::move(options));
}

std::unique_ptr<Runner> make_local_script_runner(Executor& executor, process::ProcessHost& processes,
                                                 LocalOptions options) {
  return std::make_unique<LocalScriptRunner>("local-shell-script", executor, processes, std::move(options));
}

}  // namespace squall::runners
